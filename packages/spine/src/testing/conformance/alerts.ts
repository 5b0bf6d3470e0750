/** Alerts: each rule raised by real handoffs, once, and resolved once; acknowledged, silenced, and kept apart. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Alert } from '../../protocol/alert.ts'
import type { SpineEvent } from '../../protocol/event.ts'
import type { HandoffInput } from '../../protocol/handoff.ts'
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
  sealed,
  sent,
} from './subject.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** Time in which what moved is judged, and in which everything is. */
const SOON = 2 * SECOND
const ROUND = 12 * SECOND

const open = async (spine: Spine): Promise<Alert[]> => (await spine.alerts.list({})).alerts
const named = (alerts: readonly Alert[]) =>
  alerts.map(({ rule, tier, target }) => [rule, tier, target].filter(Boolean).join(' ')).toSorted()

const retried = async (spine: Spine, agent = 'coder') =>
  spine.deliveries.nack({ ...leaseOf(await receivedOne(spine, agent)), kind: 'retry', reason: 'down', delay_ms: 0 })

/** A handoff whose attempts are all spent. */
async function failed(spine: Spine, call: Partial<HandoffInput> = {}): Promise<string> {
  const { delivery } = await sent(spine, { previous: null, ...call })
  for (let attempt = 0; attempt < 3; attempt += 1) await retried(spine)
  return delivery.id
}

async function completed(spine: Spine, call: Partial<HandoffInput> = {}): Promise<void> {
  await sent(spine, { previous: null, ...call })
  await spine.deliveries.complete(leaseOf(await receivedOne(spine)))
}

async function times(n: number, call: () => Promise<unknown>): Promise<void> {
  for (let turn = 0; turn < n; turn += 1) await call()
}

export function alertsSuite(name: string, openSubject: OpenSubject): void {
  describe(`alerts (${name})`, { concurrency: 8 }, () => {
    test('one is raised, told, listed, acknowledged once, silenced, and nobody else sees it', async () => {
      const [spine, other] = [await fresh(openSubject), await fresh(openSubject)]
      const { next } = await spine.health.events({ after: 'now' })
      const delivery_id = await failed(spine)
      const seen: SpineEvent[] = []
      for (let after = next; seen.length < 2; ) {
        const page = await spine.health.events({ after, types: 'alert.', wait_ms: 20_000 })
        seen.push(...page.events)
        after = page.next
      }
      const alerts = await open(spine)
      assert.deepEqual(named(alerts), ['attempts_failing warning coder', 'handoff_failed info coder'])
      assert.deepEqual(
        seen.map(({ type, target }) => `${type} ${target}`),
        ['alert.raised coder', 'alert.raised coder'],
      )
      const [alert] = alerts.filter(({ rule }) => rule === 'handoff_failed')
      assert.ok(alert)
      assert.equal(alert.about.delivery_id, delivery_id)
      assert.ok(seen.some(({ data }) => data?.id === alert.id && data?.rule === 'handoff_failed'))
      for (const text of [alert.title, alert.detail, alert.next]) assert.ok(text.length > 10, text)

      const { id } = alert
      const acknowledged = await spine.alerts.acknowledge({ id, by: 'ana', note: 'on it' })
      assert.deepEqual([acknowledged.acknowledged?.by, acknowledged.acknowledged?.note], ['ana', 'on it'])
      assert.deepEqual(await spine.alerts.acknowledge({ id, by: 'ben' }), acknowledged)
      const silenced = await spine.alerts.silence({ id, for_ms: HOUR, by: 'ana' })
      assert.ok(Date.parse(silenced.silenced_until ?? '') > Date.now())
      assert.equal('silenced_until' in (await spine.alerts.silence({ id, for_ms: 0 })), false)

      assert.deepEqual(named((await spine.alerts.list({ tier: 'info' })).alerts), ['handoff_failed info coder'])
      assert.deepEqual((await spine.alerts.list({ target: 'writer' })).alerts, [])
      assert.deepEqual((await spine.alerts.list({ state: 'resolved' })).alerts, [])
      assert.deepEqual(await open(other), [])
      await refused(other.alerts.get({ id }), 'ALERT_NOT_FOUND')
      await refused(other.alerts.silence({ id, for_ms: HOUR }), 'ALERT_NOT_FOUND')
      await refused(other.alerts.acknowledge({ id }), 'ALERT_NOT_FOUND')
    })
  })
}

export function timedAlertsSuite(name: string, openSubject: OpenTimedSubject): void {
  const start = async (thresholds: Parameters<Spine['health']['set_thresholds']>[0] = {}) => {
    const subject = await openSubject()
    const spine = await subject.at(newNamespace())
    await spine.health.set_thresholds(thresholds)
    return { ...subject, spine }
  }

  describe(`alerts in time (${name})`, () => {
    test('three failed attempts in a row warn before the breaker opens, and end when something arrives', async () => {
      const { spine, clock } = await start()
      const id = await failed(spine)
      await clock.advance(SOON)
      assert.deepEqual(named(await open(spine)), ['attempts_failing warning coder', 'handoff_failed info coder'])
      await spine.parked.redrive({ ids: [id] })
      await spine.deliveries.complete(leaseOf(await receivedOne(spine)))
      await clock.advance(SOON)
      assert.deepEqual(await open(spine), [])
    })

    test('waits for somebody who was never heard of are told as such, for a name may be misspelt', async () => {
      const { spine, clock, idle } = await start()
      const { id: envelope_id } = await sealed(spine, { previous: null })
      for (let wait = 0; wait < 3; wait += 1) {
        const waiting = refused(
          spine.deliveries.send({ envelope_id, wait: 'accepted', timeout_ms: 1_000 }),
          'ACK_TIMEOUT',
        )
        await idle()
        await clock.advance(SECOND)
        await waiting
      }
      await clock.advance(SOON)
      const [alert] = await open(spine)
      assert.equal(alert?.title, 'Nobody has ever received as coder')
      assert.match(alert.detail, /^Senders waited 3 times in vain/)
    })

    test('two failed attempts with a success between them are no row', async () => {
      const { spine, clock } = await start()
      await sent(spine, { previous: null })
      await times(2, () => retried(spine))
      await spine.deliveries.complete(leaseOf(await receivedOne(spine)))
      await sent(spine, { previous: null })
      await retried(spine)
      await clock.advance(SOON)
      assert.deepEqual(await open(spine), [])
      await retried(spine)
      await clock.advance(SOON)
      assert.deepEqual(await open(spine), [])
    })

    test('attempts that failed long ago are no longer news', async () => {
      const { spine, clock } = await start()
      const id = await failed(spine)
      await clock.advance(SOON)
      await spine.parked.discard({ ids: [id], reason: 'no longer needed' })
      await clock.advance(SOON)
      assert.deepEqual(named(await open(spine)), ['attempts_failing warning coder'])
      await clock.jump(HOUR)
      await clock.advance(ROUND)
      assert.deepEqual(await open(spine), [])
    })

    test('an open breaker is critical until its probe arrives; raised once, resolved once, over two nodes', async () => {
      const { spine, clock, openAnother } = await start()
      const another = await openAnother()
      await times(3, () => failed(spine))
      await clock.advance(SOON)
      const rules = named(await open(spine))
      assert.ok(rules.includes('breaker_open critical coder'), String(rules))
      assert.match((await spine.health.report({})).verdict.sentence, /^One target is failing: coder\./)
      await clock.advance(MINUTE)
      await completed(spine)
      await clock.advance(SOON)
      const { alerts } = await spine.alerts.list({ state: 'all' })
      const states = alerts.filter(({ rule }) => rule === 'breaker_open').map(({ state }) => state)
      assert.deepEqual(states, ['resolved'])
      const { events } = await spine.health.events({ types: 'alert.', limit: 1_000 })
      const told = events.filter(({ data }) => data?.rule === 'breaker_open').map(({ type }) => type)
      assert.deepEqual(told, ['alert.raised', 'alert.resolved'])
      await another.close()
    })

    test('a breaker that is reset by hand is resolved', async () => {
      const { spine, clock } = await start()
      await times(3, () => failed(spine))
      await clock.advance(SOON)
      await spine.agents.reset_breaker({ name: 'coder' })
      await clock.advance(SOON)
      assert.equal(named(await open(spine)).includes('breaker_open critical coder'), false)
    })

    test('completeness warns below 95 % and is critical below 80 %; one of the two is open at a time', async () => {
      const { spine, clock } = await start()
      const whole = () => sealed(spine, { previous: null })
      const gap = () => sealed(spine, { previous: null, memory_ids: ['gone'] })
      await times(18, whole)
      await gap()
      await clock.advance(ROUND)
      assert.deepEqual(await open(spine), [], '19 handoffs are too few to judge')
      await gap()
      await clock.advance(ROUND)
      const [warning] = await open(spine)
      assert.deepEqual([warning?.rule, warning?.tier, warning?.value], ['completeness_low', 'warning', 0.9])
      assert.equal(warning?.target, undefined)
      assert.equal(warning?.about.memory_id, 'gone')
      assert.match(warning?.detail ?? '', /2 of the latest 2 point to gone/)
      await times(4, gap)
      await clock.advance(ROUND)
      assert.deepEqual(named(await open(spine)), ['completeness_low critical'])
      // In between, nothing changes: 0.806 is above the limit, but not by the margin.
      await times(7, whole)
      await clock.advance(ROUND)
      assert.deepEqual(named(await open(spine)), ['completeness_low critical'])
      await clock.jump(6 * MINUTE)
      await times(20, whole)
      await clock.advance(ROUND)
      assert.deepEqual(await open(spine), [])
    })

    test('a target of its own is named where all together are well', async () => {
      const { spine, clock } = await start({ rate_handoffs: 4 })
      await times(4, () => sealed(spine, { previous: null, target_agent: 'writer', memory_ids: ['gone'] }))
      await times(80, () => sealed(spine, { previous: null }))
      await clock.advance(ROUND)
      assert.deepEqual(named(await open(spine)), ['completeness_low warning writer'])
    })

    test('the failure rate warns, and is critical above its second limit', async () => {
      const { spine, clock } = await start({ failure_rate_critical: 0.1 })
      await times(19, () => completed(spine))
      const id = await failed(spine)
      await clock.advance(ROUND)
      const rates = async () => named(await open(spine)).filter((one) => one.startsWith('failure_rate'))
      assert.deepEqual(await rates(), ['failure_rate_high warning'])
      await spine.parked.discard({ ids: [id], reason: 'no longer needed' })
      await times(2, () => failed(spine))
      await clock.advance(ROUND)
      assert.deepEqual(await rates(), ['failure_rate_high critical'])
      await clock.jump(HOUR)
      await clock.advance(ROUND)
      assert.deepEqual(await rates(), [])
    })

    test('budgets set by hand that stay mostly empty are worth a word; budgets nobody set are not', async () => {
      const { spine, clock } = await start()
      await times(50, () => sealed(spine, { previous: null }))
      await clock.advance(ROUND)
      assert.deepEqual(await open(spine), [])
      await times(50, () => sealed(spine, { previous: null, target_agent: 'writer', max_tokens: 8_000 }))
      await clock.advance(ROUND)
      assert.deepEqual(named(await open(spine)), ['utilisation_low warning writer'])
    })

    test('budgets that are full most of the time are worth a word', async () => {
      const { spine, clock } = await start()
      const { token_count } = await sealed(spine, { previous: null })
      await times(50, () => sealed(spine, { previous: null, target_agent: 'writer', max_tokens: token_count }))
      await clock.advance(ROUND)
      assert.deepEqual(named(await open(spine)), ['utilisation_full warning writer'])
    })

    test('chains that get longer than they were are worth a word', async () => {
      const { spine, clock } = await start()
      await times(20, () => sealed(spine, { previous: null }))
      await clock.jump(3 * HOUR)
      await clock.advance(ROUND)
      assert.deepEqual(await open(spine), [])
      await times(5, async () => {
        let previous: string | null = null
        for (let hop = 1; hop <= 4; hop += 1)
          previous = (await sealed(spine, { previous, target_agent: `agent-${hop}` })).id
      })
      await clock.advance(ROUND)
      const [alert] = await open(spine)
      assert.deepEqual([alert?.rule, alert?.value], ['hop_depth_rising', 4])
      await clock.jump(2 * HOUR)
      await clock.advance(ROUND)
      assert.deepEqual(await open(spine), [])
    })

    test('a loop that was stopped is worth a word until somebody decides', async () => {
      const { spine, clock } = await start()
      const held = await handedOver(spine, { previous: null, max_hops: 1 })
      const onward = { handoff: { target_agent: 'writer', task_summary: 'And on.' } }
      await assert.rejects(spine.deliveries.forward({ ...leaseOf(held), ...onward }))
      await clock.advance(SOON)
      const [alert] = await open(spine)
      assert.deepEqual([alert?.rule, alert?.about.delivery_id], ['loop_stopped', held.id])
      await spine.parked.redrive({ ids: [held.id], extra_hops: 1 })
      await clock.advance(SOON)
      assert.deepEqual(await open(spine), [])
    })

    test('an agent that receives and keeps starting anew is told; new work on purpose is not', async () => {
      const { spine, clock } = await start()
      await completed(spine)
      await times(3, () => sealed(spine, { source_agent: 'coder', target_agent: 'writer', previous: null }))
      await clock.advance(ROUND)
      assert.deepEqual(await open(spine), [])
      await times(3, () => sealed(spine, { source_agent: 'coder', target_agent: 'writer' }))
      await clock.advance(ROUND)
      assert.deepEqual(named(await open(spine)), ['previous_forgotten warning coder'])
    })

    test('an agent that never received anything starts chains without a word', async () => {
      const { spine, clock } = await start()
      await times(3, () => sealed(spine, { source_agent: 'planner' }))
      await clock.advance(ROUND)
      assert.deepEqual(await open(spine), [])
    })

    test('a delivery that nobody claims for five minutes is worth a word until somebody does', async () => {
      const { spine, clock } = await start()
      await sent(spine, { previous: null })
      await clock.jump(5 * MINUTE - 2 * SECOND)
      await clock.advance(SECOND)
      assert.deepEqual(await open(spine), [])
      await clock.advance(ROUND)
      assert.deepEqual(named(await open(spine)), ['unclaimed warning coder'])
      await spine.deliveries.complete(leaseOf(await receivedOne(spine)))
      await clock.advance(SOON)
      assert.deepEqual(await open(spine), [])
    })
  })
}
