// Handoffs through the real SDK with models that answer from a script: what the next agent reads is the envelope.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Agent, type Model, type ModelRequest, Runner, setTracingDisabled, Usage } from '@openai/agents'
import type { Envelope } from 'memory-spine'
import { MemorySpine } from 'memory-spine'
import { itemsOfTurns, spineHandoff, turnsOfItems } from './index.ts'

setTracingDisabled(true)
const spine = await MemorySpine.open(':memory:')
after(() => spine.close())

type Output = Awaited<ReturnType<Model['getResponse']>>['output']

/** Answers from a script, and keeps what it was asked. */
function scripted(...answers: Output[]): Model & { asked: ModelRequest[] } {
  const asked: ModelRequest[] = []
  return {
    asked,
    async getResponse(request) {
      asked.push(request)
      return { usage: new Usage(), output: answers[asked.length - 1] ?? [] }
    },
    // biome-ignore lint/correctness/useYield: a script has nothing to stream.
    async *getStreamedResponse() {
      throw new Error('not streamed here')
    },
  }
}

const says = (text: string): Output => [
  { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text }] },
]
const handsTo = (agent: string, task_summary: string, decisions: string[] = []): Output => [
  {
    type: 'function_call',
    callId: `call-${agent}`,
    name: `transfer_to_${agent}`,
    arguments: JSON.stringify({ task_summary, decisions }),
    status: 'completed',
  },
]

const inputText = (request: ModelRequest | undefined) => JSON.stringify(request?.input)

test('three agents of one run are one chain: the last one reads the intent, the constraints and the decisions', async () => {
  const envelopes: Envelope[] = []
  const common = { spine, onEnvelope: (envelope: Envelope) => void envelopes.push(envelope) }
  const tester = new Agent({ name: 'tester', model: scripted(says('All green.')) })
  const testerModel = tester.model as ReturnType<typeof scripted>
  const coder = new Agent({
    name: 'coder',
    model: scripted(handsTo('tester', 'Test the retry logic.', ['full jitter: no thundering herd'])),
    handoffs: [spineHandoff(tester, common)],
  })
  const planner = new Agent({
    name: 'planner',
    model: scripted(handsTo('coder', 'Write the retry logic.')),
    handoffs: [
      spineHandoff(coder, {
        ...common,
        from: 'planner',
        call: { intent: 'Payments must survive a short outage.', constraints: { language: 'python' } },
      }),
    ],
  })
  const result = await new Runner({ tracingDisabled: true }).run(planner, 'Make payments robust.')
  assert.equal(result.lastAgent?.name, 'tester')
  assert.equal(result.finalOutput, 'All green.')
  const read = inputText(testerModel.asked[0])
  for (const words of [
    'Payments must survive a short outage.',
    'language: python',
    'full jitter',
    'Test the retry logic.',
  ])
    assert.ok(read.includes(words), words)
  assert.ok(!read.includes('Make payments robust.'), 'the chat history does not travel')
  assert.deepEqual(
    envelopes.map(({ source_agent, target_agent, chain }) => [source_agent, target_agent, chain.hop]),
    [
      ['planner', 'coder', 1],
      ['coder', 'tester', 2],
    ],
  )
})

test('for a conversation that the server keeps, the envelope goes into the instructions and the history stays', async () => {
  const coder = new Agent({ name: 'coder', instructions: 'You write Python.', model: scripted(says('Done.')) })
  const coderModel = coder.model as ReturnType<typeof scripted>
  const planner = new Agent({
    name: 'planner',
    model: scripted(handsTo('coder', 'Write the parser.')),
    handoffs: [spineHandoff(coder, { spine, from: 'planner', into: 'instructions' })],
  })
  await new Runner({ tracingDisabled: true }).run(planner, 'Parse it.')
  const [asked] = coderModel.asked
  assert.match(asked?.systemInstructions ?? '', /^You write Python\.[\s\S]*## Do next\nWrite the parser\./)
  assert.ok(inputText(asked).includes('Parse it.'))
})

test('items go to turns and back, calls with their results', () => {
  const items = itemsOfTurns([
    { kind: 'message', role: 'user', text: 'Find it.' },
    { kind: 'call', call_id: 'c1', name: 'search', arguments: { q: 'it' } },
    { kind: 'result', call_id: 'c1', output: 'found' },
    { kind: 'message', role: 'assistant', text: 'There.' },
  ])
  assert.deepEqual(itemsOfTurns(turnsOfItems(items)), items)
})
