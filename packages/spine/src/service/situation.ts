/** What is so in a namespace, as the rules of alerts judge it. */

import { healthWindows } from '../protocol/health.ts'
import type { Situation, Spans } from '../rules/alerts.ts'
import { figuresOf, type Rollup } from '../rules/rollup.ts'
import type { Streak } from '../rules/tally.ts'
import { breakersOf } from '../store/breakers.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/health.ts'
import type { Service } from './context.ts'
import { ALL } from './fold.ts'
import { isUnseen } from './unseen.ts'
import { beginOf, stepsOf, sumOf, thresholdsOf } from './windows.ts'

/** Targets that are judged one by one: the failing and the busiest ones of a day. */
const MAX_TARGETS = 50
const MAX_QUEUES = 1_000
const DAY_MS = healthWindows['24h'].window_ms
const HOUR_MS = healthWindows['1h'].window_ms

/** Without `with_spans` only what can be told without adding up windows. */
export async function readSituation({ database, clock }: Service, ns: string, with_spans: boolean): Promise<Situation> {
  const { dialect } = database
  const now = clock.now()
  const [thresholds, breakers, known, streaks, parked] = await Promise.all([
    thresholdsOf(database, ns),
    database.read(breakersOf(dialect, { ns })),
    database.read(sql.knownTargets(dialect, { ns, limit: MAX_QUEUES })),
    database.read(sql.streaks(dialect, { ns, since: now - DAY_MS })),
    database.read(sql.parkedByCause(dialect, { ns })),
  ])
  const profiles = new Map(known.map((row) => [row.name, row.profile]))
  const inputs = known.map((row) => ({ target: String(row.name) }))
  const queues = await Promise.all(sql.queuesOf(dialect, inputs, { ns }).map((statement) => database.read(statement)))
  const spans = with_spans ? await readSpans() : undefined

  async function readSpans(): Promise<NonNullable<Situation['spans']>> {
    const begin = { recent: beginOf('5m', now), hour: beginOf('1h', now), day: beginOf('24h', now) }
    const busy = await database.read(
      sql.windowTargets(dialect, { ns, step_ms: healthWindows['24h'].step_ms, from: begin.day, limit: MAX_TARGETS }),
    )
    const targets = [ALL, ...busy.map((row) => String(row.target))]
    const [recent, hour, day] = await Promise.all([
      stepsOf(database, { ns, step_ms: healthWindows['5m'].step_ms, from: begin.recent, targets }),
      stepsOf(database, { ns, step_ms: healthWindows['1h'].step_ms, from: begin.hour, targets }),
      stepsOf(database, { ns, step_ms: healthWindows['24h'].step_ms, from: begin.day, targets }),
    ])
    const spansOf = (target: string): Spans => {
      const days: Map<number, Rollup> = day.get(target) ?? new Map()
      const last_hour = sumOf(hour.get(target)?.values() ?? [])
      const before = [...days].filter(([start]) => start + healthWindows['24h'].step_ms <= now - HOUR_MS)
      const figures = (rollups: Iterable<Rollup>) => figuresOf(sumOf(rollups), thresholds)
      return {
        recent: figures(recent.get(target)?.values() ?? []),
        hour: figuresOf(last_hour, thresholds),
        day: figures(days.values()),
        before: figures(before.map(([, rollup]) => rollup)),
        forgotten: last_hour.counts.forgotten ?? 0,
      }
    }
    return { all: spansOf(ALL), targets: targets.slice(1).map((target) => ({ target, ...spansOf(target) })) }
  }

  return {
    now,
    thresholds,
    breakers: breakers.map((row) => ({
      target: String(row.target),
      state: String(row.state),
      failures: Number(row.failures),
      fallback_agent: fallbackOf(profiles.get(row.target ?? null)),
    })),
    streaks: streaks.map((row) => ({ target: String(row.target), ...(JSON.parse(String(row.streak)) as Streak) })),
    parked: causesOf(parked),
    unseen: new Set(known.filter(isUnseen).map(({ name }) => String(name))),
    push_stopped: new Map(
      known.flatMap(({ name, push_stopped }) => (push_stopped === null ? [] : [[String(name), String(push_stopped)]])),
    ),
    queues: queues.flat().map((row) => ({
      target: String(row.target),
      ready: Number(row.ready),
      held: Number(row.held),
      oldest_ms: row.oldest === null ? 0 : now - Number(row.oldest),
    })),
    ...(spans ? { spans } : {}),
  }
}

function fallbackOf(profile: Row[string] | undefined): string | undefined {
  if (typeof profile !== 'string') return undefined
  return (JSON.parse(profile) as { fallback_agent?: string }).fallback_agent
}

/** Handoffs that were exhausted and loops that were stopped, by target; what else is parked waits for no rule. */
function causesOf(parked: readonly Row[]): Situation['parked'] {
  const causeOf = ({ last, direct }: Row) => {
    if (last === 'refused') return 'stopped' as const
    if (last === 'lease_end' || last === 'nack_retry' || (last === 'park' && Number(direct) === 1))
      return 'failed' as const
    return undefined
  }
  const sums = new Map<string, { target: string; cause: 'failed' | 'stopped'; n: number; newest: string }>()
  for (const row of parked) {
    const cause = causeOf(row)
    if (!cause) continue
    const target = String(row.target)
    const newest = String(row.newest)
    const before = sums.get(`${cause} ${target}`)
    const n = Number(row.n) + (before?.n ?? 0)
    sums.set(`${cause} ${target}`, {
      target,
      cause,
      n,
      newest: before && before.newest > newest ? before.newest : newest,
    })
  }
  return [...sums.values()]
}
