/**
 * Turns events into rollups, exactly once: the rollups and the place up to which events are counted move in one
 * write, and of several nodes that try the same step one wins. What has been counted is read as a few rows, so a
 * report costs the same however much happened.
 */

import { healthWindows } from '../protocol/health.ts'
import { addRollup, emptyRollup, type Rollup, readRollup, writeRollup } from '../rules/rollup.ts'
import {
  type Failure,
  failedAttempts,
  isArrival,
  isCounted,
  type Move,
  type Streak,
  streakAfter,
  tallyMove,
  tallySeals,
} from '../rules/tally.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/health.ts'
import type { Service } from './context.ts'

const NAME = 'health'
const BATCH = 5_000
/** All of them together, and since the beginning. */
export const ALL = ''
export const FOREVER = 0
const steps: readonly number[] = [...Object.values(healthWindows).map(({ step_ms }) => step_ms), FOREVER]
const slot_ms = Math.min(...Object.values(healthWindows).map(({ step_ms }) => step_ms))
const DROP_EVERY_MS = 60_000

/** Where a step begins. */
export const startOf = (at: number, step_ms: number): number => (step_ms === FOREVER ? 0 : at - (at % step_ms))

type Key = { ns: string; step_ms: number; target: string; start: number }
const textOf = ({ ns, step_ms, target, start }: Key) => `${ns}\n${step_ms}\n${target}\n${start}`

/** What one step adds. */
function createSums() {
  const sums = new Map<string, Key & { rollup: Rollup }>()
  const at = (key: Key): Rollup => {
    const text = textOf(key)
    const known = sums.get(text)
    if (known) return known.rollup
    const rollup = emptyRollup()
    sums.set(text, { ...key, rollup })
    return rollup
  }
  return {
    /** To the target and to all, in every length of step. */
    add(row: Row, tally: (rollup: Rollup) => void) {
      const time = Number(row.slot) * slot_ms
      for (const target of [String(row.target), ALL])
        for (const step_ms of steps) tally(at({ ns: String(row.ns), step_ms, target, start: startOf(time, step_ms) }))
    },
    all: () => [...sums.values()],
  }
}

const moveOf = (row: Row): Move => ({
  type: String(row.type),
  state: String(row.state),
  direct: Number(row.direct) === 1,
  latency_ms: row.latency_ms === null ? undefined : Number(row.latency_ms),
  n: Number(row.n),
})

const sealsOf = (row: Row) => ({
  verified: Number(row.verified) === 1,
  hop: Number(row.hop),
  percent: Number(row.percent),
  by_hand: Number(row.by_hand) === 1,
  n: Number(row.n),
  completeness: Number(row.completeness),
  gaps: Number(row.gaps),
  incomplete: Number(row.incomplete),
  trimmed: Number(row.trimmed),
})

const failureOf = (row: Row): Failure => ({
  seq: Number(row.seq),
  at: Number(row.at),
  delivery_id: String(row.delivery_id),
  envelope_id: String(row.envelope_id),
  ...(row.reason === null ? {} : { reason: String(row.reason) }),
})

type Place = { tx: number; seq: number; at: number }

export type Fold = ReturnType<typeof createFold>

export function createFold({ database, clock, chance }: Service) {
  const { dialect } = database
  /** Where this node believes the fold to be; another one may have moved it. */
  let known: Place | undefined
  let drop_at = 0

  const place = async (): Promise<Place> => {
    const [row] = await database.read(sql.foldPlace(dialect, { name: NAME }))
    if (!row) await database.write([sql.openFold(dialect, { name: NAME })])
    return { tx: Number(row?.tx ?? 0), seq: Number(row?.seq ?? 0), at: Number(row?.at ?? 0) }
  }

  /** Counts the next events, and answers in which namespaces; whether there are more. */
  const step = async (): Promise<{ moved: Iterable<string>; more: boolean }> => {
    known ??= await place()
    const { tx, seq } = known
    const [last] = await database.read(sql.nextEvents(dialect, { tx, seq, limit: BATCH }))
    if (!last) return { moved: [], more: false }
    const limit = Number(last.n)
    const range = { tx, seq, limit }
    const slots = { ...range, slot_ms }
    const [moves, seals, forgotten, regrets] = await Promise.all(
      [sql.movesIn, sql.sealsIn, sql.forgottenIn, sql.regretsIn].map((look) => database.read(look(dialect, slots))),
    )
    const sums = createSums()
    for (const row of moves ?? []) if (isCounted(moveOf(row))) sums.add(row, (rollup) => tallyMove(rollup, moveOf(row)))
    for (const row of seals ?? []) sums.add(row, (rollup) => tallySeals(rollup, sealsOf(row)))
    for (const row of forgotten ?? [])
      sums.add(row, (rollup) => addRollup(rollup, { ...emptyRollup(), counts: { forgotten: Number(row.n) } }))
    for (const row of regrets ?? [])
      sums.add(row, (rollup) => addRollup(rollup, { ...emptyRollup(), regret: { [kindOf(row)]: Number(row.n) } }))
    const failed = (moves ?? []).some((row) => failedAttempts.has(String(row.type)))
    const failures = failed ? await database.read(sql.failuresIn(dialect, range)) : []
    const holder = chance.hex(16)
    const [moved] = await database.write([
      sql.moveFold(dialect, {
        ...{ name: NAME, tx, seq, holder },
        ...{ to_tx: Number(last.tx), to_seq: Number(last.seq), at: Number(last.at) },
      }),
      ...(await rollupsOf(sums, streaksOf(moves ?? [], failures), holder)),
    ])
    known = { tx: Number(last.tx), seq: Number(last.seq), at: Number(last.at) }
    if (moved?.length !== 1) {
      // Another node was faster, and goes on.
      known = undefined
      return { moved: [], more: false }
    }
    const moved_in = [moves, seals].flatMap((rows) => rows?.map(({ ns }) => String(ns)) ?? [])
    return { moved: new Set(moved_in), more: limit === BATCH }
  }

  const rollupsOf = async (
    sums: ReturnType<typeof createSums>,
    streak: (key: Key, before: Streak | undefined) => Streak | undefined,
    holder: string,
  ) => {
    const all = sums.all().sort((left, right) => (textOf(left) < textOf(right) ? -1 : 1))
    const reads = sql.rollupsAt(dialect, all).map((statement) => database.read(statement))
    const stored = new Map((await Promise.all(reads)).flat().map((row) => [textOf(row as Key), row]))
    const rows = all.map(({ rollup, ...key }) => {
      const before = stored.get(textOf(key))
      if (before) addRollup(rollup, readRollup(String(before.data)))
      const { handoffs = 0, failed = 0 } = rollup.counts
      const now = streak(key, before?.streak == null ? undefined : JSON.parse(String(before.streak)))
      return { ...key, handoffs, failed, data: writeRollup(rollup), streak: now ? JSON.stringify(now) : null }
    })
    return sql.storeRollups(dialect, rows, { name: NAME, holder, now: clock.now() })
  }

  const dropOld = async (): Promise<void> => {
    if (clock.now() < drop_at) return
    drop_at = clock.now() + DROP_EVERY_MS
    await database.write(
      Object.values(healthWindows).map(({ window_ms, step_ms }) =>
        sql.dropRollups(dialect, { step_ms, before: clock.now() - 2 * window_ms }),
      ),
    )
  }

  return Object.freeze({
    /** Counts all that is there, and answers the namespaces in which anything moved. */
    async turn(signal: AbortSignal): Promise<Set<string>> {
      const namespaces = new Set<string>()
      for (let more = true; more && !signal.aborted; ) {
        const done = await step()
        for (const ns of done.moved) namespaces.add(ns)
        more = done.more
      }
      await dropOld()
      return namespaces
    },

    /** When the newest event happened that is counted; 0 before the first. */
    countedUntil: async (): Promise<number> => (await place()).at,
  })
}
function kindOf(row: Row): string {
  const { kind } = row.data === null ? {} : (JSON.parse(String(row.data)) as { kind?: unknown })
  return typeof kind === 'string' ? kind : 'unknown'
}

/** The failed attempts in a row of each target, as its row since the beginning keeps them. */
function streaksOf(moves: readonly Row[], failures: readonly Row[]) {
  const keyOf = (ns: unknown, target: unknown) => `${ns}\n${target}`
  const arrivals = new Map<string, number>()
  for (const row of moves) {
    if (!isArrival(moveOf(row))) continue
    const key = keyOf(row.ns, row.target)
    arrivals.set(key, Math.max(arrivals.get(key) ?? 0, Number(row.last_seq)))
  }
  const byTarget = Map.groupBy(failures, (row) => keyOf(row.ns, row.target))
  return ({ ns, step_ms, target }: Key, before: Streak | undefined): Streak | undefined => {
    if (step_ms !== FOREVER || target === ALL) return undefined
    const key = keyOf(ns, target)
    return streakAfter(before, (byTarget.get(key) ?? []).map(failureOf), arrivals.get(key))
  }
}
