// LangGraph: in a swarm, a tool hands over to the next agent, which reads the envelope and nothing else.

import { AIMessage, HumanMessage } from '@langchain/core/messages'
import { fakeModel } from '@langchain/core/testing'
import { createReactAgent } from '@langchain/langgraph/prebuilt'
import { createSwarm } from '@langchain/langgraph-swarm'
import { createSpineHandoffTool, SpineStore } from '@memory-spine/langgraph'
import { MemorySpine } from 'memory-spine'

await using spine = await MemorySpine.open(':memory:')
const request = 'Payments must survive a short outage of the gateway.'

const toCoder = createSpineHandoffTool({
  spine,
  agent: 'coder',
  from: 'planner',
  call: { intent: request, constraints: { language: 'python' } },
})

// The fake model of LangChain; put yours here.
const plans = fakeModel().respondWithTools([{ name: toCoder.name, args: { task_summary: 'Write the retry logic.' } }])
const writes = fakeModel().respond(new AIMessage('I wrote retry.py.'))

const planner = createReactAgent({ name: 'planner', llm: plans, tools: [toCoder] })
const coder = createReactAgent({ name: 'coder', llm: writes, tools: [] })
const swarm = createSwarm({ agents: [planner, coder] as never, defaultActiveAgent: 'planner' })
const graph = swarm.compile({ store: new SpineStore({ spine }) })

const { messages } = await graph.invoke({ messages: [new HumanMessage(request)] })
console.log(writes.calls[0]?.messages.map(({ text }) => text).join('\n')) // what the coder read
console.log('done:', messages.at(-1)?.text)
