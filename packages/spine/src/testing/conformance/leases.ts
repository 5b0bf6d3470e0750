/** Leases, backoff and deadlines, with time in the hand of the test. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import type { Spine } from '../../protocol/spine.ts'
import {
  leaseOf,
  newNamespace,
  type OpenTimedSubject,
  received,
  receivedOne,
  refused,
  sealed,
  sent,
} from './subject.ts'

const LEASE = 60_000
/** The sweeper looks at most this much later. */
const SWEEP = 1_000

export function leasesSuite(name: string, open: OpenTimedSubject): void {
  const start = async () => {
    const subject = await open()
    const spine = await subject.at(newNamespace())
    return { ...subject, spine, state: async (id: string) => spine.deliveries.get({ id }) }
  }
  const claimed = async (spine: Spine, lease_ms = LEASE): Promise<ReceivedDelivery> => {
    await sent(spine, { previous: null })
    return receivedOne(spine, 'coder', { lease_ms })
  }
  const everyCall = (spine: Spine, lease: { id: string; lease_token: string }) => [
    () => spine.deliveries.accept(lease),
    () => spine.deliveries.heartbeat(lease),
    () => spine.deliveries.complete(lease),
    () => spine.deliveries.release(lease),
    () => spine.deliveries.nack({ ...lease, reason: 'x' }),
    () => spine.deliveries.nack({ ...lease, reason: 'x', kind: 'fatal' }),
  ]

  describe(`leases (${name})`, () => {
    test('a lease that ends without an answer is followed by redelivery, not a moment earlier', async () => {
      const { spine, clock, state } = await start()
      const first = await claimed(spine)
      await clock.advance(LEASE - SWEEP)
      assert.equal((await state(first.id)).state, 'leased')
      assert.deepEqual(await received(spine), [])
      await clock.advance(2 * SWEEP)
      const ready = await state(first.id)
      assert.deepEqual([ready.state, ready.claims, ready.attempts, ready.lease_until], ['ready', 1, 0, undefined])
      assert.deepEqual([ready.history.at(-1)?.event, ready.reason], ['lease_end', 'the lease ended without an answer'])
      const second = await receivedOne(spine)
      assert.deepEqual([second.id, second.claims, second.epoch, second.attempt], [first.id, 2, 2, 1])
      assert.notEqual(second.lease_token, first.lease_token)
    })

    test('a receiver that waits gets it as soon as the lease of another has ended', async () => {
      const { spine, clock, idle } = await start()
      const first = await claimed(spine, 5_000)
      const waiting = received(spine, 'coder', { wait_ms: 20_000 })
      await idle()
      await clock.advance(5_000 + SWEEP)
      assert.equal((await waiting)[0]?.id, first.id)
    })

    test('heartbeats keep a lease for as long as they come', async () => {
      const { spine, clock, state } = await start()
      const held = await claimed(spine)
      await spine.deliveries.accept(leaseOf(held))
      for (let turn = 0; turn < 6; turn += 1) {
        await clock.jump(LEASE - SWEEP)
        await spine.deliveries.heartbeat(leaseOf(held))
      }
      assert.deepEqual([(await state(held.id)).state, (await state(held.id)).attempts], ['accepted', 1])
      await clock.jump(LEASE + SWEEP)
      assert.equal((await state(held.id)).state, 'ready')
    })

    test('a late complete that nobody has overtaken counts, and says that it is late', async () => {
      const { spine, clock } = await start()
      for (const accepted of [true, false]) {
        const held = await claimed(spine)
        if (accepted) await spine.deliveries.accept(leaseOf(held))
        await clock.jump(LEASE + SWEEP)
        const completed = await spine.deliveries.complete({ ...leaseOf(held), output: 'late' })
        assert.deepEqual(
          [completed.state, completed.late, completed.output, completed.attempts],
          ['completed', true, 'late', 1],
        )
        assert.deepEqual(await received(spine), [])
        assert.equal((await spine.deliveries.complete(leaseOf(held))).duplicate, true)
      }
    })

    test('a late complete between the end of the lease and the sweep counts too, and says that it is late', async () => {
      const { spine, clock } = await start()
      const held = await claimed(spine, 1_000)
      await clock.advance(400)
      // The next sweep is in the future, the lease is not.
      await clock.advance(601)
      const completed = await spine.deliveries.complete(leaseOf(held))
      assert.deepEqual([completed.state, completed.late], ['completed', true])
    })

    test('a late accept that nobody has overtaken counts', async () => {
      const { spine, clock } = await start()
      const held = await claimed(spine)
      await clock.jump(LEASE + SWEEP)
      const accepted = await spine.deliveries.accept(leaseOf(held))
      assert.deepEqual([accepted.state, accepted.attempts, accepted.late], ['accepted', 1, true])
      assert.deepEqual(await received(spine), [])
      for (const call of [() => spine.deliveries.release(leaseOf(held))]) await refused(call(), 'WRONG_STATE')
      await clock.jump(LEASE + SWEEP)
      assert.equal((await spine.deliveries.get({ id: held.id })).state, 'ready')
      const next = await claimed(spine)
      assert.deepEqual([next.id, (await spine.deliveries.complete(leaseOf(next))).late], [held.id, undefined])
    })

    test('once another receiver has it, every call of the first is a lost lease and changes nothing', async () => {
      const { spine, clock, state } = await start()
      const first = await claimed(spine)
      await spine.deliveries.accept(leaseOf(first))
      await clock.jump(LEASE + SWEEP)
      const second = await receivedOne(spine)
      for (const after of [
        () => state(second.id),
        () => spine.deliveries.accept(leaseOf(second)),
        () => spine.deliveries.complete(leaseOf(second)),
      ]) {
        await after()
        const before = await state(second.id)
        for (const call of everyCall(spine, leaseOf(first))) await refused(call(), 'LEASE_LOST')
        assert.deepEqual(await state(second.id), before)
      }
    })

    test('after a lease end only accept and complete may come late', async () => {
      const { spine, clock, state } = await start()
      const held = await claimed(spine)
      await clock.jump(LEASE + SWEEP)
      const before = await state(held.id)
      for (const [index, call] of everyCall(spine, leaseOf(held)).entries())
        if (![0, 2].includes(index)) await refused(call(), 'WRONG_STATE')
      assert.deepEqual(await state(held.id), before)
    })

    test('a receiver that dies after every accept has the delivery parked after exactly 3', async () => {
      const { spine, clock, state } = await start()
      await sent(spine)
      for (const attempt of [1, 2, 3]) {
        const held = await receivedOne(spine)
        assert.equal(held.attempt, attempt)
        await spine.deliveries.accept(leaseOf(held))
        await clock.jump(LEASE + SWEEP)
        const { state: now, attempts } = await state(held.id)
        assert.deepEqual([now, attempts], [attempt < 3 ? 'ready' : 'parked', attempt])
      }
      assert.deepEqual(await received(spine), [])
    })

    test('one that is never accepted loses claims, not attempts, and is parked after 10', async () => {
      const { spine, clock, state } = await start()
      await sent(spine)
      for (let claim = 1; claim <= 10; claim += 1) {
        const held = await receivedOne(spine)
        await clock.jump(LEASE + SWEEP)
        const { state: now, claims, attempts } = await state(held.id)
        assert.deepEqual([now, claims, attempts], [claim < 10 ? 'ready' : 'parked', claim, 0])
      }
    })

    test('a crash costs the others of its batch a claim, never an attempt', async () => {
      const { spine, clock } = await start()
      for (let index = 0; index < 3; index += 1) await sent(spine, { previous: null })
      const [first] = await received(spine, 'coder', { max: 3 })
      assert.ok(first)
      await spine.deliveries.accept(leaseOf(first))
      await clock.jump(LEASE + SWEEP)
      const again = await received(spine, 'coder', { max: 3 })
      assert.deepEqual(
        again.map(({ claims, attempts }) => [claims, attempts]),
        [
          [2, 1],
          [2, 0],
          [2, 0],
        ],
      )
    })

    test('what was parked by the end of its last lease may still be completed late', async () => {
      const { spine, clock } = await start()
      await sent(spine)
      let last: ReceivedDelivery | undefined
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        last = await receivedOne(spine)
        await spine.deliveries.accept(leaseOf(last))
        await clock.jump(LEASE + SWEEP)
      }
      assert.ok(last)
      await refused(spine.deliveries.accept(leaseOf(last)), 'WRONG_STATE')
      const completed = await spine.deliveries.complete(leaseOf(last))
      assert.deepEqual([completed.state, completed.late, completed.attempts], ['completed', true, 3])
    })

    test('a nack waits for a part of 2^n s, n the attempts; a wait that was given is kept', async () => {
      const { spine, clock } = await start()
      await sent(spine)
      // The chance of this subject is always a half.
      for (const backoff of [1_000, 2_000]) {
        const held = await receivedOne(spine)
        const ready = await spine.deliveries.nack({ ...leaseOf(held), reason: 'busy' })
        assert.equal(Date.parse(ready.ready_at) - clock.now(), backoff)
        await clock.jump(backoff - 1)
        assert.deepEqual(await received(spine), [])
        await clock.jump(1)
      }
      await spine.deliveries.nack({ ...leaseOf(await receivedOne(spine)), reason: 'busy' })
      const held = await claimed(spine)
      await spine.deliveries.nack({ ...leaseOf(held), reason: 'later', delay_ms: 3_600_000 })
      await clock.jump(3_599_999)
      assert.deepEqual(await received(spine), [])
      await clock.jump(1)
      assert.equal((await receivedOne(spine)).id, held.id)
    })

    test('a receiver that waits gets it when its backoff is over', async () => {
      const { spine, clock, idle } = await start()
      const held = await claimed(spine)
      await spine.deliveries.nack({ ...leaseOf(held), reason: 'busy', delay_ms: 3_000 })
      const waiting = received(spine, 'coder', { wait_ms: 20_000 })
      await idle()
      await clock.advance(3_000 + SWEEP)
      assert.equal((await waiting)[0]?.id, held.id)
    })

    test('what nobody claims expires at its deadline, after seven days by itself', async () => {
      const { spine, clock, state } = await start()
      const { delivery } = await sent(spine)
      await clock.jump(7 * 86_400_000 - 1)
      assert.equal((await state(delivery.id)).state, 'ready')
      await clock.advance(SWEEP)
      const expired = await state(delivery.id)
      assert.deepEqual(
        [expired.state, expired.history.at(-1)?.event, expired.settled_at !== undefined],
        ['expired', 'deadline', true],
      )
      assert.deepEqual(await received(spine), [])
    })

    test('a lease is not extended past the deadline; what is completed while it holds counts, late', async () => {
      const { spine, clock, state } = await start()
      const { id } = await sealed(spine)
      const deadline = new Date(clock.now() + 90_000).toISOString()
      await spine.deliveries.send({ envelope_id: id, deadline })
      const held = await receivedOne(spine, 'coder', { lease_ms: LEASE })
      await clock.jump(LEASE - SWEEP)
      assert.equal((await spine.deliveries.heartbeat(leaseOf(held))).lease_until, deadline)
      await clock.jump(30_000)
      assert.equal((await spine.deliveries.accept(leaseOf(held))).lease_until, deadline)
      await clock.jump(SWEEP)
      assert.equal((await state(held.id)).state, 'expired')

      // A lease that already reached over the deadline holds to its end.
      const other = await sealed(spine, { previous: null })
      await spine.deliveries.send({ envelope_id: other.id, deadline: new Date(clock.now() + 10_000).toISOString() })
      const over = await receivedOne(spine, 'coder', { lease_ms: LEASE })
      await clock.jump(20_000)
      const completed = await spine.deliveries.complete(leaseOf(over))
      assert.deepEqual([completed.state, completed.late], ['completed', true])
    })

    test('past the deadline nothing is handed out, not even before the sweep', async () => {
      const { spine, clock } = await start()
      const { id } = await sealed(spine)
      await spine.deliveries.send({ envelope_id: id, deadline: new Date(clock.now() + 100).toISOString() })
      await clock.advance(101)
      assert.deepEqual(await received(spine), [])
    })

    test('a send to a receiver that waits is born leased: one commit, one claim', async () => {
      const { spine, idle } = await start()
      const waiting = received(spine, 'coder', { wait_ms: 20_000, lease_ms: 5_000 })
      await idle()
      const { delivery } = await sent(spine)
      assert.deepEqual([delivery.state, delivery.claims, delivery.epoch], ['leased', 1, 1])
      const [got] = await waiting
      assert.deepEqual([got?.id, got?.lease_until], [delivery.id, delivery.lease_until])
    })

    test('of two that wait one gets it and the other goes on waiting', async () => {
      const { spine, clock, idle } = await start()
      const waiting = [received(spine, 'coder', { wait_ms: 20_000 }), received(spine, 'coder', { wait_ms: 20_000 })]
      await idle()
      const one = await sent(spine, { previous: null })
      await idle()
      const two = await sent(spine, { previous: null })
      const got = (await Promise.all(waiting)).map(([delivery]) => delivery?.id)
      assert.deepEqual(got.toSorted(), [one.delivery.id, two.delivery.id].toSorted())
      await clock.advance(1)
    })

    test('a wait for a delivery ends empty after its time', async () => {
      const { spine, clock, idle } = await start()
      const waiting = received(spine, 'coder', { wait_ms: 20_000 })
      await idle()
      await clock.advance(20_000)
      assert.deepEqual(await waiting, [])
    })

    test('a wait for an acknowledgement ends after its time, and hears of the end of the last lease', async () => {
      const { spine, clock, idle } = await start()
      const envelope = await sealed(spine)
      const waiting = refused(spine.deliveries.send({ envelope_id: envelope.id, wait: 'accepted' }), 'ACK_TIMEOUT')
      await idle()
      await clock.advance(15_000)
      const error = await waiting
      assert.deepEqual([error.extra.timeout_ms, error.retryable], [15_000, true])
      const deadline = new Date(clock.now() + 30_000).toISOString()
      const short = await sealed(spine, { previous: null, target_agent: 'tester' })
      const expiring = spine.deliveries.send({
        envelope_id: short.id,
        deadline,
        wait: 'completed',
        timeout_ms: 600_000,
      })
      await idle()
      await clock.jump(30_000 + SWEEP)
      assert.equal((await expiring).state, 'expired')
    })

    test('a jump of time ends the leases once, and nothing is handed out twice', async () => {
      const { spine, clock } = await start()
      for (let index = 0; index < 20; index += 1) await sent(spine, { previous: null })
      const first = await received(spine, 'coder', { max: 20 })
      await clock.jump(3_600_000)
      const second = await received(spine, 'coder', { max: 256 })
      assert.deepEqual(second.map(({ id }) => id).toSorted(), first.map(({ id }) => id).toSorted())
      assert.deepEqual(new Set(second.map(({ claims }) => claims)), new Set([2]))
    })
  })
}
