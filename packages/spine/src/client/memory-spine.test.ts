import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { HandoffError, HandoffTimeoutError, SpineError } from '../protocol/errors.ts'
import { deliveryOf, fakeSpine, type Loose, sealedEnvelope, turn, untilAborted } from './fakes.test.ts'
import { MemorySpine } from './memory-spine.ts'

const over = (answers: Record<string, Loose>, options = {}) => {
  const fake = fakeSpine(answers)
  return { ...fake, memory: new MemorySpine({ spine: fake.spine, ...options }) }
}
const refuse = (code: SpineError['code']) => () => {
  throw new SpineError(code, 'no')
}

test('agentHandoff answers the envelope itself, sealed in memory too', async () => {
  const { memory, inputs } = over(
    { 'handoffs.create': () => sealedEnvelope({ memory_refs: ['ms-1'] }) },
    { agent: 'analyst' },
  )
  const handoff = await memory.agentHandoff({ target_agent: 'coder', task_summary: 'do it' })
  assert.deepEqual([handoff.envelope_version, handoff.token_count, handoff.memory_refs], ['2', 40, ['ms-1']])
  assert.deepEqual(inputs('handoffs.create'), [
    { source_agent: 'analyst', target_agent: 'coder', task_summary: 'do it' },
  ])
  assert.throws(() => {
    ;(handoff.constraints as Loose).language = 'cobol'
  }, TypeError)
})

test('an envelope of this spine is delivered by its id, one from elsewhere or changed is sent whole', async () => {
  const { memory, inputs } = over({
    'handoffs.create': () => sealedEnvelope(),
    'deliveries.send': () => deliveryOf({ state: 'accepted' }),
  })
  const own = await memory.agentHandoff({ target_agent: 'coder', task_summary: 'do it' })
  assert.equal((await memory.deliverHandoff(own)).state, 'accepted')
  await memory.deliverHandoff({ ...own }, { target: 'other', timeout_ms: 10 })
  const [byId, whole] = inputs('deliveries.send')
  assert.deepEqual(byId, { envelope_id: 'env-1', target: 'coder', wait: 'accepted', timeout_ms: 15_000 })
  assert.equal(whole.envelope.digest, own.digest)
  assert.deepEqual([whole.target, whole.timeout_ms], ['other', 10])
})

test('a handoff that cannot arrive any more is a HandoffError with its state as code', async () => {
  for (const state of ['parked', 'expired', 'cancelled', 'discarded'] as const) {
    const { memory } = over({ 'deliveries.send': () => deliveryOf({ state, reason: 'attempts are spent' }) })
    await assert.rejects(memory.deliverHandoff(sealedEnvelope()), (error: HandoffError) => {
      assert.ok(error instanceof HandoffError)
      assert.equal(error.code, state.toUpperCase())
      assert.match(error.message, /attempts are spent/)
      return true
    })
  }
})

test('a wait that runs out is a HandoffTimeoutError', async () => {
  const { memory } = over({ 'deliveries.send': () => deliveryOf({ state: 'ready' }) })
  await assert.rejects(memory.deliverHandoff(sealedEnvelope()), (error) => {
    assert.ok(error instanceof HandoffTimeoutError && error.code === 'ACK_TIMEOUT' && error.retryable)
    return true
  })
})

test('a rerouted handoff is followed to who has it now', async () => {
  const fallback = deliveryOf({ id: 'dlv-2', target: 'senior', state: 'ready' })
  const { memory } = over({
    'deliveries.send': ({ target }: Loose) =>
      target === 'senior' ? { ...fallback, state: 'accepted' } : deliveryOf({ state: 'rerouted', successor: 'dlv-2' }),
    'deliveries.get': () => fallback,
  })
  assert.equal((await memory.deliverHandoff(sealedEnvelope())).target, 'senior')
})

test('parking never throws for a race, and cuts a long reason', async () => {
  const { memory, inputs } = over({
    'parked.park': () => deliveryOf({ state: 'accepted', code: 'ALREADY_ACCEPTED' } as Loose),
  })
  const parked = await memory.parkEnvelope(sealedEnvelope(), { reason: 'x'.repeat(5_000) })
  assert.equal(parked.code, 'ALREADY_ACCEPTED')
  assert.equal(inputs('parked.park')[0].reason.length, 2_000)
})

test('an envelope from elsewhere is stored before it is parked', async () => {
  const imported: Loose[] = []
  const { memory, calls } = over({
    'parked.park': () => (imported.length ? deliveryOf({ state: 'parked' }) : refuse('ENVELOPE_NOT_FOUND')()),
    'handoffs.import': ({ envelope }: Loose) => imported.push(envelope),
  })
  assert.equal((await memory.parkEnvelope(sealedEnvelope(), { reason: 'lost' })).state, 'parked')
  assert.deepEqual(
    calls.map(({ name }) => name),
    ['parked.park', 'handoffs.import', 'parked.park'],
  )
})

test('the operations and the context are reachable from it', async () => {
  const { memory, spine } = over({ 'memories.store': () => ({ memories: [] }) })
  assert.deepEqual(await memory.memories.store({ content: 'x' }), { memories: [] })
  for (const group of ['memories', 'tasks', 'agents', 'handoffs', 'deliveries'] as const)
    assert.equal(memory[group], spine[group])
  assert.equal((await memory.context.open(sealedEnvelope())).degraded, false)
})

test('closing stops the receivers first, then the spine', async () => {
  const order: string[] = []
  const fake = fakeSpine({ 'deliveries.receive': untilAborted })
  const spine = { ...fake.spine, close: async () => void order.push('spine') }
  {
    await using memory = new MemorySpine({ spine })
    const receiver = memory.receive('coder', () => {})
    void receiver.closed.then(() => order.push('receiver'))
    await turn()
  }
  assert.deepEqual(order, ['receiver', 'spine'])
})

test('a store that cannot be served is closed again, and its lock with it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'refused-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'spine.db')
  await (await MemorySpine.open(file)).close()
  const newer = new DatabaseSync(file)
  newer.exec("insert into spine_schema(version, name, applied_at) values (9999, 'of a newer program', 0)")
  newer.close()
  for (const _ of ['first', 'second']) await assert.rejects(MemorySpine.open(file), { code: 'SCHEMA_TOO_NEW' })
})
