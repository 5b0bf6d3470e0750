// The leases of a model: kept alive for a session that stays, for at most an hour, and long enough where none does.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SpineError } from '../protocol/errors.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import { type TestSpine, testSpine } from '../testing/test-spine.ts'
import { type HeldLeases, holdLeases } from './held.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** Time of the process and of the spine in one hand. */
async function session(t: TestContext, connected: boolean) {
  const spine = await testSpine()
  t.after(() => spine.close())
  t.mock.timers.enable({ apis: ['setInterval'] })
  const began = performance.now()
  let passed = 0
  t.mock.method(performance, 'now', () => began + passed)
  const leases = holdLeases(spine, {}, { connected })
  return {
    spine,
    leases,
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 10 * SECOND) {
        passed += 10 * SECOND
        t.mock.timers.tick(10 * SECOND)
        await spine.clock.advance(10 * SECOND)
      }
    },
  }
}

async function taken(spine: TestSpine, leases: HeldLeases, count = 1): Promise<ReceivedDelivery[]> {
  for (let sent = 0; sent < count; sent += 1) {
    const { id } = await spine.handoffs.create({ target_agent: 'coder', task_summary: 'Do it.', previous: null })
    await spine.deliveries.send({ envelope_id: id })
  }
  const deliveries: ReceivedDelivery[] = []
  while (deliveries.length < count) {
    const wanted = { agent: 'coder', wait_ms: 0, max: 256, lease_ms: leases.lease_ms }
    deliveries.push(...(await spine.deliveries.receive(wanted)).deliveries)
  }
  for (const delivery of deliveries) leases.hold(delivery, 'coder')
  return deliveries
}

test('a session that stays keeps its lease for an hour and no longer', async (t) => {
  const { spine, leases, pass } = await session(t, true)
  const [delivery] = await taken(spine, leases)
  assert.ok(delivery)
  const { id } = delivery
  await spine.deliveries.accept({ id, lease_token: leases.find(id).lease_token })
  await pass(55 * MINUTE)
  assert.equal((await spine.deliveries.get({ id })).state, 'accepted')
  assert.equal(leases.find(id).lease_token, delivery.lease_token)
  await pass(10 * MINUTE)
  assert.equal((await spine.deliveries.get({ id })).state, 'ready')
  assert.throws(() => leases.find(id), { code: 'LEASE_LOST' })
})

test('without a connection a lease is taken for fifteen minutes, and nothing keeps it alive', async (t) => {
  const { spine, leases, pass } = await session(t, false)
  const [delivery] = await taken(spine, leases)
  assert.ok(delivery)
  await pass(14 * MINUTE)
  assert.equal((await spine.deliveries.get({ id: delivery.id })).state, 'leased')
  await pass(2 * MINUTE)
  assert.equal((await spine.deliveries.get({ id: delivery.id })).state, 'ready')
})

test("a lease that another one has taken over is no longer this session's", async (t) => {
  const { spine, leases, pass } = await session(t, true)
  const [delivery] = await taken(spine, leases)
  assert.ok(delivery)
  const { id, lease_token } = delivery
  await spine.deliveries.nack({ id, lease_token, kind: 'retry', reason: 'elsewhere', delay_ms: 0 })
  await spine.deliveries.receive({ agent: 'coder', wait_ms: 0 })
  await pass(30 * SECOND)
  assert.throws(
    () => leases.find(id),
    (error) => error instanceof SpineError && error.code === 'LEASE_LOST',
  )
})

test('a session that ends gives back all that it had not accepted, however much it is', async (t) => {
  const { spine, leases } = await session(t, true)
  const [accepted] = await taken(spine, leases, 300)
  assert.ok(accepted)
  await spine.deliveries.accept({ id: accepted.id, lease_token: accepted.lease_token })
  await leases.close()
  const states = (await spine.deliveries.list({ limit: 1_000 })).deliveries.map(
    ({ state, claims }) => `${state} ${claims}`,
  )
  assert.deepEqual(
    Object.entries(Object.groupBy(states, (state) => state))
      .map(([state, all = []]) => [state, all.length])
      .toSorted(),
    [
      ['accepted 1', 1],
      ['ready 0', 299],
    ],
  )
})
