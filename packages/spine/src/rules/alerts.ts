/**
 * When somebody should look. Each rule judges one subject, a target or all handoffs: over its threshold it raises an
 * alert, well within it resolves it, in between everything stays as it is, so that nothing flickers at the edge. What
 * an alert says is in alert-words.ts.
 */

import type { AlertRule, Tier } from '../protocol/alert.ts'
import type { HealthFigures, HealthThresholds } from '../protocol/health.ts'
import type { Streak } from './tally.ts'

/** How far back within its threshold a figure has to be before its alert is resolved. */
const alertMargins = Object.freeze({
  /** Completeness: so much above. */
  completeness: 0.01,
  /** Failure rate: this share of the threshold. */
  failure_rate: 0.8,
  /** Token use: raised at more than half of the handoffs, resolved at less than this share. */
  utilisation: 0.4,
  /** Hop depth: at least so many more hops than usual. */
  hops: 2,
  /** A target whose last failed attempt is older than this is not failing any more. In milliseconds. */
  failing_ms: 3_600_000,
})

export type Spans = {
  /** The last 5 minutes, the last hour, the last day, and the day without its last hour. */
  recent: HealthFigures
  hour: HealthFigures
  day: HealthFigures
  before: HealthFigures
  /** New roots in the last hour by this agent, which receives handoffs itself. */
  forgotten: number
}

/** What is so now. Without `spans` only what needs none is judged. */
export type Situation = {
  now: number
  thresholds: HealthThresholds
  breakers: readonly { target: string; state: string; failures: number; fallback_agent?: string | undefined }[]
  streaks: readonly ({ target: string } & Streak)[]
  parked: readonly { target: string; cause: 'failed' | 'stopped'; n: number; newest: string }[]
  queues: readonly { target: string; ready: number; held: number; oldest_ms: number }[]
  /** Those who were sent to and never asked for work: perhaps nobody has that name. */
  unseen: ReadonlySet<string>
  /** Those whose address said that it is gone, and how. */
  push_stopped: ReadonlyMap<string, string>
  spans?: { all: Spans; targets: readonly ({ target: string } & Spans)[] }
}

export type Judgement = {
  rule: AlertRule
  tier: Tier
  target?: string
  level: 'over' | 'between' | 'well'
  /** What it was judged by. */
  value?: number
  threshold?: number
  about?: { delivery_id?: string; envelope_id?: string; memory_id?: string; agent?: string }
  /** For its words. */
  facts?: Readonly<Record<string, string | number | undefined>>
}

/** Names what an alert is about; at most one of each is open. */
export const keyOf = ({ rule, tier, target = '' }: Pick<Judgement, 'rule' | 'tier' | 'target'>): string =>
  `${rule}:${tier}:${target}`

/** Rules that need spans of time; they are judged less often. */
const spanRules: ReadonlySet<string> = new Set<AlertRule>([
  'completeness_low',
  'failure_rate_high',
  'utilisation_low',
  'utilisation_full',
  'hop_depth_rising',
  'previous_forgotten',
])

const ruleOf = (key: string): string => key.split(':', 1)[0] ?? ''

/** After how long something can be different though nothing moved; undefined when it cannot. */
export function nextLookMs(
  { now, thresholds, streaks, queues }: Situation,
  open: ReadonlySet<string>,
): number | undefined {
  const waits = [
    ...[...open].flatMap((key) => (spanRules.has(ruleOf(key)) ? 0 : [])),
    ...streaks.flatMap(({ attempts, at }) =>
      attempts >= thresholds.failed_attempts_in_a_row && now - at < alertMargins.failing_ms
        ? at + alertMargins.failing_ms - now
        : [],
    ),
    ...queues.flatMap(({ ready, oldest_ms }) => (ready > 0 ? thresholds.unclaimed_ms - oldest_ms : [])),
  ].filter((wait_ms) => wait_ms >= 0)
  return waits.length > 0 ? Math.min(...waits) : undefined
}

/** What to raise, and which of the open alerts, named by their keys, to resolve. */
export function judge(situation: Situation, open: ReadonlySet<string>): { raise: Judgement[]; resolve: string[] } {
  const judged = [...now(situation), ...(situation.spans ? overTime(situation, situation.spans, open) : [])]
  const standing = new Map(judged.map((one) => [keyOf(one), one.level]))
  return {
    raise: judged.filter((one) => one.level === 'over' && !open.has(keyOf(one))),
    // What no rule speaks of any more is over, unless nobody asked.
    resolve: [...open].filter((key) => {
      if (!situation.spans && spanRules.has(ruleOf(key))) return false
      return (standing.get(key) ?? 'well') === 'well'
    }),
  }
}

function now({ now, thresholds, breakers, streaks, parked, queues, unseen, push_stopped }: Situation): Judgement[] {
  const facts = (target: string) => ({
    unseen: unseen.has(target) ? 1 : 0,
    ready: queues.find((queue) => queue.target === target)?.ready ?? 0,
    parked: parked.reduce((sum, one) => sum + (one.target === target ? one.n : 0), 0),
  })
  return [
    ...breakers.map(
      ({ target, state, failures, fallback_agent }): Judgement => ({
        rule: 'breaker_open',
        tier: 'critical',
        target,
        level: state === 'open' ? 'over' : state === 'half_open' ? 'between' : 'well',
        value: failures,
        about: { agent: target },
        facts: { ...facts(target), fallback_agent },
      }),
    ),
    ...streaks.map(({ target, attempts, at, reason, delivery_id, envelope_id }): Judgement => {
      const threshold = thresholds.failed_attempts_in_a_row
      const failing = attempts >= threshold && now - at < alertMargins.failing_ms
      const about = { delivery_id, envelope_id, agent: target }
      const level = failing ? 'over' : 'well'
      return {
        rule: 'attempts_failing',
        tier: 'warning',
        target,
        level,
        value: attempts,
        threshold,
        about,
        facts: { ...facts(target), reason },
      }
    }),
    ...parked.map(({ target, cause, n, newest }): Judgement => {
      const about = { delivery_id: newest, agent: target }
      if (cause === 'failed') return { rule: 'handoff_failed', tier: 'info', target, level: 'over', value: n, about }
      return { rule: 'loop_stopped', tier: 'warning', target, level: 'over', value: n, about }
    }),
    ...queues.map(({ target, ready, held, oldest_ms }): Judgement => {
      const level = ready > 0 && oldest_ms >= thresholds.unclaimed_ms ? 'over' : 'well'
      const about = { agent: target }
      return {
        rule: 'unclaimed',
        tier: 'warning',
        target,
        level,
        value: oldest_ms,
        threshold: thresholds.unclaimed_ms,
        about,
        facts: { ...facts(target), ready, held, push_stopped: push_stopped.get(target) },
      }
    }),
  ]
}

function overTime(
  situation: Situation,
  { all, targets }: NonNullable<Situation['spans']>,
  open: ReadonlySet<string>,
): Judgement[] {
  const { thresholds } = situation
  return [
    ...twoTiers(completeness(thresholds), all, targets, open),
    ...twoTiers(failureRate(thresholds), all, targets, open),
    ...targets.flatMap((spans) => [
      ...utilisation(spans, thresholds),
      {
        rule: 'previous_forgotten' as const,
        tier: 'warning' as const,
        target: spans.target,
        level:
          spans.forgotten >= thresholds.forgotten_previous
            ? ('over' as const)
            : spans.forgotten > 0
              ? ('between' as const)
              : ('well' as const),
        value: spans.forgotten,
        threshold: thresholds.forgotten_previous,
        about: { agent: spans.target },
      },
    ]),
    hopDepth(all, thresholds),
  ]
}

type Rate = {
  rule: AlertRule
  warning: number
  critical: number
  /** Worse than `limit` by the figures of a span; undefined when too little happened to tell. */
  breach(figures: HealthFigures, limit: number): boolean | undefined
  /** Better than `limit` by a margin. */
  better(figures: HealthFigures, limit: number): boolean
  /** Whether a span has enough handoffs to be judged by. */
  enough(figures: HealthFigures): boolean
  valueOf(figures: HealthFigures): number | undefined
  facts(figures: HealthFigures): NonNullable<Judgement['facts']>
}

const completeness = (thresholds: HealthThresholds): Rate => ({
  rule: 'completeness_low',
  warning: thresholds.completeness_warning,
  critical: thresholds.completeness_critical,
  breach: ({ completeness: { score } }, limit) => (score === undefined ? undefined : score < limit),
  better: ({ completeness: { score = 1 } }, limit) => score >= Math.min(1, limit + alertMargins.completeness),
  enough: ({ completeness: { count } }) => count >= thresholds.rate_handoffs,
  valueOf: ({ completeness: { score } }) => score,
  facts: ({ completeness: { gaps, incomplete, count } }) => ({ gaps, incomplete, count }),
})

const failureRate = (thresholds: HealthThresholds): Rate => ({
  rule: 'failure_rate_high',
  warning: thresholds.failure_rate_warning,
  critical: thresholds.failure_rate_critical,
  breach: ({ failure_rate }, limit) => (failure_rate === undefined ? undefined : failure_rate > limit),
  better: ({ failure_rate = 0 }, limit) => failure_rate <= limit * alertMargins.failure_rate,
  enough: ({ settled }) => settled >= thresholds.rate_handoffs,
  valueOf: ({ failure_rate }) => failure_rate,
  facts: ({ failed, settled }) => ({ failed, settled }),
})

/**
 * Raised when both the hour and the last five minutes are worse: the one says that it matters, the other that it goes
 * on. Resolved when the hour is better, or enough happened in the last five minutes to see that it is over.
 */
function levelOf(rate: Rate, { hour, recent }: Spans, limit: number): Judgement['level'] {
  if (!rate.enough(hour) || rate.better(hour, limit)) return 'well'
  if (rate.enough(recent) && rate.better(recent, limit)) return 'well'
  return rate.breach(hour, limit) && rate.breach(recent, limit) ? 'over' : 'between'
}

/** Critical over all handoffs, else a warning; a single target is named only where all together stay silent. */
function twoTiers(
  rate: Rate,
  all: Spans,
  targets: readonly ({ target: string } & Spans)[],
  open: ReadonlySet<string>,
): Judgement[] {
  const judgement = (
    tier: Tier,
    spans: Spans,
    limit: number,
    level: Judgement['level'],
    target?: string,
  ): Judgement => {
    const value = rate.valueOf(spans.hour)
    return {
      rule: rate.rule,
      tier,
      level,
      threshold: limit,
      facts: rate.facts(spans.hour),
      ...(value === undefined ? {} : { value }),
      ...(target === undefined ? {} : { target, about: { agent: target } }),
    }
  }
  /** Over its limit, or on its way back from there. */
  const stands = (tier: Tier, level: Judgement['level']) =>
    level === 'over' || (level === 'between' && open.has(keyOf({ rule: rate.rule, tier })))
  const critical = levelOf(rate, all, rate.critical)
  const warning = stands('critical', critical) ? 'well' : levelOf(rate, all, rate.warning)
  const loud = stands('critical', critical) || stands('warning', warning)
  return [
    judgement('critical', all, rate.critical, critical),
    judgement('warning', all, rate.warning, warning),
    ...targets.map((spans) =>
      judgement('warning', spans, rate.warning, loud ? 'well' : levelOf(rate, spans, rate.warning), spans.target),
    ),
  ]
}

function utilisation({ target, day }: { target: string } & Spans, thresholds: HealthThresholds): Judgement[] {
  const { by_hand, low_by_hand, full, count } = day.utilisation
  const level = (some: number, of: number): Judgement['level'] => {
    if (of < thresholds.utilisation_handoffs || some < of * alertMargins.utilisation) return 'well'
    return some > of / 2 ? 'over' : 'between'
  }
  const about = { agent: target }
  return [
    {
      rule: 'utilisation_low',
      tier: 'warning',
      target,
      level: level(low_by_hand, by_hand),
      threshold: thresholds.utilisation_low,
      about,
      facts: { some: low_by_hand, of: by_hand },
    },
    {
      rule: 'utilisation_full',
      tier: 'warning',
      target,
      level: level(full, count),
      threshold: thresholds.utilisation_full,
      about,
      facts: { some: full, of: count, trimmed: day.trimmed },
    },
  ]
}

function hopDepth({ hour, before }: Spans, thresholds: HealthThresholds): Judgement {
  const usual = before.hops.p95 ?? 0
  const depth = hour.hops.p95 ?? 0
  const known = Math.min(hour.hops.count, before.hops.count) >= thresholds.rate_handoffs
  const grown = depth >= usual * thresholds.hop_depth_growth && depth >= usual + alertMargins.hops
  return {
    rule: 'hop_depth_rising',
    tier: 'warning',
    level: known && grown ? 'over' : known && depth > usual ? 'between' : 'well',
    value: depth,
    threshold: Math.max(usual * thresholds.hop_depth_growth, usual + alertMargins.hops),
    facts: { usual },
  }
}
