/**
 * How well handoffs go: what was counted in a window of time, for all and per target, with its history, and the
 * thresholds it is judged by. What could not be measured is absent: no percentile without a handoff, no rate without
 * an outcome. Shares are 0 to 1.
 */

import { z } from 'zod'
import { tier } from './alert.ts'
import { name, text, time } from './scalars.ts'

/** The windows a report looks back over, each in as many steps as a chart has room for. In milliseconds. */
export const healthWindows = Object.freeze({
  '5m': Object.freeze({ window_ms: 300_000, step_ms: 10_000 }),
  '1h': Object.freeze({ window_ms: 3_600_000, step_ms: 60_000 }),
  '24h': Object.freeze({ window_ms: 86_400_000, step_ms: 1_800_000 }),
})
export const healthWindow = z.enum(['5m', '1h', '24h'])

const share = z.number().min(0).max(1)

/** What alerts and charts compare with. A namespace may set its own. */
export const healthThresholds = z.strictObject({
  completeness_warning: share.default(0.95),
  /** Over all handoffs of the namespace. */
  completeness_critical: share.default(0.8),
  failure_rate_warning: share.default(0.005),
  failure_rate_critical: share.default(0.02),
  failed_attempts_in_a_row: z.int().min(1).default(3),
  /** Of a budget that was set by hand: it could be smaller. */
  utilisation_low: share.default(0.3),
  /** From here on a budget is as good as full: what comes next no longer fits. */
  utilisation_full: share.default(0.97),
  /** Token use is judged from so many handoffs on. */
  utilisation_handoffs: z.int().min(1).default(50),
  /** The hop depth (p95) of an hour, as a multiple of that of a day. */
  hop_depth_growth: z.number().min(1).default(1.5),
  /** New roots in an hour by an agent that receives handoffs. */
  forgotten_previous: z.int().min(1).default(3),
  /** How long a delivery may be ready without anybody claiming it. */
  unclaimed_ms: z.int().min(1_000).default(300_000),
  /** Rates are judged from so many handoffs on. */
  rate_handoffs: z.int().min(1).default(20),
})
export type HealthThresholds = z.infer<typeof healthThresholds>
export const defaultThresholds: HealthThresholds = Object.freeze(healthThresholds.parse({}))

/** Within 1 % of the exact percentile. */
const spread = z.looseObject({
  count: z.int(),
  p50: z.number().optional(),
  p95: z.number().optional(),
  p99: z.number().optional(),
  max: z.number().optional(),
})
export type Spread = z.infer<typeof spread>

/** What was counted in one span of time: a whole window, one step of it, or one target. */
export const healthFigures = z.looseObject({
  /** Deliveries that were sent, first accepted, completed. */
  handoffs: z.int(),
  accepted: z.int(),
  completed: z.int(),
  /** Came to rest: completed, rerouted, expired, cancelled or parked. */
  settled: z.int(),
  /** Exhausted: attempts or claims spent, or parked by the sender. */
  failed: z.int(),
  /** Failed of settled. */
  failure_rate: share.optional(),
  /** Leases that ended, nacks that asked for a retry, and waits that ran out. */
  failed_attempts: z.int(),
  lease_ends: z.int(),
  /** Initiated to accepted. direct: the sender waited for it; queued: nobody did. */
  latency_ms: z.looseObject({ direct: spread, queued: spread, all: spread }),
  /** Of the envelopes that were sealed here. score: the mean. incomplete: how many had a gap. */
  completeness: z.looseObject({ count: z.int(), score: share.optional(), incomplete: z.int(), gaps: z.int() }),
  hops: z.looseObject({
    count: z.int(),
    p50: z.number().optional(),
    p95: z.number().optional(),
    max: z.number().optional(),
    counts: z.array(z.looseObject({ hop: z.int(), count: z.int() })),
  }),
  /** Tokens used of the budget, by envelope. by_hand: the caller gave the budget. */
  utilisation: z.looseObject({
    count: z.int(),
    p10: z.number().optional(),
    p50: z.number().optional(),
    p90: z.number().optional(),
    full: z.int(),
    by_hand: z.int(),
    low_by_hand: z.int(),
  }),
  /** Memories that were shortened or left out. */
  trimmed: z.int(),
  /** Of those, what a receiver fetched after all. */
  regret: z.looseObject({ count: z.int(), by_kind: z.record(z.string(), z.int()) }),
})
export type HealthFigures = z.infer<typeof healthFigures>

const healthPoint = z.looseObject({ at: time, ...healthFigures.shape })

const healthTarget = z.looseObject({
  target: name,
  figures: healthFigures,
  /** Now: deliveries that wait, that are held, and how long the oldest has waited. */
  ready: z.int(),
  held: z.int(),
  oldest_ready_ms: z.int().optional(),
  breaker: z.looseObject({
    state: z.enum(['closed', 'open', 'half_open']),
    /** Exhausted handoffs in a row. */
    failures: z.int(),
    retry_after_ms: z.int().optional(),
  }),
  fallback_agent: name.optional(),
})
export type HealthTarget = z.infer<typeof healthTarget>

export const healthReport = z.looseObject({
  window: healthWindow,
  /** The report covers `from` to `to`, which is now; the last step is still filling. */
  from: time,
  to: time,
  step_ms: z.int(),
  /** In words, made from the open alerts. Without a tier all is well. */
  verdict: z.looseObject({ tier: tier.optional(), sentence: text, detail: text }),
  /** Only handoffs to this agent. */
  target: name.optional(),
  figures: healthFigures,
  /** Every step of the window, oldest first. */
  history: z.array(healthPoint),
  /** Failing ones first, then those with the most handoffs. */
  targets: z.array(healthTarget),
  /** Targets that anything happened to in the window. */
  target_count: z.int(),
  queue: z.looseObject({ ready: z.int(), held: z.int(), parked: z.int(), oldest_ready_ms: z.int().optional() }),
  /** The newest event that is counted. */
  counted_until: time.optional(),
  thresholds: healthThresholds,
})
export type HealthReport = z.infer<typeof healthReport>

/** How many took at most so many milliseconds, for each bound, and their sum: within 1 %. */
const histogram = z.looseObject({
  buckets: z.array(z.looseObject({ le_ms: z.int(), count: z.int() })),
  count: z.int(),
  sum_ms: z.int(),
})
export type Histogram = z.infer<typeof histogram>

/** Counted since the beginning: these numbers never go back. */
const totals = z.looseObject({
  handoffs: z.int(),
  accepted: z.int(),
  completed: z.int(),
  settled: z.int(),
  failed: z.int(),
  failed_attempts: z.int(),
  lease_ends: z.int(),
  sealed: z.int(),
  incomplete: z.int(),
  gaps: z.int(),
  trimmed: z.int(),
  regretted: z.int(),
  latency_ms: z.looseObject({ direct: histogram, queued: histogram }),
})
export type Totals = z.infer<typeof totals>
export const healthTotals = z.looseObject({
  all: totals,
  /** Those with the most failures, then with the most handoffs. */
  targets: z.array(z.looseObject({ target: name, ...totals.shape })),
})
