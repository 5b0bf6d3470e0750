/** Receiving: who gets what, in which order, and who waits. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  fresh,
  leaseOf,
  newNamespace,
  type OpenSubject,
  received,
  receivedOne,
  refused,
  sealed,
  sent,
} from './subject.ts'

export function receivingSuite(name: string, open: OpenSubject): void {
  describe(`receiving (${name})`, { concurrency: 8 }, () => {
    test('the urgent comes first, then the oldest; at most as many as wanted', async () => {
      const spine = await fresh(open)
      const order: string[] = []
      for (const priority of ['low', 'normal', 'critical', 'high', 'normal', 'critical'] as const) {
        const { id } = await sealed(spine, { previous: null })
        await spine.deliveries.send({ envelope_id: id, priority })
        order.push(id)
      }
      const first = await received(spine, 'coder', { max: 4 })
      const second = await received(spine, 'coder', { max: 100 })
      assert.deepEqual(
        [...first, ...second].map(({ envelope_id }) => order.indexOf(envelope_id)),
        [2, 5, 3, 1, 4, 0],
      )
      assert.equal(new Set([...first, ...second].map(({ lease_token }) => lease_token)).size, 6)
      assert.deepEqual(await received(spine), [])
    })

    test('an inbox is its own: nobody gets what is for another', async () => {
      const spine = await fresh(open)
      await sent(spine, { target_agent: 'a' })
      assert.deepEqual(await received(spine, 'b'), [])
      assert.equal((await received(spine, 'a')).length, 1)
    })

    test('more than one claim statement holds are claimed at once', async () => {
      const spine = await fresh(open)
      const { id } = await sealed(spine)
      const made = await Promise.all(
        Array.from({ length: 70 }, async () => sent(spine, { target_agent: 'many', previous: null })),
      )
      const claimed = await received(spine, 'many', { max: 256 })
      assert.equal(new Set(claimed.map((delivery) => delivery.id)).size, made.length)
      await Promise.all(claimed.map((delivery) => spine.deliveries.complete(leaseOf(delivery))))
      assert.equal((await spine.deliveries.list({ state: 'completed', limit: 100 })).deliveries.length, 70)
      assert.ok(id)
    })

    test('who waits gets what is sent', async () => {
      const spine = await fresh(open)
      const waiting = received(spine, 'coder', { wait_ms: 30_000 })
      const { envelope, delivery } = await sent(spine)
      const [claimed] = await waiting
      assert.ok(claimed)
      assert.deepEqual([claimed.id, claimed.claims, claimed.attempt], [delivery.id, 1, 1])
      assert.deepEqual(claimed.envelope, envelope)
      assert.equal((await spine.deliveries.complete(leaseOf(claimed))).state, 'completed')
    })

    test('who waits gets what is handed back by another', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const held = await receivedOne(spine)
      const waiting = received(spine, 'coder', { wait_ms: 30_000 })
      await spine.deliveries.release(leaseOf(held))
      assert.equal((await waiting)[0]?.id, held.id)
    })

    test('thirty receivers and thirty sends: each gets one, none gets another’s', async () => {
      const spine = await fresh(open)
      const receivers = Array.from({ length: 30 }, () => received(spine, 'coder', { wait_ms: 30_000 }))
      const sends = await Promise.all(Array.from({ length: 30 }, () => sent(spine, { previous: null })))
      const got = (await Promise.all(receivers)).flat().map(({ id }) => id)
      assert.deepEqual(got.toSorted(), sends.map(({ delivery }) => delivery.id).toSorted())
    })

    test('a receiver that goes away takes nothing with it', async () => {
      const spine = await fresh(open)
      const controller = new AbortController()
      const gone = spine.deliveries.receive({ agent: 'coder', wait_ms: 30_000 }, { signal: controller.signal })
      controller.abort()
      await gone.catch(() => {})
      const { delivery } = await sent(spine)
      assert.equal((await receivedOne(spine, 'coder', { wait_ms: 10_000 })).id, delivery.id)
    })

    test('a wait of nothing answers at once; limits of wait, lease and batch are kept', async () => {
      const spine = await fresh(open)
      assert.deepEqual(await received(spine), [])
      for (const wanted of [
        { wait_ms: 60_001 },
        { wait_ms: -1 },
        { lease_ms: 999 },
        { lease_ms: 3_600_001 },
        { max: 0 },
        { max: 257 },
      ])
        await refused(received(spine, 'coder', wanted), 'INVALID_INPUT')
    })

    test('two namespaces wait side by side', async () => {
      const subject = await open()
      const [one, two] = [await subject.at(newNamespace()), await subject.at(newNamespace())]
      const [first, second] = [one, two].map((spine) => received(spine, 'coder', { wait_ms: 30_000 }))
      const { delivery } = await sent(two)
      assert.equal((await second)?.[0]?.id, delivery.id)
      const other = await sent(one)
      assert.equal((await first)?.[0]?.id, other.delivery.id)
    })
  })
}
