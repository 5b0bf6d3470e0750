/** The dead-letter box: what rests there, with everything that happened to it, and the two ways out. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Spine } from '../../protocol/spine.ts'
import {
  fresh,
  leaseOf,
  newNamespace,
  type OpenSubject,
  type OpenTimedSubject,
  receivedOne,
  refused,
  sealed,
  sent,
} from './subject.ts'

const parkedOne = async (spine: Spine, target_agent = 'coder') => {
  const { envelope } = await sent(spine, { target_agent, previous: null })
  return spine.parked.park({ envelope_id: envelope.id, reason: 'enough' })
}

export function parkedSuite(name: string, open: OpenSubject): void {
  describe(`parked (${name})`, { concurrency: 8 }, () => {
    test('a list is newest first, by target, and goes on where it stopped', async () => {
      const spine = await fresh(open)
      const ids: string[] = []
      for (const target of ['a', 'b', 'a']) ids.push((await parkedOne(spine, target)).id)
      await sent(spine, { previous: null })
      const listed = async (input: object) => (await spine.parked.list(input)).deliveries.map((delivery) => delivery.id)
      assert.deepEqual(await listed({}), ids.toReversed())
      assert.deepEqual(await listed({ target: 'a' }), [ids[2], ids[0]])
      const { next } = await spine.parked.list({ limit: 2 })
      assert.deepEqual(await listed({ limit: 2, after: next }), [ids[0]])
    })

    test('one is shown with every attempt and every error', async () => {
      const spine = await fresh(open)
      const { delivery } = await sent(spine)
      for (const reason of ['one', 'two', 'three']) {
        await refused(spine.parked.get({ id: delivery.id }), 'WRONG_STATE')
        await spine.deliveries.nack({ ...leaseOf(await receivedOne(spine)), reason, delay_ms: 0 })
      }
      const parked = await spine.parked.get({ id: delivery.id })
      assert.deepEqual([parked.state, parked.attempts, parked.claims, parked.reason], ['parked', 3, 3, 'three'])
      assert.deepEqual(
        parked.history.filter(({ event }) => event === 'nack_retry').map(({ reason }) => reason),
        ['one', 'two', 'three'],
      )
      await refused(spine.parked.get({ id: 'dlv_nobody' }), 'DELIVERY_NOT_FOUND')
    })

    test('the sender parks what is ready or leased; accepted or completed stays, and the answer says so', async () => {
      const spine = await fresh(open)
      const made = await sealed(spine, { previous: null })
      const unsent = await spine.parked.park({ envelope_id: made.id, reason: 'nobody there' })
      assert.deepEqual([unsent.state, unsent.reason, unsent.code], ['parked', 'nobody there', undefined])
      const { envelope } = await sent(spine, { target_agent: 'busy', previous: null })
      const lease = leaseOf(await receivedOne(spine, 'busy'))
      await spine.deliveries.accept(lease)
      const park = () => spine.parked.park({ envelope_id: envelope.id, reason: 'too slow' })
      assert.deepEqual([(await park()).state, (await park()).code], ['accepted', 'ALREADY_ACCEPTED'])
      await spine.deliveries.complete(lease)
      assert.deepEqual([(await park()).state, (await park()).code], ['completed', 'ALREADY_ACCEPTED'])
    })

    test('a redrive of many answers for each in order; counts begin anew and old leases are lost', async () => {
      const spine = await fresh(open)
      const { delivery } = await sent(spine)
      const tokens: { id: string; lease_token: string }[] = []
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const lease = leaseOf(await receivedOne(spine))
        tokens.push(lease)
        await spine.deliveries.nack({ ...lease, reason: 'no', delay_ms: 0 })
      }
      const other = await parkedOne(spine, 'other')
      const ready = (await sent(spine, { target_agent: 'third', previous: null })).delivery
      const ids = [other.id, 'dlv_nobody', delivery.id, ready.id, other.id]
      const { results } = await spine.parked.redrive({ ids })
      assert.deepEqual(
        results.map(({ id, delivery: moved, error }) => [id, moved?.state ?? error?.code]),
        [
          [other.id, 'ready'],
          ['dlv_nobody', 'DELIVERY_NOT_FOUND'],
          [delivery.id, 'ready'],
          [ready.id, 'WRONG_STATE'],
        ],
      )
      const again = await spine.deliveries.get({ id: delivery.id })
      assert.deepEqual(
        [again.generation, again.attempts, again.claims, again.reason, again.history.at(-1)?.event],
        [1, 0, 0, undefined, 'redrive'],
      )
      for (const lease of tokens) await refused(spine.deliveries.complete(lease), 'LEASE_LOST')
      const claimed = await receivedOne(spine)
      assert.deepEqual([claimed.id, claimed.attempt, claimed.epoch], [delivery.id, 1, 4])
      for (const lease of tokens) await refused(spine.deliveries.complete(lease), 'LEASE_LOST')
      assert.equal((await spine.deliveries.complete(leaseOf(claimed))).state, 'completed')
    })

    test('of many redrives and discards at once exactly one moves each', async () => {
      const spine = await fresh(open)
      const ids: string[] = []
      for (let index = 0; index < 4; index += 1) ids.push((await parkedOne(spine, `a${index}`)).id)
      const calls = Array.from({ length: 6 }, (_, index) =>
        index % 2 ? spine.parked.redrive({ ids }) : spine.parked.discard({ ids: ids.toReversed(), reason: 'old' }),
      )
      const results = (await Promise.all(calls)).flatMap((answer) => answer.results)
      for (const id of ids) {
        const moves = results.filter((result) => result.id === id && result.delivery)
        assert.equal(moves.length, 1)
        assert.deepEqual(await spine.deliveries.get({ id }), moves[0]?.delivery)
      }
    })

    test('a redrive beside the call that parks it moves it or finds it not parked yet: no deadline has passed', async () => {
      const spine = await fresh(open)
      for (let round = 0; round < 10; round += 1) {
        const { delivery } = await sent(spine, { previous: null })
        const lease = leaseOf(await receivedOne(spine))
        const [, { results }] = await Promise.all([
          spine.deliveries.nack({ ...lease, kind: 'fatal', reason: 'no' }),
          spine.parked.redrive({ ids: [delivery.id] }),
        ])
        const code = results[0]?.error?.code
        assert.ok(code === undefined || code === 'WRONG_STATE', String(code))
        await spine.deliveries
          .cancel({ id: delivery.id })
          .catch(() => spine.parked.discard({ ids: [delivery.id], reason: 'done' }))
      }
    })

    test('a redrive to a deadline that has passed is refused, and it stays parked', async () => {
      const spine = await fresh(open)
      const { id } = await parkedOne(spine)
      const before = await spine.deliveries.get({ id })
      const { results } = await spine.parked.redrive({ ids: [id], deadline: '2020-01-01T00:00:00.000Z' })
      assert.equal(results[0]?.error?.code, 'DEADLINE_PASSED')
      assert.deepEqual(await spine.deliveries.get({ id }), before)
    })

    test('a discard is for good and keeps its reason', async () => {
      const spine = await fresh(open)
      const { id } = await parkedOne(spine)
      await refused(spine.parked.discard({ ids: [id], reason: '' }), 'INVALID_INPUT')
      const discard = async () => (await spine.parked.discard({ ids: [id], reason: 'not needed' })).results[0]
      const discarded = (await discard())?.delivery
      assert.deepEqual([discarded?.state, discarded?.reason], ['discarded', 'not needed'])
      assert.deepEqual([discarded?.history.at(-1)?.event, discarded?.history.at(-1)?.reason], ['discard', 'not needed'])
      assert.ok(discarded?.settled_at)
      assert.equal((await discard())?.error?.code, 'WRONG_STATE')
      assert.equal((await spine.parked.redrive({ ids: [id] })).results[0]?.error?.code, 'WRONG_STATE')
      assert.deepEqual((await spine.parked.list({})).deliveries, [])
    })

    test('a redriven delivery wakes a receiver that waits', async () => {
      const spine = await fresh(open)
      const { id } = await parkedOne(spine)
      const waiting = spine.deliveries.receive({ agent: 'coder', wait_ms: 30_000 })
      await spine.parked.redrive({ ids: [id] })
      assert.equal((await waiting).deliveries[0]?.id, id)
    })
  })
}

export function parkedInTimeSuite(name: string, open: OpenTimedSubject): void {
  describe(`parked (${name})`, () => {
    test('what is parked outlives its deadline; a redrive then gives a new one, which a reroute keeps', async () => {
      const { clock, at } = await open()
      const spine = await at(newNamespace())
      await spine.agents.put({ name: 'coder', fallback_agent: 'backup' })
      const later = (ms: number) => new Date(clock.now() + ms).toISOString()
      const envelope = await sealed(spine, { deadline: later(10_000) })
      await spine.deliveries.send({ envelope_id: envelope.id })
      const { id } = await spine.parked.park({ envelope_id: envelope.id, reason: 'enough' })
      await clock.jump(20_000)
      const { results } = await spine.parked.redrive({ ids: [id] })
      assert.equal(results[0]?.error?.code, 'DEADLINE_PASSED')
      assert.equal((await spine.parked.get({ id })).state, 'parked')
      const deadline = later(60_000)
      const again = (await spine.parked.redrive({ ids: [id], deadline })).results[0]?.delivery
      assert.deepEqual([again?.state, again?.deadline], ['ready', deadline])
      const { next } = await spine.deliveries.reroute({ id })
      assert.deepEqual([next.target, next.state, next.deadline], ['backup', 'ready', deadline])
      assert.equal((await receivedOne(spine, 'backup')).envelope.digest, envelope.digest)
    })
  })
}
