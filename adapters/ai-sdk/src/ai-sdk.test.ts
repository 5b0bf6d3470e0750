// The tools and the step helper through the real SDK, with models that answer from a script.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { generateText, stepCountIs } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { type Envelope, historyOf, MemorySpine, turnsOf } from 'memory-spine'
import { messagesOfTurns, spinePrepareStep, spineTools, turnsOfMessages } from './index.ts'

const spine = await MemorySpine.open(':memory:')
after(() => spine.close())

type Result = Awaited<ReturnType<MockLanguageModelV4['doGenerate']>>
const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } } as unknown as Result['usage']

const says = (text: string): Result =>
  ({
    content: [{ type: 'text', text }],
    finishReason: { unified: 'stop', raw: 'stop' },
    usage,
    warnings: [],
  }) as unknown as Result
const calls = (toolName: string, input: object): Result =>
  ({
    content: [{ type: 'tool-call', toolCallId: `call-${toolName}`, toolName, input: JSON.stringify(input) }],
    finishReason: { unified: 'tool-calls', raw: 'tool-calls' },
    usage,
    warnings: [],
  }) as unknown as Result

test('a model remembers, searches and hands over, and the next model reads the envelope', async () => {
  const envelopes: Envelope[] = []
  const model = new MockLanguageModelV4({
    doGenerate: [
      calls('remember', { content: 'The gateway answers 429 after 12 requests.', kind: 'fact', pinned: true }),
      calls('search', { query: 'when does the gateway answer 429' }),
      calls('handoff', { target_agent: 'coder', task_summary: 'Write the retry logic.', decisions: ['full jitter'] }),
      says('Handed over.'),
    ],
  })
  const call = { intent: 'Payments must survive a short outage.', constraints: { language: 'python' } }
  const tools = spineTools({ spine, agent: 'planner', call, onEnvelope: (envelope) => void envelopes.push(envelope) })
  const { text, steps } = await generateText({
    model,
    tools,
    prompt: 'Make payments robust.',
    stopWhen: stepCountIs(5),
  })
  assert.equal(text, 'Handed over.')
  assert.match(JSON.stringify(steps[1]?.toolResults), /429 after 12 requests/)
  const [envelope] = envelopes
  assert.ok(envelope)
  assert.equal(envelope.source_agent, 'planner')

  const reader = new MockLanguageModelV4({ doGenerate: [says('Written.')] })
  await generateText({
    model: reader,
    instructions: 'You write Python.',
    prompt: 'Begin.',
    prepareStep: spinePrepareStep(envelope),
  })
  const asked = JSON.stringify(reader.doGenerateCalls[0]?.prompt)
  for (const words of [
    'You write Python.',
    'Payments must survive a short outage.',
    'language: python',
    'full jitter',
    '429',
  ])
    assert.ok(asked.includes(words), words)
})

test('as a message, the envelope is read once however many steps there are', async () => {
  const envelope = await spine.agentHandoff({
    target_agent: 'coder',
    task_summary: 'Write the parser.',
    previous: null,
  })
  const model = new MockLanguageModelV4({
    doGenerate: [calls('search', { query: 'parser' }), says('Written.')],
  })
  await generateText({
    model,
    tools: spineTools({ spine, agent: 'coder', previous: envelope.id }),
    prompt: 'Begin.',
    stopWhen: stepCountIs(3),
    prepareStep: spinePrepareStep(envelope, { into: 'messages' }),
  })
  for (const { prompt } of model.doGenerateCalls) assert.equal(JSON.stringify(prompt).split('## Do next').length - 1, 1)
})

test('a refusal is an answer that the model can read', async () => {
  const { handoff } = spineTools({ spine, agent: 'planner', call: { max_tokens: 2 } })
  const answer = await handoff.execute?.(
    { target_agent: 'coder', task_summary: 'Do it.', decisions: [], memory_ids: [] },
    { toolCallId: 'c1', messages: [] } as never,
  )
  assert.match(JSON.stringify(answer), /BUDGET_TOO_SMALL/)
})

test('messages go to a history and back, calls with their results', () => {
  const messages = messagesOfTurns([
    { kind: 'message', role: 'user', text: 'Find it.' },
    { kind: 'call', call_id: 'c1', name: 'search', arguments: { q: 'it' } },
    { kind: 'result', call_id: 'c1', output: { hits: 2 } },
    { kind: 'message', role: 'assistant', text: 'There.' },
  ])
  assert.deepEqual(messagesOfTurns(turnsOf(historyOf(turnsOfMessages(messages), 'coder'))), messages)
})
