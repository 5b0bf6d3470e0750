/**
 * What a span of time adds up to: counts and sketches of what happened to handoffs. Rollups of neighbouring spans, and
 * of several targets, add up to that of the whole, so a report is a sum and costs the same for a thousand facts as for
 * a million.
 */

import type { HealthFigures, HealthThresholds, Histogram, Spread, Totals } from '../protocol/health.ts'
import { binsAt, countOf, decodeSketch, encodeSketch, mergeInto, middleOf, type Sketch } from './sketch.ts'

/** Plain sums. The names are on disk. */
export const countNames = [
  'handoffs',
  'accepted',
  'completed',
  'settled',
  'failed',
  'failed_attempts',
  'lease_ends',
  'sealed',
  /** Of completeness scores, in ten-thousandths. */
  'completeness',
  'incomplete',
  'gaps',
  'trimmed',
  /** New roots by an agent that receives handoffs: counted at that agent. */
  'forgotten',
  'loops_stopped',
] as const
export type CountName = (typeof countNames)[number]

const sketchNames = ['direct', 'queued', 'hops', 'use', 'by_hand'] as const

export type Rollup = {
  counts: Partial<Record<CountName, number>>
  /** Milliseconds, binned as `binOf` says. */
  direct: Sketch
  queued: Sketch
  /** By hop. */
  hops: Sketch
  /** By whole percent of the budget; by_hand: where the caller gave the budget. */
  use: Sketch
  by_hand: Sketch
  /** By kind of memory. */
  regret: Record<string, number>
}

export const emptyRollup = (): Rollup => ({
  counts: {},
  direct: new Map(),
  queued: new Map(),
  hops: new Map(),
  use: new Map(),
  by_hand: new Map(),
  regret: {},
})

export function count(rollup: Rollup, name: CountName, by = 1): void {
  if (by !== 0) rollup.counts[name] = (rollup.counts[name] ?? 0) + by
}

export function addRollup(sum: Rollup, other: Rollup): Rollup {
  for (const name of countNames) count(sum, name, other.counts[name] ?? 0)
  for (const name of sketchNames) mergeInto(sum[name], other[name])
  for (const [kind, some] of Object.entries(other.regret)) sum.regret[kind] = (sum.regret[kind] ?? 0) + some
  return sum
}

/** As it is stored. */
export function writeRollup(rollup: Rollup): string {
  const sketches = sketchNames.filter((name) => rollup[name].size > 0)
  return JSON.stringify({
    ...rollup.counts,
    ...Object.fromEntries(sketches.map((name) => [name, encodeSketch(rollup[name])])),
    ...(Object.keys(rollup.regret).length > 0 ? { regret: rollup.regret } : {}),
  })
}

export function readRollup(text: string): Rollup {
  const { direct, queued, hops, use, by_hand, regret = {}, ...counts } = JSON.parse(text)
  const [d, q, h, u, b] = [direct, queued, hops, use, by_hand].map((numbers = []) => decodeSketch(numbers))
  return { counts, direct: d, queued: q, hops: h, use: u, by_hand: b, regret } as Rollup
}

const sumOf = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, some) => sum + some, 0)
const round = (share: number) => Math.round(share * 10_000) / 10_000

/** Percentiles in whole milliseconds: finer than that nothing was measured. */
function spreadOf(sketch: Sketch): Spread {
  const [p50, p95, p99, max] = binsAt(sketch, [0.5, 0.95, 0.99, 1]).map((bin) =>
    bin === undefined ? undefined : Math.round(middleOf(bin)),
  )
  if (p50 === undefined) return { count: 0 }
  return { count: countOf(sketch), p50, p95, p99, max }
}

const countWhere = (sketch: Sketch, holds: (percent: number) => boolean): number =>
  [...sketch].reduce((sum, [percent, some]) => (holds(percent) ? sum + some : sum), 0)

export function figuresOf(rollup: Rollup, thresholds: HealthThresholds): HealthFigures {
  const { counts, direct, queued, hops, use, by_hand, regret } = rollup
  const of = (name: CountName) => counts[name] ?? 0
  const all: Sketch = new Map(direct)
  mergeInto(all, queued)
  const [hop50, hop95, hop_max] = binsAt(hops, [0.5, 0.95, 1])
  const [use10, use50, use90] = binsAt(use, [0.1, 0.5, 0.9]).map((percent) =>
    percent === undefined ? undefined : percent / 100,
  )
  return {
    handoffs: of('handoffs'),
    accepted: of('accepted'),
    completed: of('completed'),
    settled: of('settled'),
    failed: of('failed'),
    ...(of('settled') > 0 ? { failure_rate: Math.min(1, round(of('failed') / of('settled'))) } : {}),
    failed_attempts: of('failed_attempts'),
    lease_ends: of('lease_ends'),
    latency_ms: { direct: spreadOf(direct), queued: spreadOf(queued), all: spreadOf(all) },
    completeness: {
      count: of('sealed'),
      ...(of('sealed') > 0 ? { score: round(of('completeness') / of('sealed') / 10_000) } : {}),
      incomplete: of('incomplete'),
      gaps: of('gaps'),
    },
    hops: {
      count: countOf(hops),
      ...(hop50 === undefined ? {} : { p50: hop50, p95: hop95, max: hop_max }),
      counts: [...hops].sort(([left], [right]) => left - right).map(([hop, some]) => ({ hop, count: some })),
    },
    utilisation: {
      count: countOf(use),
      ...(use50 === undefined ? {} : { p10: use10, p50: use50, p90: use90 }),
      full: countWhere(use, (percent) => percent >= thresholds.utilisation_full * 100),
      by_hand: countOf(by_hand),
      low_by_hand: countWhere(by_hand, (percent) => percent < thresholds.utilisation_low * 100),
    },
    trimmed: of('trimmed'),
    regret: { count: sumOf(regret), by_kind: regret },
  }
}

/** Milliseconds; the default wait of a sender is among them. */
const bounds_ms = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000, 300_000, 3_600_000]

function histogramOf(sketch: Sketch): Histogram {
  const bins = [...sketch].map(([bin, some]) => [middleOf(bin), some] as const)
  return {
    buckets: bounds_ms.map((le_ms) => ({
      le_ms,
      count: bins.reduce((sum, [value, some]) => (value <= le_ms ? sum + some : sum), 0),
    })),
    count: countOf(sketch),
    sum_ms: Math.round(bins.reduce((sum, [value, some]) => sum + value * some, 0)),
  }
}

export function totalsOf({ counts, direct, queued, regret }: Rollup): Totals {
  const of = (name: CountName) => counts[name] ?? 0
  return {
    handoffs: of('handoffs'),
    accepted: of('accepted'),
    completed: of('completed'),
    settled: of('settled'),
    failed: of('failed'),
    failed_attempts: of('failed_attempts'),
    lease_ends: of('lease_ends'),
    sealed: of('sealed'),
    incomplete: of('incomplete'),
    gaps: of('gaps'),
    trimmed: of('trimmed'),
    regretted: sumOf(regret),
    latency_ms: { direct: histogramOf(direct), queued: histogramOf(queued) },
  }
}
