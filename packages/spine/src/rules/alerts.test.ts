// What holds of every judgement, whatever the figures: nothing flickers at the edge, everything has words.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { alertRule } from '../protocol/alert.ts'
import { defaultThresholds } from '../protocol/health.ts'
import { wordsOf } from './alert-words.ts'
import { judge, keyOf, nextLookMs, type Situation, type Spans } from './alerts.ts'
import { addRollup, count, emptyRollup, figuresOf, type Rollup, readRollup, writeRollup } from './rollup.ts'
import { addTo } from './sketch.ts'
import { verdictOf } from './verdict.ts'

const some = fc.integer({ min: 0, max: 200 })
const rollup: fc.Arbitrary<Rollup> = fc
  .record({
    settled: some,
    failed: some,
    sealed: some,
    score: fc.integer({ min: 0, max: 10_000 }),
    gaps: some,
    hops: fc.array(fc.integer({ min: 1, max: 20 })),
    use: fc.array(fc.integer({ min: 0, max: 100 })),
    forgotten: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ settled, failed, sealed, score, gaps, hops, use, forgotten }) => {
    const one = emptyRollup()
    count(one, 'settled', settled)
    count(one, 'failed', Math.min(failed, settled))
    count(one, 'sealed', sealed)
    count(one, 'completeness', sealed * score)
    count(one, 'gaps', gaps)
    count(one, 'forgotten', forgotten)
    for (const hop of hops) addTo(one.hops, hop)
    for (const percent of use) addTo(one.use, percent)
    for (const percent of use) addTo(one.by_hand, percent)
    return one
  })
const spans: fc.Arbitrary<Spans> = fc.tuple(rollup, rollup, rollup, rollup).map(([recent, hour, day, before]) => ({
  recent: figuresOf(recent, defaultThresholds),
  hour: figuresOf(hour, defaultThresholds),
  day: figuresOf(day, defaultThresholds),
  before: figuresOf(before, defaultThresholds),
  forgotten: hour.counts.forgotten ?? 0,
}))
const target = fc.constantFrom('a', 'b', 'c')
const state = fc.constantFrom('closed', 'open', 'half_open')
const onePer = <T extends { target: string }>(arbitrary: fc.Arbitrary<T>) =>
  fc.uniqueArray(arbitrary, { selector: (one) => one.target, maxLength: 3 })
const situation: fc.Arbitrary<Situation> = fc.record({
  now: fc.constant(10_000_000),
  thresholds: fc.constant(defaultThresholds),
  breakers: onePer(fc.record({ target, state, failures: fc.integer({ min: 1, max: 5 }) })),
  streaks: onePer(
    fc.record({
      target,
      attempts: fc.integer({ min: 1, max: 5 }),
      at: fc.integer({ min: 0, max: 10_000_000 }),
      delivery_id: fc.constant('d'),
      envelope_id: fc.constant('e'),
      reason: fc.constantFrom('HTTP 503', 'It waits for you.'),
    }),
  ),
  parked: onePer(
    fc.record({
      target,
      cause: fc.constantFrom('failed' as const, 'stopped' as const),
      n: fc.integer({ min: 1, max: 9 }),
      newest: fc.constant('d'),
    }),
  ),
  queues: onePer(
    fc.record({
      target,
      ready: fc.integer({ min: 0, max: 9 }),
      held: some,
      oldest_ms: fc.integer({ min: 0, max: 600_000 }),
    }),
  ),
  unseen: fc.uniqueArray(target).map((names) => new Set(names)),
  push_stopped: fc.uniqueArray(target).map((names) => new Map(names.map((name) => [name, 'it answered 410']))),
  spans: fc.record({
    all: spans,
    targets: onePer(fc.tuple(target, spans).map(([name, one]) => ({ target: name, ...one }))),
  }),
})

const apply = (open: ReadonlySet<string>, { raise, resolve }: ReturnType<typeof judge>) =>
  new Set([...[...open].filter((key) => !resolve.includes(key)), ...raise.map(keyOf)])

test('judged again, the same situation changes nothing', () => {
  fc.assert(
    fc.property(situation, situation, (before, now) => {
      const open = apply(new Set(), judge(before, new Set()))
      const settled = apply(apply(open, judge(now, open)), { raise: [], resolve: [] })
      // What gives way to another alert is gone after the second look at the latest.
      const again = apply(settled, judge(now, settled))
      assert.deepEqual(judge(now, again), { raise: [], resolve: [] })
    }),
  )
})

test('nothing is raised that is open, nothing resolved that is not, and nothing both at once', () => {
  fc.assert(
    fc.property(situation, situation, (before, now) => {
      const open = apply(new Set(), judge(before, new Set()))
      const { raise, resolve } = judge(now, open)
      const keys = raise.map(keyOf)
      assert.equal(new Set(keys).size, keys.length)
      for (const key of keys) assert.ok(!open.has(key) && !resolve.includes(key), key)
      for (const key of resolve) assert.ok(open.has(key), key)
    }),
  )
})

test('without figures over time the alerts that need them stay as they are', () => {
  fc.assert(
    fc.property(situation, situation, (before, { spans: _, ...now }) => {
      const open = apply(new Set(), judge(before, new Set()))
      const overTime = /^(completeness|failure_rate|utilisation|hop_depth|previous)/
      const { raise, resolve } = judge(now, open)
      assert.deepEqual(
        [...raise.map(keyOf), ...resolve].filter((key) => overTime.test(key)),
        [],
      )
    }),
  )
})

test('every alert says what is so and what to do, and the verdict is a sentence', () => {
  fc.assert(
    fc.property(situation, (now) => {
      const { raise } = judge(now, new Set())
      for (const one of raise) {
        const { title, detail, next } = wordsOf(one)
        for (const text of [title, detail, next]) {
          assert.ok(text.length > 10, text)
          assert.doesNotMatch(text, /undefined|NaN|\[object|\.\./)
        }
      }
      const { tier, sentence } = verdictOf(raise)
      assert.equal(tier === undefined, raise.length === 0)
      assert.match(sentence, /^[A-Za-z0-9].*\.$/)
      assert.doesNotMatch(sentence, /undefined/)
    }),
  )
})

test('attempts that fail at somebody who was never heard of are told apart from those at somebody who fails', () => {
  const streak = { attempts: 3, at: 0, delivery_id: 'd', envelope_id: 'e' }
  const waits = { target: 'coder', ready: 1, held: 0, oldest_ms: 0 }
  const say = (now: Partial<Situation>) => {
    const quiet = { breakers: [], streaks: [{ target: 'coder', ...streak }], parked: [], queues: [waits] }
    const known = { unseen: new Set<string>(), push_stopped: new Map<string, string>() }
    const situation = { now: 0, thresholds: defaultThresholds, ...known, ...quiet, ...now }
    const found = judge(situation, new Set()).raise.find(({ rule }) => rule === 'attempts_failing')
    assert.ok(found)
    return wordsOf(found)
  }
  assert.match(say({}).title, /3 attempts in a row failed at coder/)
  assert.match(say({}).next, /See whether coder is running .* tried again by itself/)
  const unseen = say({ unseen: new Set(['coder']) })
  assert.equal(unseen.title, 'Nobody has ever received as coder')
  assert.match(unseen.next, /Start a receiver for coder, or see whether the name is misspelt/)
  const parked = say({ queues: [], parked: [{ target: 'coder', cause: 'failed', n: 1, newest: 'd' }] })
  assert.doesNotMatch(parked.next, /by itself/)
  assert.match(parked.next, /dead-letter box/)
})

test('the verdict counts alerts by tier, in the plural where there are several', () => {
  const alert = { rule: 'unclaimed', tier: 'warning' } as const
  const { detail } = verdictOf([
    { ...alert, target: 'a' },
    { ...alert, target: 'b' },
    { rule: 'handoff_failed', tier: 'info' },
  ])
  assert.equal(detail, '2 warnings, 1 info')
})

test('while something waits, or an alert over time is open, there is a time to look again', () => {
  fc.assert(
    fc.property(situation, (now) => {
      const waits = now.queues.some(({ ready, oldest_ms }) => ready > 0 && oldest_ms < defaultThresholds.unclaimed_ms)
      const next = nextLookMs(now, new Set())
      if (waits) assert.ok(next !== undefined && next >= 0)
      assert.equal(nextLookMs(now, new Set(['completeness_low:warning:'])), 0)
    }),
  )
})

test('every rule has words of its own', () => {
  const titles = alertRule.options.map((rule) => wordsOf({ rule, tier: 'info', target: 'coder', level: 'over' }).title)
  assert.equal(new Set(titles).size, alertRule.options.length)
})

test('rollups add up in any order, and survive being written down', () => {
  fc.assert(
    fc.property(rollup, rollup, (left, right) => {
      const copy = (one: Rollup) => readRollup(writeRollup(one))
      assert.deepEqual(copy(left), left)
      const figures = (one: Rollup) => figuresOf(one, defaultThresholds)
      assert.deepEqual(figures(addRollup(copy(left), right)), figures(addRollup(copy(right), left)))
    }),
  )
})
