// LangGraph: a tool hands over to another node of the graph, which reads the envelope. The model answers from a script.

import { AIMessage, HumanMessage } from '@langchain/core/messages'
import { Annotation, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph'
import { ToolNode } from '@langchain/langgraph/prebuilt'
import { createSpineHandoffTool, SpineStore } from '@memory-spine/langgraph'
import { MemorySpine } from 'memory-spine'

await using spine = await MemorySpine.open(':memory:')
const request = 'Payments must survive a short outage of the gateway.'

// `envelope_id` in the state makes the handoffs of a run one chain.
const State = Annotation.Root({ ...MessagesAnnotation.spec, envelope_id: Annotation<string>() })

const toCoder = createSpineHandoffTool({
  spine,
  agent: 'coder',
  from: 'planner',
  call: { intent: request, constraints: { language: 'python' } },
})
const calls = [{ id: 'call-1', name: toCoder.name, args: { task_summary: 'Write the retry logic.' } }]

const planner = new StateGraph(State)
  .addNode('model', () => ({ messages: [new AIMessage({ content: '', tool_calls: calls })] }))
  .addNode('tools', new ToolNode([toCoder]))
  .addEdge(START, 'model')
  .addEdge('model', 'tools')
  .compile()

const graph = new StateGraph(State)
  .addNode('planner', planner, { ends: ['coder'] })
  .addNode('coder', ({ messages }) => {
    console.log(messages.map(({ text }) => text).join('\n')) // the envelope, and nothing else
    return { messages: [new AIMessage('I wrote retry.py.')] }
  })
  .addEdge(START, 'planner')
  .compile({ store: new SpineStore({ spine }) })

const { messages, envelope_id } = await graph.invoke({ messages: [new HumanMessage(request)] })
const { constraints } = await spine.handoffs.get({ id: envelope_id })
console.log('done:', messages.at(-1)?.text, JSON.stringify(constraints))
