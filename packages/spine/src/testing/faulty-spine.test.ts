import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemorySpine } from '../client/memory-spine.ts'
import type { Received } from '../client/received.ts'
import { type Fault, faultySpine, registerReceiver, type TestSpine, testSpine } from '../testing.ts'

const handoff = { target_agent: 'coder', task_summary: 'Fix it.', previous: null }

async function start(spine: TestSpine) {
  const faulty = faultySpine(spine, { clock: spine.clock })
  const envelope = await spine.handoffs.create(handoff)
  await spine.deliveries.send({ envelope_id: envelope.id })
  const { deliveries } = await spine.deliveries.receive({ agent: 'coder', wait_ms: 0 })
  const [delivery] = deliveries
  assert.ok(delivery)
  const { id, lease_token } = delivery
  const state = async () => (await spine.deliveries.get({ id })).state
  const complete = () => faulty.deliveries.complete({ id, lease_token })
  const inject = (fault: Fault, more = {}) => faulty.inject({ operation: 'deliveries.complete', fault, ...more })
  return { faulty, envelope, complete, state, inject }
}

test('a lost call has not happened, a lost answer has', async () => {
  await using spine = await testSpine()
  const { complete, state, inject } = await start(spine)
  inject('lose_call')
  await assert.rejects(complete(), { code: 'UNREACHABLE' })
  assert.equal(await state(), 'leased')
  inject('lose_answer')
  await assert.rejects(complete(), { code: 'UNREACHABLE' })
  assert.equal(await state(), 'completed')
  assert.equal((await complete()).duplicate, true)
})

test('a repeated call arrives twice, a delayed one when its time has come', async () => {
  await using spine = await testSpine()
  const { complete, state, inject } = await start(spine)
  inject('delay', { ms: 5_000 })
  const completing = complete()
  await spine.clock.advance(4_999)
  assert.equal(await state(), 'leased')
  await spine.clock.advance(1)
  assert.equal((await completing).duplicate, undefined)
  inject('repeat')
  assert.equal((await complete()).duplicate, true)
})

test('a reordered call lets the next one of its kind go first', async () => {
  await using spine = await testSpine()
  const faulty = faultySpine(spine)
  const order: string[] = []
  const store = async (id: string) => {
    await faulty.memories.store({ id, content: id })
    order.push(id)
  }
  faulty.inject({ operation: 'memories.store', fault: 'reorder' })
  await Promise.all([store('first'), store('second')])
  assert.deepEqual(order, ['second', 'first'])
})

test('faults end after their number of calls, or when they are healed', async () => {
  await using spine = await testSpine()
  const { complete, state, inject, faulty } = await start(spine)
  inject('fail', { code: 'OVERLOADED', times: 2 })
  inject('lose_call', { times: Number.POSITIVE_INFINITY })
  await assert.rejects(complete(), { code: 'OVERLOADED' })
  await assert.rejects(complete(), { code: 'OVERLOADED' })
  await assert.rejects(complete(), { code: 'UNREACHABLE' })
  faulty.heal()
  await complete()
  assert.equal(await state(), 'completed')
  assert.throws(() => faulty.inject({ operation: 'deliveries.finish', fault: 'fail' }), /no operation/)
})

test('when lookups fail, a receiver goes on with what it has, and its output says what is missing', async () => {
  await using spine = await testSpine()
  const faulty = faultySpine(spine)
  await spine.memories.store({ id: 'ms-1', content: 'The gateway drops calls.' })
  const envelope = await spine.handoffs.create({ ...handoff, memory_ids: ['ms-1'], strategy: 'lazy' })
  const memory = new MemorySpine({ spine: faulty })
  const handler = async ({ context }: Received) => {
    await (await context()).get('ms-1')
    return 'done without'
  }
  memory.receive('coder', handler, { pacing: spine.pacing })
  faulty.inject({
    operation: 'memories.resolve',
    fault: 'fail',
    code: 'STORAGE_FAILED',
    times: Number.POSITIVE_INFINITY,
  })
  const { id } = await spine.deliveries.send({ envelope_id: envelope.id, wait: 'completed' })
  const { output } = await spine.deliveries.get({ id })
  assert.deepEqual(output, { result: 'done without', context_gaps: [{ id: 'ms-1', reason: 'unavailable' }] })
  await memory.close()
})

test('a receiver works on envelopes of a sender one minor version ahead, and hands back what it cannot read', async () => {
  await using spine = await testSpine()
  const faulty = faultySpine(spine)
  const memory = new MemorySpine({ spine: faulty })
  const versions: string[] = []
  const work = async (fault: Fault) => {
    const envelope = await spine.handoffs.create(handoff)
    faulty.inject({ operation: 'deliveries.receive', fault })
    const receiver = memory.receive('coder', (received) => void versions.push(received.envelope.envelope_version), {
      pacing: spine.pacing,
      onError: () => {},
    })
    const { id } = await spine.deliveries.send({ envelope_id: envelope.id, wait: 'completed' })
    await receiver.stop()
    return spine.deliveries.get({ id })
  }
  assert.equal((await work('newer_minor')).state, 'completed')
  assert.deepEqual(versions, ['2.1'])
  const parked = await work('newer_major')
  assert.equal(parked.state, 'parked')
  assert.match(String(parked.reason), /UNSUPPORTED_VERSION/)
  assert.equal(versions.length, 1)
  await memory.close()
})

test('receivers one version behind get their version, those ahead get this one, and a stranger is spared both', async () => {
  await using spine = await testSpine()
  const got: string[] = []
  for (const version of ['behind', 'current', 'ahead', 'stranger'] as const) {
    await registerReceiver(spine, version, version)
    const { id } = await spine.handoffs.create({ ...handoff, target_agent: version })
    const { state } = await spine.deliveries.send({ envelope_id: id })
    const { deliveries } = await spine.deliveries.receive({ agent: version, wait_ms: 0 })
    got.push(`${version} ${state} ${deliveries[0]?.envelope.envelope_version}`)
  }
  assert.deepEqual(got, ['behind ready 1', 'current ready 2', 'ahead ready 2', 'stranger parked undefined'])
})
