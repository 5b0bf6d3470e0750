// A server that is started again after somebody has set its clock back by an hour.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqliteInline } from '../store/sqlite.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { seeded } from '../testing/seeded.ts'
import { createSpine } from './spine.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 0, 5, 10)

/** A delivery that was leased before, and the life of the server that comes after, its clock behind by so much. */
async function heldBefore(behind = HOUR) {
  const database = { ...openSqliteInline(), close: async () => {} }
  const begin = async (start: number) => {
    const clock = manualClock({ start })
    return { clock, spine: await createSpine({ database, clock, chance: seeded(start) }) }
  }
  const { spine } = await begin(START)
  const { id: envelope_id } = await spine.handoffs.create({ target_agent: 'coder', task_summary: 'Do it.' })
  await spine.deliveries.send({ envelope_id })
  const { deliveries } = await spine.deliveries.receive({ agent: 'coder', wait_ms: 0 })
  const [delivery] = deliveries
  assert.ok(delivery)
  return { held: { id: delivery.id, lease_token: delivery.lease_token }, ...(await begin(START - behind)) }
}

test('a lease lasts no longer than it was asked for, and its holder keeps it', async () => {
  const { held, spine, clock } = await heldBefore()
  const state = async () => (await spine.deliveries.get({ id: held.id })).state
  await clock.advance(59_000)
  assert.equal(await state(), 'leased')
  await spine.deliveries.heartbeat(held)
  await clock.advance(61_000)
  assert.equal(await state(), 'ready')
})

test('what was leased before and is released after is handed out at once', async () => {
  const { held, spine } = await heldBefore()
  await spine.deliveries.release(held)
  const { deliveries } = await spine.deliveries.receive({ agent: 'coder', wait_ms: 0 })
  assert.deepEqual(
    deliveries.map(({ id }) => id),
    [held.id],
  )
})

test('a node that starts with a clock a little behind cuts no lease that another one has just given', async () => {
  const { held, spine } = await heldBefore(25)
  const { lease_until = '' } = await spine.deliveries.get({ id: held.id })
  assert.equal(Date.parse(lease_until), START + 60_000)
})
