/** Health: what real handoffs add up to, per window and target, once each. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defaultThresholds } from '../../protocol/health.ts'
import type { Spine } from '../../protocol/spine.ts'
import {
  fresh,
  handedOver,
  leaseOf,
  newNamespace,
  type OpenSubject,
  type OpenTimedSubject,
  receivedOne,
  refused,
  sent,
} from './subject.ts'

const SECOND = 1_000
const MINUTE = 60_000
/** Time in which whatever happened is counted. */
const COUNTED = 2 * SECOND

export function healthSuite(name: string, open: OpenSubject): void {
  describe(`health (${name})`, { concurrency: 8 }, () => {
    test('where nothing happened every step is there, and nothing is claimed', async () => {
      const spine = await fresh(open)
      for (const [window, steps] of [
        ['5m', 30],
        ['1h', 60],
        ['24h', 48],
      ] as const) {
        const report = await spine.health.report({ window })
        assert.equal(report.history.length, steps)
        assert.equal(Date.parse(report.history.at(-1)?.at ?? '') <= Date.parse(report.to), true)
        assert.equal(report.history[0]?.at, report.from)
        assert.equal(report.figures.handoffs, 0)
        assert.equal('failure_rate' in report.figures, false)
        assert.equal('p95' in report.figures.latency_ms.all, false)
        assert.deepEqual(report.verdict, { sentence: 'Every handoff arrives whole.', detail: 'No alert is open.' })
        assert.deepEqual(report.thresholds, defaultThresholds)
      }
    })

    test('thresholds are set for one namespace, and what is left out gets its default', async () => {
      const [mine, theirs] = [await fresh(open), await fresh(open)]
      const set = await mine.health.set_thresholds({ completeness_warning: 0.98, unclaimed_ms: 60_000 })
      assert.deepEqual(set, { ...defaultThresholds, completeness_warning: 0.98, unclaimed_ms: 60_000 })
      assert.deepEqual(await mine.health.thresholds({}), set)
      assert.deepEqual((await mine.health.report({})).thresholds, set)
      assert.deepEqual(await theirs.health.thresholds({}), defaultThresholds)
    })

    test('a threshold that is no share, or is not known, is refused', async () => {
      const spine = await fresh(open)
      await refused(spine.health.set_thresholds({ completeness_warning: 95 }), 'INVALID_INPUT')
      await refused(spine.health.set_thresholds({ completness: 0.9 } as never), 'INVALID_INPUT')
    })

    test('the queue is that of this moment', async () => {
      const spine = await fresh(open)
      await sent(spine, { target_agent: 'coder' })
      await handedOver(spine, { target_agent: 'writer', previous: null })
      const { envelope } = await sent(spine, { target_agent: 'tester', previous: null })
      await spine.parked.park({ envelope_id: envelope.id, reason: 'for review' })
      const { queue } = await spine.health.report({})
      assert.deepEqual([queue.ready, queue.held, queue.parked], [1, 1, 1])
      assert.ok(Number(queue.oldest_ready_ms) >= 0)
      const { queue: writers } = await spine.health.report({ target: 'writer' })
      assert.deepEqual([writers.ready, writers.held, writers.parked], [0, 1, 0])
    })
  })
}

export function timedHealthSuite(name: string, open: OpenTimedSubject): void {
  const start = async () => {
    const subject = await open()
    return { ...subject, spine: await subject.at(newNamespace()) }
  }
  const complete = async (spine: Spine, agent = 'coder') =>
    spine.deliveries.complete(leaseOf(await receivedOne(spine, agent)))

  describe(`health in time (${name})`, () => {
    test('queued and direct handoffs are measured apart, from initiated to accepted', async () => {
      const { spine, clock } = await start()
      for (const wait_ms of [2_000, 4_000]) {
        await sent(spine, { previous: null })
        await clock.advance(wait_ms)
        await complete(spine)
      }
      const { envelope } = await sent(spine, { target_agent: 'writer', previous: null })
      const waiting = spine.deliveries.send({ envelope_id: envelope.id, target: 'tester', wait: 'accepted' })
      await clock.advance(500)
      await complete(spine, 'tester')
      await waiting
      await clock.advance(COUNTED)
      const { figures } = await spine.health.report({ window: '5m' })
      const near = (value: number | undefined, exact: number) =>
        assert.ok(Math.abs((value ?? 0) - exact) <= exact * 0.01 + 0.5, `${value} is not near ${exact}`)
      assert.equal(figures.latency_ms.queued.count, 2)
      near(figures.latency_ms.queued.p50, 2_000)
      near(figures.latency_ms.queued.p99, 4_000)
      assert.equal(figures.latency_ms.direct.count, 1)
      near(figures.latency_ms.direct.p95, 500)
      assert.equal(figures.latency_ms.all.count, 3)
      assert.deepEqual([figures.handoffs, figures.accepted, figures.completed, figures.settled], [4, 3, 3, 3])
      assert.equal(figures.failure_rate, 0)
    })

    test('acceptance is counted once, whatever else becomes of the delivery', async () => {
      const { spine, clock } = await start()
      const held = await handedOver(spine)
      await spine.deliveries.accept(leaseOf(held))
      await spine.deliveries.nack({ ...leaseOf(held), kind: 'retry', reason: 'down', delay_ms: 0 })
      const again = await receivedOne(spine)
      await spine.deliveries.accept(leaseOf(again))
      await spine.deliveries.complete(leaseOf(again))
      await clock.advance(COUNTED)
      const { figures } = await spine.health.report({ window: '5m' })
      assert.deepEqual(
        [figures.handoffs, figures.accepted, figures.completed, figures.settled, figures.failed_attempts],
        [1, 1, 1, 1, 1],
      )
      assert.equal(figures.latency_ms.all.count, 1)
    })

    test('exhausted handoffs make the failure rate; declined and cancelled ones only end', async () => {
      const { spine, clock } = await start()
      await sent(spine, { previous: null })
      for (let attempt = 0; attempt < 3; attempt += 1)
        await spine.deliveries.nack({
          ...leaseOf(await receivedOne(spine)),
          kind: 'retry',
          reason: 'down',
          delay_ms: 0,
        })
      await sent(spine, { previous: null })
      await spine.deliveries.nack({ ...leaseOf(await receivedOne(spine)), kind: 'fatal', reason: 'no such file' })
      const { delivery } = await sent(spine, { previous: null })
      await spine.deliveries.cancel({ id: delivery.id, reason: 'no longer' })
      await sent(spine, { previous: null })
      await complete(spine)
      await clock.advance(COUNTED)
      const { figures, targets } = await spine.health.report({ window: '1h' })
      assert.deepEqual([figures.settled, figures.failed, figures.failed_attempts], [4, 1, 3])
      assert.equal(figures.failure_rate, 0.25)
      assert.deepEqual(
        targets.map(({ target, figures: of }) => [target, of.failed]),
        [['coder', 1]],
      )
    })

    test('a lease that ended is counted as such, and as a failed attempt', async () => {
      const { spine, clock } = await start()
      await sent(spine)
      await receivedOne(spine, 'coder', { lease_ms: SECOND })
      await clock.advance(2 * SECOND + COUNTED)
      const { figures } = await spine.health.report({ window: '5m' })
      assert.deepEqual([figures.lease_ends, figures.failed_attempts, figures.settled], [1, 1, 0])
    })

    test('completeness, gaps, hops and token use come from what was sealed', async () => {
      const { spine, clock } = await start()
      const text = 'The release needs a signed build and two approvals.'
      await spine.memories.store({ memories: [{ id: 'm-1', content: text }] })
      const first = await sent(spine, { memory_ids: ['m-1', 'm-gone'], max_tokens: 2_000, previous: null })
      const held = await receivedOne(spine)
      await spine.deliveries.accept(leaseOf(held))
      const second = await sent(spine, { target_agent: 'writer', previous: held.id })
      await clock.advance(COUNTED)
      const { figures } = await spine.health.report({ window: '5m' })
      const scores = [first, second].map(({ envelope }) => envelope.completeness.score)
      assert.equal(figures.completeness.count, 2)
      assert.ok(Math.abs((figures.completeness.score ?? 0) - ((scores[0] ?? 0) + (scores[1] ?? 0)) / 2) < 0.0001)
      const gaps = [first, second].map(({ envelope }) => envelope.completeness.gaps.length)
      assert.equal(figures.completeness.gaps, (gaps[0] ?? 0) + (gaps[1] ?? 0))
      assert.ok(figures.completeness.gaps >= 1)
      assert.deepEqual(figures.hops.counts, [
        { hop: 1, count: 1 },
        { hop: 2, count: 1 },
      ])
      assert.deepEqual([figures.utilisation.count, figures.utilisation.by_hand], [2, 1])
      const { targets } = await spine.health.report({ window: '5m' })
      const writer = targets.find(({ target }) => target === 'writer')
      assert.deepEqual(writer?.figures.hops.counts, [{ hop: 2, count: 1 }])
    })

    test('each window forgets in its time, and the history puts each handoff where it happened', async () => {
      const { spine, clock } = await start()
      await sent(spine, { previous: null })
      await complete(spine)
      const happened = clock.now()
      await clock.advance(COUNTED)
      const { history } = await spine.health.report({ window: '5m' })
      const at = history.filter(({ handoffs }) => handoffs > 0).map((point) => Date.parse(point.at))
      assert.equal(at.length, 1)
      assert.ok((at[0] ?? 0) <= happened && happened < (at[0] ?? 0) + 10_000)
      const counts = async () =>
        Promise.all(
          (['5m', '1h', '24h'] as const).map(
            async (window) => (await spine.health.report({ window })).figures.completed,
          ),
        )
      assert.deepEqual(await counts(), [1, 1, 1])
      await clock.jump(6 * MINUTE)
      assert.deepEqual(await counts(), [0, 1, 1])
      await clock.jump(60 * MINUTE)
      assert.deepEqual(await counts(), [0, 0, 1])
      await clock.jump(25 * 60 * MINUTE)
      assert.deepEqual(await counts(), [0, 0, 0])
      assert.equal((await spine.health.totals({})).all.completed, 1)
    })

    test('totals have a histogram whose last bound holds nearly all', async () => {
      const { spine, clock } = await start()
      await sent(spine)
      await clock.advance(700)
      await complete(spine)
      await clock.advance(COUNTED)
      const { all, targets } = await spine.health.totals({})
      const { buckets, count, sum_ms } = all.latency_ms.queued
      assert.equal(count, 1)
      assert.ok(Math.abs(sum_ms - 700) <= 7)
      assert.deepEqual(
        buckets.filter(({ le_ms }) => le_ms === 500 || le_ms === 1_000).map((bucket) => bucket.count),
        [0, 1],
      )
      assert.deepEqual(
        targets.map(({ target, completed }) => [target, completed]),
        [['coder', 1]],
      )
    })

    test('a second node that counts the same events counts none of them twice', async () => {
      const { spine, clock, openAnother } = await start()
      const another = await openAnother()
      for (let turn = 0; turn < 3; turn += 1) {
        await sent(spine, { previous: null })
        await complete(spine)
        await clock.advance(COUNTED)
      }
      const { figures } = await spine.health.report({ window: '5m' })
      assert.deepEqual([figures.handoffs, figures.completed, figures.completeness.count], [3, 3, 3])
      await another.close()
    })
  })
}
