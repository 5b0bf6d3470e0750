/** Reads rollups back: what happened in a window of time, per target and step. */

import { defaultThresholds, type HealthThresholds, healthThresholds, healthWindows } from '../protocol/health.ts'
import { addRollup, emptyRollup, type Rollup, readRollup } from '../rules/rollup.ts'
import type { Database } from '../store/database.ts'
import * as sql from '../store/health.ts'
import { startOf } from './fold.ts'

type Window = keyof typeof healthWindows

/** The first step of a window that ends now; the last one is still filling. */
export function beginOf(window: Window, now: number): number {
  const { window_ms, step_ms } = healthWindows[window]
  return startOf(now, step_ms) - window_ms + step_ms
}

/** Per target, what happened in each step that has anything. */
export async function stepsOf(
  database: Database,
  { ns, step_ms, from, targets }: { ns: string; step_ms: number; from: number; targets: readonly string[] },
): Promise<Map<string, Map<number, Rollup>>> {
  const inputs = targets.map((target) => ({ target }))
  const reads = sql.windowRollups(database.dialect, inputs, { ns, step_ms, from })
  const rows = (await Promise.all(reads.map((statement) => database.read(statement)))).flat()
  const steps = new Map(targets.map((target) => [target, new Map<number, Rollup>()]))
  for (const row of rows) steps.get(String(row.target))?.set(Number(row.start), readRollup(String(row.data)))
  return steps
}

export function sumOf(rollups: Iterable<Rollup>): Rollup {
  const sum = emptyRollup()
  for (const rollup of rollups) addRollup(sum, rollup)
  return sum
}

/** What a namespace is judged by. */
export async function thresholdsOf(database: Database, ns: string): Promise<HealthThresholds> {
  const [row] = await database.read(sql.thresholdsOf(database.dialect, { ns }))
  return row ? healthThresholds.parse(JSON.parse(String(row.data))) : defaultThresholds
}
