import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeSpine, type Loose, sealedEnvelope } from './fakes.test.ts'
import { MemorySpine } from './memory-spine.ts'

const publication = { channel: 'oauth', envelope_id: 'env-1', deliveries: [], settled: false, not_completed: [] }
const over = () => {
  const signals: (AbortSignal | undefined)[] = []
  const fake = fakeSpine({
    'handoffs.create': () => sealedEnvelope(),
    'channels.publish': (_input: Loose, { signal }) => {
      signals.push(signal)
      return publication
    },
    'channels.status': () => publication,
  })
  return { ...fake, signals, memory: new MemorySpine({ spine: fake.spine }) }
}

test('an envelope of this spine is published by its id, another one whole', async () => {
  const { memory, inputs } = over()
  const own = await memory.agentHandoff({ target_agent: 'broadcast', task_summary: 'do it' })
  const channel = memory.getChannel('oauth')
  assert.equal(channel.name, 'oauth')
  await channel.publish({ envelope: own, receivers: ['a', 'b'], delivery: 'at-least-once' })
  await channel.publish({ envelope: { ...own }, receivers: ['a'] })
  const [byId, whole] = inputs('channels.publish')
  assert.deepEqual(byId, {
    channel: 'oauth',
    envelope_id: 'env-1',
    receivers: ['a', 'b'],
    delivery: 'at-least-once',
  })
  assert.deepEqual([whole.envelope.digest, whole.envelope_id], [own.digest, undefined])
})

test('the options of a publication go with it, its signal beside it', async () => {
  const { memory, inputs, signals } = over()
  const { signal } = new AbortController()
  const options = { wait: 'all', goal: 'completed', timeout_ms: 50, priority: 'high', idempotency_key: 'k' } as const
  await memory.getChannel('oauth').publish({ envelope: sealedEnvelope(), receivers: ['a'], ...options, signal })
  const { envelope: _envelope, ...call } = inputs('channels.publish')[0]
  assert.deepEqual(call, { channel: 'oauth', receivers: ['a'], ...options })
  assert.deepEqual(signals, [signal])
})

test('the status of a publication is asked for by the envelope or its id', async () => {
  const { memory, inputs } = over()
  const channel = memory.getChannel('oauth')
  assert.equal(await channel.status(sealedEnvelope()), publication)
  await channel.status('env-2')
  assert.deepEqual(inputs('channels.status'), [
    { channel: 'oauth', envelope_id: 'env-1' },
    { channel: 'oauth', envelope_id: 'env-2' },
  ])
})
