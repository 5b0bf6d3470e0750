import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpineError } from '../protocol/errors.ts'
import {
  deliveryOf,
  fakeSpine,
  inbox,
  type Loose,
  manualPacing,
  receivedOf,
  sealedEnvelope,
  turn,
} from './fakes.test.ts'
import { receive } from './receive.ts'
import type { Received } from './received.ts'

const lease = { id: 'dlv-1', lease_token: 'token-1' }
const forwarded = () => ({
  delivery: deliveryOf({ state: 'completed' }),
  envelope: sealedEnvelope({ id: 'env-2' }),
  deliveries: [deliveryOf({ id: 'dlv-2', target: 'tester', state: 'ready' })],
})
const refuse = (code: SpineError['code']) => () => {
  throw new SpineError(code, 'no')
}

/** One delivery, one handler, and what was called for it. */
async function run(handler: (received: Received) => unknown, answers: Record<string, Loose> = {}) {
  const pacing = manualPacing()
  const errors: Loose[] = []
  const fake = fakeSpine({
    'deliveries.receive': inbox([receivedOf()]),
    'deliveries.accept': () => deliveryOf(),
    'deliveries.complete': () => deliveryOf(),
    'deliveries.nack': () => deliveryOf(),
    'deliveries.heartbeat': () => deliveryOf(),
    'deliveries.forward': forwarded,
    ...answers,
  })
  const receiver = receive(fake.spine, 'coder', handler, { pacing, onError: (error) => errors.push(error) })
  await pacing.advance(60_000)
  await turn()
  await receiver.stop()
  const settled = fake.calls
    .map(({ name }) => name.replace('deliveries.', ''))
    .filter((name) => ['complete', 'nack', 'forward'].includes(name))
  return { ...fake, errors, settled }
}

test('forward completes and hands on in one call, and the value of the handler is not used', async () => {
  let next: Loose
  const { inputs, settled, errors } = await run(async ({ forward }) => {
    next = await forward({
      target_agent: 'tester',
      task_summary: 'test it',
      output: { files: 3, at: new Date(0) },
      also: [receivedOf({ id: 'dlv-9', lease_token: 'token-9' })],
      priority: 'high',
    })
    return 'ignored'
  })
  assert.deepEqual(settled, ['forward'])
  assert.deepEqual(inputs('deliveries.forward'), [
    {
      ...lease,
      handoff: { target_agent: 'tester', task_summary: 'test it' },
      output: { files: 3, at: '1970-01-01T00:00:00.000Z' },
      also: [{ id: 'dlv-9', lease_token: 'token-9' }],
      priority: 'high',
    },
  ])
  assert.equal(next.envelope.id, 'env-2')
  assert.throws(() => {
    next.envelope.id = 'env-3'
  }, TypeError)
  assert.deepEqual(errors, [])
})

test('a forward to a channel names its receivers', async () => {
  const { inputs } = await run(({ forward }) =>
    forward({ task_summary: 'review it', channel: 'reviews', receivers: ['a', 'b'] }),
  )
  assert.deepEqual(inputs('deliveries.forward'), [
    { ...lease, handoff: { task_summary: 'review it' }, channel: 'reviews', receivers: ['a', 'b'] },
  ])
})

test('the gaps of an opened context go into the output of a forward', async () => {
  const gap = { id: 'ms-9', reason: 'not_found' }
  const envelope = sealedEnvelope({ completeness: { requested: 1, resolved: 0, included: 0, score: 0, gaps: [gap] } })
  const { inputs } = await run(
    async ({ context, forward }) => {
      await context()
      await forward({ target_agent: 'tester', task_summary: 'test it' })
    },
    {
      'deliveries.receive': inbox([receivedOf({ envelope })]),
      'memories.resolve': () => ({ memories: [], gaps: [gap] }),
    },
  )
  assert.deepEqual(inputs('deliveries.forward')[0].output, { context_gaps: [gap] })
})

test('a forward is tried again while the server is away', async () => {
  let tries = 0
  const { settled } = await run(({ forward }) => forward({ target_agent: 'tester', task_summary: 'test it' }), {
    'deliveries.forward': () => {
      tries += 1
      return tries < 3 ? refuse('UNREACHABLE')() : forwarded()
    },
  })
  assert.deepEqual(settled, ['forward', 'forward', 'forward'])
})

for (const code of ['HOP_LIMIT', 'CYCLE'] as const)
  test(`a forward that is refused with ${code} has parked the delivery: it is not settled again`, async () => {
    const answers = { 'deliveries.forward': refuse(code) }
    const thrown = await run(({ forward }) => forward({ target_agent: 'b', task_summary: 'again' }), answers)
    assert.deepEqual([thrown.settled, thrown.errors[0].code], [['forward'], code])
    const caught = await run(({ forward }) => forward({ task_summary: 'again' }).catch(() => 'done here'), answers)
    assert.deepEqual([caught.settled, caught.inputs('deliveries.heartbeat')], [['forward'], []])
  })

test('a forward that is refused otherwise leaves the delivery to its handler', async () => {
  const answers = { 'deliveries.forward': refuse('BUDGET_TOO_SMALL') }
  const finished = await run(({ forward }) => forward({ task_summary: 'x' }).catch(() => 'done here'), answers)
  assert.deepEqual(finished.settled, ['forward', 'complete'])
  const thrown = await run(({ forward }) => forward({ task_summary: 'x' }), answers)
  assert.deepEqual(thrown.settled, ['forward', 'nack'])
  assert.match(thrown.inputs('deliveries.nack')[0].reason, /BUDGET_TOO_SMALL/)
})

test('what a handler says after its forward is refused by the server, and nothing is said for it', async () => {
  const { settled, errors } = await run(
    async ({ forward, ack }) => {
      await forward({ target_agent: 'tester', task_summary: 'test it' })
      await ack('too late')
    },
    { 'deliveries.complete': refuse('WRONG_STATE') },
  )
  assert.deepEqual(settled, ['forward', 'complete'])
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['WRONG_STATE'],
  )
})

test('each kind of nack says what it needs', async () => {
  const said = async (nack: Parameters<Received['nack']>[0]) =>
    (await run((received) => received.nack(nack))).inputs('deliveries.nack')
  assert.deepEqual(await said({ reason: 'busy', delay_ms: 5_000 }), [{ ...lease, reason: 'busy', delay_ms: 5_000 }])
  assert.deepEqual(await said({ kind: 'declined', reason: 'not mine' }), [
    { ...lease, kind: 'declined', reason: 'not mine' },
  ])
  assert.deepEqual(await said({ kind: 'fatal', reason: 'broken' }), [{ ...lease, kind: 'fatal', reason: 'broken' }])
  assert.deepEqual(await said({ kind: 'needs_clarification', question: 'Which region?' }), [
    { ...lease, kind: 'needs_clarification', reason: 'Which region?' },
  ])
  assert.deepEqual(await said({ kind: 'needs_clarification', reason: 'Which region?' }), [
    { ...lease, kind: 'needs_clarification', reason: 'Which region?' },
  ])
})
