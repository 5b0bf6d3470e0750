/** Nothing grows for ever, and nothing goes that somebody still needs. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { handedOver, leaseOf, newNamespace, type OpenTimedSubject, received, refused, sealed, sent } from './subject.ts'

const DAY_MS = 86_400_000
/** What tells the age of a row. */
const columns = [
  ['deliveries', 'settled_at'],
  ['deliveries', 'updated_at'],
  ['envelopes', 'stored_at'],
  ['events', 'at'],
  ['idempotency', 'created_at'],
] as const

const nothing = { deliveries: 0, parked: 0, envelopes: 0, events: 0, keys: 0 }

export function retentionSuite(name: string, open: OpenTimedSubject): void {
  describe(`retention (${name})`, () => {
    const begin = async () => {
      const { at, clock, database } = await open()
      const ns = newNamespace()
      // Time itself would set the cleaning going: here what is stored becomes old, and the clock stands.
      const age = (days: number) =>
        database.write(
          columns.map(([table, column]) => ({
            sql: `update ${table} set ${column} = ${column} - ${days * DAY_MS} where ns = $1`,
            params: [ns],
          })),
        )
      return { spine: await at(ns), ns, database, clock, age }
    }

    test('a dry run says what a pass takes, and takes nothing', async () => {
      const { spine, age } = await begin()
      const held = await handedOver(spine, { idempotency_key: 'k-1' })
      await spine.deliveries.complete(leaseOf(held))
      assert.deepEqual(await spine.system.gc({ dry_run: true }), { dry_run: true, ...nothing })
      await age(31)
      // With its delivery the chain has nothing left that holds it.
      const wanted = { deliveries: 1, parked: 0, envelopes: 1, events: 5, keys: 1 }
      assert.deepEqual(await spine.system.gc({ dry_run: true }), { dry_run: true, ...wanted })
      assert.equal((await spine.deliveries.get({ id: held.id })).state, 'completed')
      assert.deepEqual(await spine.system.gc({}), { dry_run: false, ...wanted })
      await refused(spine.deliveries.get({ id: held.id }), 'DELIVERY_NOT_FOUND')
      await refused(spine.handoffs.get({ id: held.envelope.id }), 'ENVELOPE_NOT_FOUND')
      assert.deepEqual(await spine.system.gc({ dry_run: true }), { dry_run: true, ...nothing })
    })

    test('a chain stays whole as long as one of its envelopes is young, sent, or the last of its task', async () => {
      const { spine, age } = await begin()
      const root = await sealed(spine, { previous: null })
      const task_root = await sealed(spine, { previous: null, task_id: 't-1', intent: 'Ship it.' })
      const waiting = await sent(spine, { previous: null, target_agent: 'later', deadline: '2030-01-01T00:00:00Z' })
      await age(20)
      const child = await sealed(spine, { previous: root.id })
      await age(11)
      assert.equal((await spine.system.gc({})).envelopes, 0)
      for (const { id } of [root, task_root, waiting.envelope, child])
        assert.equal((await spine.handoffs.get({ id })).id, id)
      await age(20)
      assert.equal((await spine.system.gc({})).envelopes, 2)
      for (const { id } of [task_root, waiting.envelope]) assert.equal((await spine.handoffs.get({ id })).id, id)
    })

    test('the other forms of an envelope go with it', async () => {
      const { spine, ns, database, age } = await begin()
      const { id } = await sealed(spine, { previous: null, emit: ['1', '2'] })
      const sql = 'select id from envelope_forms where ns = $1'
      assert.deepEqual(
        (await database.read({ sql, params: [ns] })).map((row) => row.id),
        [id],
      )
      await age(31)
      assert.equal((await spine.system.gc({})).envelopes, 1)
      assert.deepEqual(await database.read({ sql, params: [ns] }), [])
    })

    test('what rests in the dead-letter box for 90 days is discarded, with a reason', async () => {
      const { spine, age } = await begin()
      const { envelope, delivery } = await sent(spine)
      await spine.parked.park({ envelope_id: envelope.id, reason: 'enough' })
      await age(89)
      assert.equal((await spine.system.gc({})).parked, 0)
      await age(2)
      assert.equal((await spine.system.gc({})).parked, 1)
      const { state, reason } = await spine.deliveries.get({ id: delivery.id })
      assert.deepEqual([state, reason], ['discarded', 'nobody looked at it for 90 days'])
    })

    test('what nobody has claimed for seven days has expired, and the store cleans itself', async () => {
      const { spine, clock } = await begin()
      const { delivery } = await sent(spine)
      await clock.jump(7 * DAY_MS + 1)
      await clock.advance(1_000)
      assert.equal((await spine.deliveries.get({ id: delivery.id })).state, 'expired')
      assert.deepEqual(await received(spine), [])
      await clock.jump(31 * DAY_MS)
      await clock.advance(1_000)
      await refused(spine.deliveries.get({ id: delivery.id }), 'DELIVERY_NOT_FOUND')
    })

    test('a pass by hand leaves other namespaces alone', async () => {
      const { spine } = await begin()
      const { spine: other, age } = await begin()
      const { delivery } = await sent(other)
      await other.deliveries.cancel({ id: delivery.id })
      await age(31)
      assert.equal((await spine.system.gc({})).deliveries, 0)
      assert.equal((await other.deliveries.get({ id: delivery.id })).state, 'cancelled')
    })
  })
}
