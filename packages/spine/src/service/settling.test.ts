// Calls about one lease that meet: each is answered as if it had been alone with the delivery at one moment.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from '../store/database.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { handedOver, leaseOf, refused } from '../testing/conformance/subject.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { createSpine } from './spine.ts'

const LEASE_MS = 60_000

/** A spine with one accepted delivery, and a way to do something around the next look at a delivery. */
async function bench() {
  const real = openSqliteInline()
  const around: { before?: () => Promise<unknown>; after?: () => Promise<unknown> } = {}
  const take = async (when: 'before' | 'after') => {
    const work = around[when]
    delete around[when]
    await work?.()
  }
  const database: Database = {
    ...real,
    async read(statement) {
      if (!/from deliveries join input/.test(statement.sql)) return real.read(statement)
      await take('before')
      const rows = await real.read(statement)
      await take('after')
      return rows
    },
  }
  const clock = manualClock()
  const spine = await createSpine({ database, clock, watch: false })
  await spine.agents.put({ name: 'coder', fallback_agent: 'reviewer' })
  const held = await handedOver(spine, { target_agent: 'coder' })
  return { spine, clock, around, lease: leaseOf(held) }
}

test('an accept that is repeated while its lease ends counts as a late one', async () => {
  const { spine, clock, around, lease } = await bench()
  around.before = () => clock.advance(LEASE_MS + 1_000)
  const { state, late } = await spine.deliveries.accept(lease)
  assert.deepEqual([state, late], ['accepted', true])
  await spine.close()
})

test('what is declined after the end of its lease is not parked when a late accept is faster', async () => {
  const { spine, clock, around, lease } = await bench()
  await clock.advance(LEASE_MS + 1_000)
  around.after = () => spine.deliveries.accept(lease)
  await refused(spine.deliveries.nack({ ...lease, kind: 'declined', reason: 'not mine' }), 'WRONG_STATE')
  assert.equal((await spine.deliveries.get({ id: lease.id })).state, 'accepted')
  const { state } = await spine.deliveries.nack({ ...lease, kind: 'declined', reason: 'not mine' })
  assert.equal(state, 'rerouted')
  await spine.close()
})
