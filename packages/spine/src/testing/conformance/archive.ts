/** Finished deliveries, a while after their end: wherever the store keeps them then, the same operations find them. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { leaseOf, newNamespace, type OpenTimedSubject, receivedOne, sealed, sent } from './subject.ts'

const DAY_MS = 86_400_000

export function archiveSuite(name: string, open: OpenTimedSubject): void {
  /** The rows that everybody works on. */
  const hot = async (ns: string): Promise<number> => {
    const { database } = await open()
    const statement = { sql: 'select count(*) as n from deliveries where ns = $1', params: [ns] }
    return Number((await database.read(statement))[0]?.n)
  }

  /** Time goes on until what is over has been moved, if this store moves anything. */
  const later = async (ns: string): Promise<void> => {
    const { clock, database } = await open()
    await clock.jump(660_000)
    await clock.advance(31_000)
    assert.equal(await hot(ns), database.dialect.name === 'postgres' ? 0 : await hot(ns))
  }

  describe(`archive (${name})`, () => {
    test('a finished delivery is still got, listed, and part of its handoff', async () => {
      const ns = newNamespace()
      const spine = await (await open()).at(ns)
      const { envelope, delivery } = await sent(spine)
      const held = await receivedOne(spine)
      const done = await spine.deliveries.complete({ ...leaseOf(held), output: { lines: 3 } })
      await later(ns)
      assert.deepEqual(await spine.deliveries.get({ id: delivery.id }), done)
      assert.deepEqual((await spine.deliveries.list({ state: 'completed' })).deliveries, [done])
      assert.deepEqual((await spine.deliveries.list({ envelope_id: envelope.id, target: 'coder' })).deliveries, [done])
      assert.deepEqual((await spine.handoffs.status({ id: envelope.id })).deliveries, [done])
      assert.deepEqual((await spine.handoffs.lineage({ id: envelope.id })).envelopes, [envelope])
    })

    test('repeats of what made it and of what ended it answer as before', async () => {
      const ns = newNamespace()
      const spine = await (await open()).at(ns)
      const envelope = await sealed(spine)
      const sending = { envelope_id: envelope.id, idempotency_key: 'once' }
      const { id } = await spine.deliveries.send(sending)
      const held = await receivedOne(spine)
      await spine.deliveries.complete(leaseOf(held))
      await later(ns)
      for (const again of [sending, { envelope_id: envelope.id }, { envelope }]) {
        const found = await spine.deliveries.send(again)
        assert.deepEqual([found.id, found.state], [id, 'completed'])
      }
      const repeated = await spine.deliveries.complete(leaseOf(held))
      assert.deepEqual([repeated.id, repeated.duplicate], [id, true])
      const parked = await spine.parked.park({ envelope_id: envelope.id, reason: 'too late' })
      assert.deepEqual([parked.id, parked.code], [id, 'ALREADY_ACCEPTED'])
      assert.equal((await spine.deliveries.list({})).deliveries.length, 1)
    })

    test('a chain goes on from it, with what it answered', async () => {
      const ns = newNamespace()
      const spine = await (await open()).at(ns)
      const { delivery } = await sent(spine)
      await spine.deliveries.complete({ ...leaseOf(await receivedOne(spine)), output: 'all 12 pass' })
      await later(ns)
      const next = await sealed(spine, { previous: delivery.id, target_agent: 'reviewer', source_agent: 'coder' })
      assert.equal(next.chain.hop, 2)
      assert.ok(next.execution_history.some(({ output }) => output === 'all 12 pass'))
    })

    test('a publication knows receivers of whom some are done and some are not', async () => {
      const ns = newNamespace()
      const spine = await (await open()).at(ns)
      const envelope = await sealed(spine, { target_agent: 'broadcast' })
      const publishing = { channel: 'news', envelope_id: envelope.id, receivers: ['coder', 'tester'] }
      await spine.channels.publish(publishing)
      await spine.deliveries.complete(leaseOf(await receivedOne(spine)))
      const { clock } = await open()
      await clock.jump(660_000)
      await clock.advance(31_000)
      const { deliveries } = await spine.channels.publish(publishing)
      assert.deepEqual(
        deliveries.map(({ target, state }) => [target, state]),
        [
          ['coder', 'completed'],
          ['tester', 'ready'],
        ],
      )
    })

    test('after its time it is gone, and so is the room that it took', async () => {
      const ns = newNamespace()
      const { clock, idle, at } = await open()
      const spine = await at(ns)
      const { delivery } = await sent(spine)
      await spine.deliveries.complete(leaseOf(await receivedOne(spine)))
      await later(ns)
      await clock.jump(32 * DAY_MS)
      await clock.jump(DAY_MS)
      await idle()
      await assert.rejects(spine.deliveries.get({ id: delivery.id }), { code: 'DELIVERY_NOT_FOUND' })
    })
  })
}
