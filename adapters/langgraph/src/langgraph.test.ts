// Handing over inside a real graph, and a store that graphs use, over a spine in this process.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { AIMessage, type BaseMessage, HumanMessage, type ToolMessage } from '@langchain/core/messages'
import { Annotation, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph'
import { ToolNode } from '@langchain/langgraph/prebuilt'
import { type Envelope, historyOf, MemorySpine, turnsOf } from 'memory-spine'
import { createSpineHandoffTool, messagesOfTurns, SpineStore, turnsOfMessages } from './index.ts'

const spine = await MemorySpine.open(':memory:')
after(() => spine.close())

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  envelope_id: Annotation<string | undefined>(),
  active_agent: Annotation<string | undefined>(),
})

const asks = (...calls: { name: string; args?: Record<string, unknown> }[]) =>
  new AIMessage({
    content: '',
    tool_calls: calls.map(({ name, args = {} }, index) => ({
      id: `${name}-${index}`,
      name,
      args,
      type: 'tool_call' as const,
    })),
  })

type Agent = { says: AIMessage; tools?: ReturnType<typeof createSpineHandoffTool>[]; read?: BaseMessage[] }

/** An agent as frameworks build it: a graph of its own, a model and its tools. The model answers from a script. */
function agentGraph(agent: Agent) {
  const graph = new StateGraph(State)
    .addNode('model', ({ messages }) => {
      agent.read = messages
      return { messages: [agent.says] }
    })
    .addNode('tools', new ToolNode(agent.tools ?? []))
    .addEdge(START, 'model')
    .addConditionalEdges(
      'model',
      ({ messages }) => ((messages.at(-1) as AIMessage).tool_calls?.length ? 'tools' : '__end__'),
      ['tools', '__end__'],
    )
  return graph.compile()
}

async function run(agents: Record<string, Agent>, first: string) {
  let graph: StateGraph<never> = new StateGraph(State) as never
  const names = Object.keys(agents)
  for (const name of names)
    graph = (graph as never as StateGraph<typeof State.spec>).addNode(name, agentGraph(agents[name] as Agent), {
      ends: names,
    }) as never
  const built = (
    graph as never as {
      addEdge(from: string, to: string): { compile(): { invoke(input: object): Promise<typeof State.State> } }
    }
  ).addEdge(START, first)
  return built.compile().invoke({ messages: [new HumanMessage('Make payments robust.')] })
}

test('agents of one run are one chain, and the last one reads nothing but the envelope', async () => {
  const envelopes: Envelope[] = []
  const onEnvelope = (envelope: Envelope) => void envelopes.push(envelope)
  const toCoder = createSpineHandoffTool({
    spine,
    agent: 'coder',
    from: 'planner',
    onEnvelope,
    call: { intent: 'Payments must survive a short outage.', constraints: { language: 'python' } },
  })
  const toTester = createSpineHandoffTool({ spine, agent: 'tester', from: 'coder', onEnvelope })
  const tester: Agent = { says: new AIMessage('All green.') }
  const state = await run(
    {
      planner: {
        says: asks({ name: 'transfer_to_coder', args: { task_summary: 'Write the retry logic.' } }),
        tools: [toCoder],
      },
      coder: {
        says: asks({ name: 'transfer_to_tester', args: { task_summary: 'Test it.', decisions: ['full jitter'] } }),
        tools: [toTester],
      },
      tester,
    },
    'planner',
  )
  assert.equal(state.messages.at(-1)?.text, 'All green.')
  assert.equal(state.active_agent, 'tester')
  assert.equal(tester.read?.length, 1)
  const read = tester.read?.[0]?.text ?? ''
  for (const words of ['Payments must survive a short outage.', 'language: python', 'full jitter', 'Test it.'])
    assert.ok(read.includes(words), words)
  assert.doesNotMatch(read, /transfer_to/)
  assert.deepEqual(
    envelopes.map(({ chain, source_agent }) => [chain.hop, source_agent]),
    [
      [1, 'planner'],
      [2, 'coder'],
    ],
  )
})

test('behind the history, every tool call of the answer has its result', async () => {
  const toCoder = createSpineHandoffTool({ spine, agent: 'coder', from: 'planner', messages: 'append' })
  const coder: Agent = { says: new AIMessage('Written.') }
  await run(
    {
      planner: {
        says: asks({ name: 'transfer_to_coder', args: { task_summary: 'Write it.' } }, { name: 'search' }),
        tools: [toCoder],
      },
      coder,
    },
    'planner',
  )
  const answered = (coder.read ?? []).filter((message) => message.type === 'tool') as ToolMessage[]
  assert.deepEqual(answered.map(({ tool_call_id }) => tool_call_id).sort(), ['search-1', 'transfer_to_coder-0'])
  assert.match(coder.read?.at(-1)?.text ?? '', /## Do next\nWrite it\./)
})

test('a store keeps, finds, lists and forgets, by namespace and by what a value says', async () => {
  const store = new SpineStore({ spine })
  await store.put(['users', 'ada'], 'lunch', { food: 'pasta with basil', rating: 5 })
  await store.put(['users', 'ada'], 'dinner', { food: 'soup', rating: 2 })
  await store.put(['users', 'bob'], 'lunch', { food: 'pasta with pesto', rating: 4 })
  assert.deepEqual((await store.get(['users', 'ada'], 'lunch'))?.value, { food: 'pasta with basil', rating: 5 })
  assert.equal(await store.get(['users', 'ada'], 'breakfast'), null)

  const found = await store.search(['users', 'ada'], { query: 'which pasta' })
  assert.deepEqual([found[0]?.key, typeof found[0]?.score], ['lunch', 'number'])
  const good = await store.search(['users'], { filter: { rating: { $gte: 4 } } })
  assert.deepEqual(good.map(({ namespace }) => namespace[1]).sort(), ['ada', 'bob'])
  assert.deepEqual(await store.listNamespaces({ prefix: ['users'] }), [
    ['users', 'ada'],
    ['users', 'bob'],
  ])

  const created = (await store.get(['users', 'bob'], 'lunch'))?.createdAt
  await store.put(['users', 'bob'], 'lunch', { food: 'rice', rating: 3 })
  const changed = await store.get(['users', 'bob'], 'lunch')
  assert.deepEqual([changed?.value.food, changed?.createdAt], ['rice', created])
  await store.delete(['users', 'bob'], 'lunch')
  assert.equal(await store.get(['users', 'bob'], 'lunch'), null)
})

test('messages go to a history and back, calls with their results', () => {
  const turns = turnsOfMessages(
    messagesOfTurns([
      { kind: 'message', role: 'user', text: 'Find it.' },
      { kind: 'call', call_id: 'c1', name: 'search', arguments: { q: 'it' } },
      { kind: 'result', call_id: 'c1', output: 'found' },
      { kind: 'message', role: 'assistant', text: 'There.' },
    ]),
  )
  assert.deepEqual(turnsOf(historyOf(turns, 'coder')), turns)
})
