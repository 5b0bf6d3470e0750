// The two ways in which LangGraph's own libraries put agents together: swarms and supervisors, with their fake model.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { AIMessage, HumanMessage } from '@langchain/core/messages'
import { fakeModel } from '@langchain/core/testing'
import { createReactAgent } from '@langchain/langgraph/prebuilt'
import { createSupervisor } from '@langchain/langgraph-supervisor'
import { createSwarm } from '@langchain/langgraph-swarm'
import { type Envelope, MemorySpine } from 'memory-spine'
import { createSpineHandoffTool } from './index.ts'

const spine = await MemorySpine.open(':memory:')
after(() => spine.close())

const intent = 'Payments must survive a short outage.'
const constraints = { language: 'python' }
const request = { messages: [new HumanMessage('Make payments robust.')] }

const hands = (name: string, task_summary: string) => fakeModel().respondWithTools([{ name, args: { task_summary } }])
const says = (text: string) => fakeModel().respond(new AIMessage(text))

/** What the model of an agent was asked. */
const read = (model: ReturnType<typeof fakeModel>) => model.calls[0]?.messages.map(({ text }) => text).join('\n') ?? ''

test('in a swarm, each agent reads the envelope of the one before it, and its handoffs are one chain', async () => {
  const envelopes: Envelope[] = []
  const onEnvelope = (envelope: Envelope) => void envelopes.push(envelope)
  const common = { spine, onEnvelope }
  const toCoder = createSpineHandoffTool({ ...common, agent: 'coder', from: 'planner', call: { intent, constraints } })
  const toTester = createSpineHandoffTool({ ...common, agent: 'tester', from: 'coder' })
  const testerModel = says('All green.')
  const agents = [
    createReactAgent({ name: 'planner', llm: hands(toCoder.name, 'Write the retry logic.'), tools: [toCoder] }),
    createReactAgent({ name: 'coder', llm: hands(toTester.name, 'Test the retry logic.'), tools: [toTester] }),
    createReactAgent({ name: 'tester', llm: testerModel, tools: [] }),
  ]
  const swarm = createSwarm({ agents: agents as never, defaultActiveAgent: 'planner' }).compile()
  const { messages, activeAgent } = await swarm.invoke(request)
  assert.deepEqual([messages.at(-1)?.text, activeAgent], ['All green.', 'tester'])
  for (const words of [intent, 'language: python', 'Test the retry logic.'])
    assert.ok(read(testerModel).includes(words))
  assert.doesNotMatch(read(testerModel), /Make payments robust\.\n## /)
  assert.deepEqual(
    envelopes.map(({ chain }) => chain.hop),
    [1, 2],
  )
})

test('a supervisor hands over by the tool, gets the answer back, and may hand over again', async () => {
  const envelopes: Envelope[] = []
  const toCoder = createSpineHandoffTool({
    spine,
    onEnvelope: (envelope) => void envelopes.push(envelope),
    agent: 'coder',
    from: 'supervisor',
    name: 'hand_over_to_coder',
    messages: 'append',
    call: { intent, constraints },
  })
  const again = [{ name: toCoder.name, args: { task_summary: 'Test it, too.' } }]
  const supervisorModel = hands(toCoder.name, 'Write the retry logic.')
    .respondWithTools(again)
    .respond(new AIMessage('It is done.'))
  const coderModel = says('I wrote retry.py.').respond(new AIMessage('I tested it.'))
  const coder = createReactAgent({ name: 'coder', llm: coderModel, tools: [] })
  const supervisor = createSupervisor({ agents: [coder] as never, llm: supervisorModel as never, tools: [toCoder] })
  const { messages } = await supervisor.compile().invoke(request)
  assert.equal(messages.at(-1)?.text, 'It is done.')
  assert.deepEqual(
    envelopes.map(({ chain, task }) => [chain.hop, task.intent]),
    [
      [1, intent],
      [2, intent],
    ],
  )
  for (const words of [intent, 'language: python', 'Write the retry logic.'])
    assert.ok(read(coderModel).includes(words))
})
