/** The event stream: every move is told once, in order, in the commit that made it, and a reader can go on anywhere. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventsOf } from '../../client/events.ts'
import type { SpineEvent } from '../../protocol/event.ts'
import type { Spine } from '../../protocol/spine.ts'
import { fresh, handedOver, leaseOf, type OpenSubject, type OpenTimedSubject, receivedOne, sent } from './subject.ts'

/** The whole stream of a namespace, read in pages of `limit`. */
async function all(spine: Spine, limit = 1_000): Promise<SpineEvent[]> {
  const events: SpineEvent[] = []
  for (let after: string | undefined; ; ) {
    const page = await spine.health.events({ limit, ...(after === undefined ? {} : { after }) })
    if (page.events.length === 0) return events
    events.push(...page.events)
    after = page.next
  }
}

const typesOf = (events: readonly SpineEvent[]) => events.map(({ type }) => type)

export function eventsSuite(name: string, open: OpenSubject): void {
  describe(`events (${name})`, { concurrency: 8 }, () => {
    test('a handoff tells how it was sealed, sent, claimed, accepted and completed', async () => {
      const spine = await fresh(open)
      const held = await handedOver(spine, { task_id: 't-1', intent: 'Ship it.', source_agent: 'planner' })
      await spine.deliveries.complete({ ...leaseOf(held), output: 'done' })
      const events = await all(spine)
      assert.deepEqual(typesOf(events), [
        'handoff.create',
        'delivery.send',
        'delivery.claim',
        'delivery.accept',
        'delivery.complete',
      ])
      const [sealed, , , accepted] = events
      assert.deepEqual(
        [sealed?.source_agent, sealed?.target, sealed?.task_id, sealed?.data?.hop, sealed?.data?.token_count],
        ['planner', 'coder', 't-1', 1, held.envelope.token_count],
      )
      assert.deepEqual(
        [accepted?.state, accepted?.delivery_id, accepted?.attempts, accepted?.claims, accepted?.started_at],
        ['accepted', held.id, 1, 1, held.created_at],
      )
    })

    test('a heartbeat and a repeat are no events', async () => {
      const spine = await fresh(open)
      const held = await handedOver(spine)
      const before = await all(spine)
      await spine.deliveries.heartbeat(leaseOf(held))
      await spine.deliveries.accept(leaseOf(held))
      assert.deepEqual(await all(spine), before)
    })

    test('a refused call leaves no event', async () => {
      const spine = await fresh(open)
      const held = await handedOver(spine)
      const before = await all(spine)
      await assert.rejects(spine.deliveries.complete({ id: held.id, lease_token: 'another' }))
      assert.deepEqual(await all(spine), before)
    })

    test('pages of any size make the same stream', async () => {
      const spine = await fresh(open)
      for (let turn = 0; turn < 3; turn += 1) await handedOver(spine, { previous: null })
      const whole = await all(spine)
      assert.equal(whole.length, 12)
      for (const limit of [1, 5, 12]) assert.deepEqual(await all(spine, limit), whole)
      assert.equal(new Set(whole.map(({ cursor }) => cursor)).size, whole.length)
    })

    test('only the wanted types come, and the place moves on past the others', async () => {
      const spine = await fresh(open)
      await handedOver(spine)
      const { events, next } = await spine.health.events({ types: 'delivery.acc,handoff.' })
      assert.deepEqual(typesOf(events), ['handoff.create', 'delivery.accept'])
      assert.deepEqual((await spine.health.events({ after: next })).events, [])
    })

    test('a reader that waits hears of what comes, from now on', async () => {
      const spine = await fresh(open)
      await handedOver(spine)
      const { next } = await spine.health.events({ after: 'now' })
      const waiting = spine.health.events({ after: next, wait_ms: 20_000 })
      await sent(spine, { previous: null, target_agent: 'writer' })
      assert.equal((await waiting).events[0]?.target, 'writer')
    })

    test('what another namespace does is not told', async () => {
      const [mine, theirs] = [await fresh(open), await fresh(open)]
      await handedOver(theirs)
      assert.deepEqual(await all(mine), [])
    })

    test('a handed back delivery says why', async () => {
      const spine = await fresh(open)
      await sent(spine)
      await spine.deliveries.nack({ ...leaseOf(await receivedOne(spine)), reason: 'no such file', kind: 'fatal' })
      const last = (await all(spine)).at(-1)
      assert.deepEqual([last?.type, last?.state, last?.reason], ['delivery.nack_fatal', 'parked', 'no such file'])
    })

    test('the iterator goes on from a cursor and ends with its signal', async () => {
      const spine = await fresh(open)
      await handedOver(spine)
      const ending = new AbortController()
      const seen: string[] = []
      for await (const event of eventsOf(spine, { after: '0-0', types: ['delivery.'], signal: ending.signal })) {
        seen.push(event.type)
        if (seen.length === 3) ending.abort()
      }
      assert.deepEqual(seen, ['delivery.send', 'delivery.claim', 'delivery.accept'])
    })

    test('a place that is none is refused', async () => {
      const spine = await fresh(open)
      await assert.rejects(spine.health.events({ after: 'yesterday' }), { code: 'INVALID_INPUT' })
    })
  })
}

export function timedEventsSuite(name: string, open: OpenTimedSubject): void {
  describe(`events in time (${name})`, () => {
    test('a wait that runs out answers with the place it waited at', async () => {
      const subject = await open()
      const spine = await subject.at('waits-for-events')
      await sent(spine)
      const { next } = await spine.health.events({})
      const waiting = spine.health.events({ after: next, wait_ms: 5_000 })
      await subject.clock.advance(5_000)
      assert.deepEqual(await waiting, { events: [], next })
    })

    test('the end of a lease, a wait that ran out, and a breaker are told', async () => {
      const subject = await open()
      const spine = await subject.at('told-in-time')
      for (let turn = 0; turn < 3; turn += 1) {
        const { envelope } = await sent(spine, { target_agent: 'gone', previous: null })
        const waiting = spine.deliveries.send({ envelope_id: envelope.id, wait: 'accepted', timeout_ms: 1_000 })
        const refused = assert.rejects(waiting, { code: 'ACK_TIMEOUT' })
        await subject.clock.advance(1_000)
        await refused
        await spine.parked.park({ envelope_id: envelope.id, reason: 'nobody came' })
      }
      await spine.agents.reset_breaker({ name: 'gone' })
      const events = await all(spine)
      assert.deepEqual(typesOf(events).slice(-4), [
        'delivery.ack_timeout',
        'delivery.park',
        'breaker.opened',
        'breaker.closed',
      ])
      assert.equal(events.find(({ type }) => type === 'delivery.ack_timeout')?.direct, true)
    })
  })
}
