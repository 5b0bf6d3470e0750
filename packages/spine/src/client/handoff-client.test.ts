import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CircuitOpenError, HandoffError, SpineError, spineError } from '../protocol/errors.ts'
import { deliveryOf, fakeSpine, type Loose, manualPacing, sealedEnvelope } from './fakes.test.ts'
import { HandoffClient, type HandoffClientOptions } from './handoff-client.ts'
import { MemorySpine } from './memory-spine.ts'

const row = deliveryOf({ state: 'ready' })
const toSenior = deliveryOf({ id: 'dlv-2', target: 'senior', state: 'ready' })
const refuse = (code: SpineError['code']) => () => {
  throw spineError(code, 'no')
}

function over(answers: Record<string, Loose>, options: HandoffClientOptions = {}) {
  const pacing = manualPacing()
  const fake = fakeSpine({
    'deliveries.list': () => ({ deliveries: [row] }),
    'deliveries.reroute': refuse('NO_FALLBACK'),
    'parked.park': () => deliveryOf({ state: 'parked' }),
    ...answers,
  })
  const client = new HandoffClient(new MemorySpine({ spine: fake.spine }), { pacing, ...options })
  return { ...fake, client, pacing, names: () => fake.calls.map(({ name }) => name.split('.')[1]) }
}

test('a number of waits or a pause that is none is refused at once', () => {
  for (const max_retries of [0, -1, 1.5, Number.NaN])
    assert.throws(() => over({}, { max_retries }), { code: 'INVALID_INPUT' })
  for (const backoff_cap_ms of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => over({}, { backoff_cap_ms }), { code: 'INVALID_INPUT' })
})

test('a handoff that is accepted is not waited for again', async () => {
  const { client, names, inputs } = over({ 'deliveries.send': () => deliveryOf({ state: 'accepted' }) })
  assert.equal((await client.sendHandoff(sealedEnvelope(), 'tester')).state, 'accepted')
  assert.deepEqual(names(), ['send'])
  const { target, timeout_ms } = inputs('deliveries.send')[0]
  assert.deepEqual([target, timeout_ms], ['tester', 15_000])
})

test('three waits, random pauses between them and none after the last, then parked', async () => {
  const { client, names, pacing, inputs } = over({ 'deliveries.send': () => row })
  const given = assert.rejects(client.sendHandoff(sealedEnvelope()), (error: HandoffError) => {
    assert.ok(error instanceof HandoffError && error.code === 'PARKED')
    assert.match(error.message, /env-1 to coder was given up after 3 waits/)
    assert.equal((error.extra.delivery as Loose).state, 'parked')
    assert.equal((error.cause as SpineError).code, 'ACK_TIMEOUT')
    return true
  })
  await pacing.advance(0)
  // Half of 2 s, then half of 4 s.
  assert.deepEqual(pacing.sleeping, [1_000])
  await pacing.advance(1_000)
  assert.deepEqual(pacing.sleeping, [2_000])
  await pacing.advance(2_000)
  await given
  assert.deepEqual(names(), ['send', 'send', 'send', 'list', 'reroute', 'park'])
  assert.equal(inputs('parked.park')[0].target, 'coder')
  assert.equal(pacing.now(), 3_000)
})

test('the pauses are never longer than the cap', async () => {
  const { client, pacing } = over({ 'deliveries.send': () => row }, { max_retries: 8 })
  const given = assert.rejects(client.sendHandoff(sealedEnvelope()), HandoffError)
  const pauses: number[] = []
  for (let tries = 1; tries < 8; tries += 1) {
    await pacing.advance(0)
    pauses.push(...pacing.sleeping)
    await pacing.advance(pacing.sleeping[0] ?? 0)
  }
  await given
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
})

test('the fallback agent gets it when nobody comes, and is waited for once', async () => {
  const send = ({ target }: Loose) => (target === 'senior' ? { ...toSenior, state: 'accepted' } : row)
  const reroute = () => ({ delivery: { ...row, state: 'rerouted' }, next: toSenior })
  const taken = over({ 'deliveries.send': send, 'deliveries.reroute': reroute }, { max_retries: 1 })
  assert.equal((await taken.client.sendHandoff(sealedEnvelope())).target, 'senior')
  assert.deepEqual(taken.names(), ['send', 'list', 'reroute', 'send'])
  assert.deepEqual(taken.inputs('deliveries.list')[0], { envelope_id: 'env-1', target: 'coder', limit: 1 })

  const silent = over({ 'deliveries.send': () => row, 'deliveries.reroute': reroute }, { max_retries: 1 })
  await assert.rejects(silent.client.sendHandoff(sealedEnvelope()), { code: 'PARKED' })
  assert.deepEqual(silent.names(), ['send', 'list', 'reroute', 'send', 'park'])
  assert.equal(silent.inputs('parked.park')[0].target, 'senior')
})

test('an open breaker is not waited for: the fallback gets it, else it fails at once and stays queued', async () => {
  const none = over({ 'deliveries.send': refuse('CIRCUIT_OPEN') })
  await assert.rejects(none.client.sendHandoff(sealedEnvelope()), CircuitOpenError)
  assert.deepEqual(none.names(), ['send', 'list', 'reroute'])

  const off = over({ 'deliveries.send': refuse('CIRCUIT_OPEN') }, { fallback: false })
  await assert.rejects(off.client.sendHandoff(sealedEnvelope()), CircuitOpenError)
  assert.deepEqual(off.names(), ['send'])

  const taken = over({
    'deliveries.send': ({ target }: Loose) =>
      target === 'senior' ? { ...toSenior, state: 'accepted' } : refuse('CIRCUIT_OPEN')(),
    'deliveries.reroute': () => ({ delivery: row, next: toSenior }),
  })
  assert.equal((await taken.client.sendHandoff(sealedEnvelope())).target, 'senior')

  const both = over({
    'deliveries.send': refuse('CIRCUIT_OPEN'),
    'deliveries.reroute': () => ({ delivery: row, next: toSenior }),
  })
  await assert.rejects(both.client.sendHandoff(sealedEnvelope()), CircuitOpenError)
  assert.deepEqual(both.names(), ['send', 'list', 'reroute', 'send'])
})

test('whoever accepts faster than the parking has it', async () => {
  const { client } = over(
    {
      'deliveries.send': () => row,
      'deliveries.reroute': refuse('WRONG_STATE'),
      'parked.park': () => deliveryOf({ state: 'accepted', code: 'ALREADY_ACCEPTED' } as Loose),
    },
    { max_retries: 1 },
  )
  assert.equal((await client.sendHandoff(sealedEnvelope())).state, 'accepted')
})

test('a delivery that came to its end meanwhile is named by that end', async () => {
  const answers = { 'deliveries.send': () => row, 'parked.park': () => deliveryOf({ state: 'expired' }) }
  const { client } = over(answers, { max_retries: 1, fallback: false })
  await assert.rejects(client.sendHandoff(sealedEnvelope()), { name: 'HandoffError', code: 'EXPIRED' })
})

test('what cannot arrive any more is not waited for again, nor is what was refused', async () => {
  const parked = over({ 'deliveries.send': () => deliveryOf({ state: 'parked' }) })
  await assert.rejects(parked.client.sendHandoff(sealedEnvelope()), { code: 'PARKED' })
  const refused = over({ 'deliveries.send': refuse('DIGEST_MISMATCH') })
  await assert.rejects(refused.client.sendHandoff(sealedEnvelope()), { code: 'DIGEST_MISMATCH' })
  assert.deepEqual([parked.names(), refused.names()], [['send'], ['send']])
})

test('a spine that does not answer is tried again, and then nothing is parked', async () => {
  const { client, names, pacing } = over({ 'deliveries.send': refuse('UNREACHABLE') })
  const given = assert.rejects(client.sendHandoff(sealedEnvelope()), { code: 'UNREACHABLE' })
  await pacing.advance(60_000)
  await given
  assert.deepEqual(names(), ['send', 'send', 'send'])
})

test('a sender that aborts gets its own reason, also between two waits', async () => {
  const ending = new AbortController()
  const { client, names, pacing } = over({ 'deliveries.send': () => row })
  const given = assert.rejects(client.sendHandoff(sealedEnvelope(), 'coder', { signal: ending.signal }), {
    message: 'enough',
  })
  await pacing.advance(0)
  ending.abort(new Error('enough'))
  await given
  assert.deepEqual(names(), ['send'])
})

test('a client without a wait is refused', () => {
  for (const max_retries of [0, 1.5, Number.NaN]) assert.throws(() => over({}, { max_retries }), SpineError)
})
