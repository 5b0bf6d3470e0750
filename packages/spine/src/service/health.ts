/** The health report: rollups added up, with what is so at this moment. */

import type { z } from 'zod'
import { agentProfile } from '../protocol/agent.ts'
import type { contract } from '../protocol/contract.ts'
import {
  type HealthReport,
  type HealthTarget,
  type HealthThresholds,
  healthThresholds,
  type healthTotals,
  healthWindows,
} from '../protocol/health.ts'
import { toIso } from '../protocol/scalars.ts'
import { emptyRollup, figuresOf, totalsOf } from '../rules/rollup.ts'
import { verdictOf } from '../rules/verdict.ts'
import { openAlerts } from '../store/alerts.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/health.ts'
import { toAlert } from './alerts.ts'
import type { Breakers } from './breakers.ts'
import type { Caller, Service } from './context.ts'
import { ALL, FOREVER, type Fold } from './fold.ts'
import { beginOf, stepsOf, sumOf, thresholdsOf } from './windows.ts'

type In<N extends keyof typeof contract.health> = z.output<(typeof contract.health)[N]['input']>

/** Agents whose queues are looked at. */
const MAX_QUEUES = 1_000

export function healthOperations({ database, clock }: Service, { breakers, fold }: { breakers: Breakers; fold: Fold }) {
  const { dialect } = database

  const queuesOf = async (ns: string, names: readonly string[]): Promise<Map<string, Row>> => {
    const inputs = names.map((target) => ({ target }))
    const reads = sql.queuesOf(dialect, inputs, { ns }).map((statement) => database.read(statement))
    return new Map((await Promise.all(reads)).flat().map((row) => [String(row.target), row]))
  }

  const breakerOf = (ns: string, target: string): HealthTarget['breaker'] => {
    const row = breakers.find(ns, target)
    if (!row) return { state: 'closed', failures: 0 }
    const retry_after_ms = breakers.openFor(ns, target)
    return {
      state: row.state as HealthTarget['breaker']['state'],
      failures: Number(row.failures),
      ...(retry_after_ms === undefined ? {} : { retry_after_ms }),
    }
  }

  const report = async ({ window, target, limit }: In<'report'>, { ns }: Caller): Promise<HealthReport> => {
    const { window_ms, step_ms } = healthWindows[window]
    const now = clock.now()
    const from = beginOf(window, now)
    const [thresholds, alerts, busy, known, parked, counted] = await Promise.all([
      thresholdsOf(database, ns),
      database.read(openAlerts(dialect, { ns })),
      database.read(sql.windowTargets(dialect, { ns, step_ms, from, limit })),
      database.read(sql.knownTargets(dialect, { ns, limit: MAX_QUEUES })),
      database.read(sql.parkedByCause(dialect, { ns })),
      fold.countedUntil(),
    ])
    const queues = await queuesOf(
      ns,
      known.map((row) => String(row.name)),
    )
    const troubled = known.map((row) => String(row.name)).filter((name) => breakers.find(ns, name))
    const wanted = target === undefined ? [...troubled, ...busy.map((row) => String(row.target))] : [target]
    const names = [...new Set(wanted)].slice(0, limit)
    const subject = target ?? ALL
    const steps = await stepsOf(database, { ns, step_ms, from, targets: [...new Set([subject, ...names])] })
    const profiles = new Map(known.map((row) => [String(row.name), row.profile]))
    const all = steps.get(subject) ?? new Map()
    const targets = names.map((name): HealthTarget => {
      const queue = queues.get(name)
      const fallback = fallbackOf(profiles.get(name))
      return {
        target: name,
        figures: figuresOf(sumOf(steps.get(name)?.values() ?? []), thresholds),
        ...queueOf(queue, now),
        breaker: breakerOf(ns, name),
        ...(fallback === undefined ? {} : { fallback_agent: fallback }),
      }
    })
    const { tier, sentence, detail } = verdictOf(alerts.map(toAlert))
    const waiting = [...queues.values()].filter((row) => target === undefined || row.target === target)
    return {
      window,
      from: toIso(from),
      to: toIso(now),
      step_ms,
      verdict: { ...(tier ? { tier } : {}), sentence, detail },
      ...(target === undefined ? {} : { target }),
      figures: figuresOf(sumOf(all.values()), thresholds),
      history: Array.from({ length: window_ms / step_ms }, (_, index) => {
        const at = from + index * step_ms
        return { at: toIso(at), ...figuresOf(all.get(at) ?? emptyRollup(), thresholds) }
      }),
      targets: targets.toSorted(byUrgency),
      target_count: Number(busy[0]?.targets ?? 0),
      queue: {
        ...totalQueue(waiting, now),
        parked: parked
          .filter((row) => target === undefined || row.target === target)
          .reduce((sum, row) => sum + Number(row.n), 0),
      },
      ...(counted === 0 ? {} : { counted_until: toIso(counted) }),
      thresholds,
    }
  }

  const thresholds = async (_input: In<'thresholds'>, { ns }: Caller): Promise<HealthThresholds> =>
    thresholdsOf(database, ns)

  const set_thresholds = async (given: In<'set_thresholds'>, { ns }: Caller): Promise<HealthThresholds> => {
    const set = healthThresholds.parse(given)
    await database.write([sql.setThresholds(dialect, { ns, data: JSON.stringify(set) })])
    return set
  }

  const totals = async ({ limit }: In<'totals'>, { ns }: Caller): Promise<z.output<typeof healthTotals>> => {
    const busy = await database.read(sql.windowTargets(dialect, { ns, step_ms: FOREVER, from: 0, limit }))
    const names = busy.map((row) => String(row.target))
    const steps = await stepsOf(database, { ns, step_ms: FOREVER, from: 0, targets: [ALL, ...names] })
    const of = (name: string) => totalsOf(sumOf(steps.get(name)?.values() ?? []))
    return { all: of(ALL), targets: names.map((target) => ({ target, ...of(target) })) }
  }

  return { report, thresholds, set_thresholds, totals }
}

function fallbackOf(profile: Row[string] | undefined): string | undefined {
  return typeof profile === 'string' ? agentProfile.parse(JSON.parse(profile)).fallback_agent : undefined
}

function queueOf(row: Row | undefined, now: number) {
  const oldest = row?.oldest == null ? undefined : Math.max(0, now - Number(row.oldest))
  return {
    ready: Number(row?.ready ?? 0),
    held: Number(row?.held ?? 0),
    ...(oldest === undefined ? {} : { oldest_ready_ms: oldest }),
  }
}

function totalQueue(rows: readonly Row[], now: number) {
  const oldest = rows.flatMap((row) => (row.oldest == null ? [] : Number(row.oldest)))
  return {
    ready: rows.reduce((sum, row) => sum + Number(row.ready), 0),
    held: rows.reduce((sum, row) => sum + Number(row.held), 0),
    ...(oldest.length > 0 ? { oldest_ready_ms: Math.max(0, now - Math.min(...oldest)) } : {}),
  }
}

const urgency = { open: 0, half_open: 1, closed: 2 }

function byUrgency(left: HealthTarget, right: HealthTarget): number {
  return (
    urgency[left.breaker.state] - urgency[right.breaker.state] ||
    right.breaker.failures - left.breaker.failures ||
    right.figures.failed - left.figures.failed ||
    right.ready - left.ready ||
    right.figures.handoffs - left.figures.handoffs ||
    (left.target < right.target ? -1 : 1)
  )
}
