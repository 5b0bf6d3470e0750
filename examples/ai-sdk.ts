// The AI SDK: an agent receives, reads the envelope behind its own instructions, and hands on by a tool.

import { spinePrepareStep, spineTools } from '@memory-spine/ai-sdk'
import { generateText, stepCountIs } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { MemorySpine } from 'memory-spine'

// The SDK's own test double; put your model here.
type Answer = Awaited<ReturnType<MockLanguageModelV4['doGenerate']>>
const answer = (reason: string, ...content: object[]) =>
  ({
    content,
    finishReason: { unified: reason, raw: reason },
    usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } },
    warnings: [],
  }) as unknown as Answer
const input = JSON.stringify({ target_agent: 'tester', task_summary: 'Test retry.py.', decisions: ['full jitter'] })
const model = new MockLanguageModelV4({
  doGenerate: [
    answer('tool-calls', { type: 'tool-call', toolCallId: 'call-1', toolName: 'handoff', input }),
    answer('stop', { type: 'text', text: 'I wrote retry.py.' }),
  ],
})

await using spine = await MemorySpine.open(':memory:')

spine.receive('coder', async ({ envelope, delivery, signal }) => {
  const { text } = await generateText({
    model,
    instructions: 'You write Python.',
    prompt: 'Begin.',
    abortSignal: signal,
    prepareStep: spinePrepareStep(envelope),
    tools: spineTools({ spine, agent: 'coder', previous: delivery.id }),
    stopWhen: stepCountIs(10),
  })
  return text
})

const { id: envelope_id } = await spine.agentHandoff({
  source_agent: 'planner',
  target_agent: 'coder',
  intent: 'Payments must survive a short outage of the gateway.',
  task_summary: 'Write the retry logic.',
  constraints: { language: 'python' },
})
const { output } = await spine.deliveries.send({ envelope_id, wait: 'completed' })
const [next] = (await spine.deliveries.list({ target: 'tester' })).deliveries
const { task, constraints } = await spine.handoffs.get({ id: next?.envelope_id ?? '' })
console.log(output, task.intent)
console.log('done:', JSON.stringify(constraints))
