/**
 * Many schedules, each from a seed of its own. A violation names the seed that brings it back and the shortest list of
 * steps that still shows it: `SPINE_SEED=<seed> npm test -- packages/spine/src/testing/simulation/simulation.test.ts`.
 */

import type { Database } from '../../store/database.ts'
import { openSqliteInline } from '../../store/sqlite.ts'
import type { Violation } from './invariants.ts'
import { type OpenDatabase, runSchedule } from './schedule.ts'
import { shorten } from './shorten.ts'
import { drawSteps, type Step } from './steps.ts'

export type SimulateOptions = {
  /** How many schedules. */
  schedules: number
  /** Commands and passings of time in each. */
  events: number
  /** The n-th schedule has the seed `<seed>/<n>`. */
  seed: string | number
  /** The number of the first one, so that several processes can share the work. Default 0. */
  from?: number
  /** Makes the opener of one schedule. Default: SQLite in memory, which a crash of the server leaves as it was. */
  openDatabase?: () => OpenDatabase
  /** For bugs that are put back on purpose. */
  tamper?: (database: Database) => Database
  /** Stop at the first violation. Default true. */
  stop?: boolean
  /** Asked before each schedule; default: all of them. */
  goOn?: () => boolean
  /** Look for the shortest list of steps that still fails. Default true. */
  shorten?: boolean
  /** Hears how far it is. */
  onSchedule?: (done: number) => void
}

export type SimulatedViolation = Violation & { seed: string; steps: number; trace: string[] }
export type Simulated = {
  schedules: number
  events: number
  violations: SimulatedViolation[]
  /** Of the end of every schedule: equal on every database. */
  digests: string[]
}

/** A store in memory outlives the server, as a disk does. */
function inMemory(): OpenDatabase {
  const database = openSqliteInline()
  return async () => database
}

export async function simulate(options: SimulateOptions): Promise<Simulated> {
  const { schedules, seed, from = 0 } = options
  const simulated: Simulated = { schedules: 0, events: 0, violations: [], digests: [] }
  for (let index = from; index < from + schedules; index += 1) {
    if (options.goOn?.() === false) break
    const { violation, digest, events } = await simulateOne(`${seed}/${index}`, options)
    simulated.schedules += 1
    simulated.events += events
    simulated.digests.push(digest)
    if (violation) simulated.violations.push(violation)
    if (violation && (options.stop ?? true)) break
    options.onSchedule?.(simulated.schedules)
  }
  return simulated
}

type One = Pick<SimulateOptions, 'events' | 'openDatabase' | 'tamper' | 'shorten'>

/** The schedule of one seed, as a violation names it. */
export async function simulateOne(
  seed: string,
  { events, openDatabase = inMemory, tamper, shorten: shortens = true }: One,
): Promise<{ violation?: SimulatedViolation; digest: string; events: number }> {
  const run = (steps: readonly Step[], trace?: (line: string) => void) =>
    runSchedule({ seed, steps, open: openDatabase(), tamper, trace })
  const steps = drawSteps(seed, events)
  const { violation, ...result } = await run(steps)
  if (!violation) return result
  const fails = async (some: readonly Step[]) => (await run(some)).violation?.guarantee === violation.guarantee
  const failing = steps.slice(0, violation.step + 1)
  const shortest = shortens ? await shorten(failing, fails) : failing
  const trace: string[] = []
  const { guarantee, what } = (await run(shortest, (line) => trace.push(line))).violation ?? violation
  return { ...result, violation: { guarantee, what, seed, steps: shortest.length, trace } }
}
