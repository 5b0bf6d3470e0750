/**
 * One breaker per target, kept by the store and shared by all nodes. Three exhausted handoffs in a row open it: the
 * target gets nothing, direct senders hear of it at once, queued deliveries wait without losing attempts. Then one
 * delivery is handed out as a probe, and what becomes of it decides.
 */

import { breakerDefaults } from '../protocol/delivery.ts'
import { spineError } from '../protocol/errors.ts'
import * as sql from '../store/breakers.ts'
import type { Row, Statement } from '../store/database.ts'
import type { Service } from './context.ts'
import type { SettleAction } from './unmoved.ts'

/** What became of a probe is written right after it; if not by then, it never will be. */
const UNHEARD_MS = 2_000

export type Breakers = ReturnType<typeof createBreakers>

/** What happened to a delivery, as far as a breaker cares. */
export type Outcome = 'exhausted' | 'retry' | 'arrived' | 'released'
export type Move = { row: Row; outcome: Outcome }

/** What a move of a delivery tells the breaker of its target. */
export function outcomeOf(row: Row, action: SettleAction | 'lease_end'): Outcome | undefined {
  if (action === 'release') return 'released'
  if (action === 'nack_retry' || action === 'lease_end') return row.state === 'parked' ? 'exhausted' : 'retry'
  if (action === 'accept') return undefined
  if (action === 'heartbeat') return row.state === 'accepted' ? 'arrived' : undefined
  return 'arrived'
}

export function createBreakers({ database, clock }: Pick<Service, 'database' | 'clock'>) {
  const { dialect } = database
  /** Targets with a row; everybody else is closed. */
  let known = new Map<string, Row>()
  /** What was learnt while the rows of all were being read, which may be older. */
  let newer = new Map<string, Row | undefined>()
  const keyOf = (ns: unknown, target: unknown) => `${ns}\n${target}`

  const put = (key: string, row: Row | undefined) => {
    newer.set(key, row)
    if (row) known.set(key, row)
    else known.delete(key)
  }
  const learn = (rows: readonly Row[]) => {
    for (const row of rows) put(keyOf(row.ns, row.target), row)
  }
  const drop = (rows: readonly Row[]) => {
    for (const row of rows) put(keyOf(row.ns, row.target), undefined)
  }

  const find = (ns: string, target: string): Row | undefined => known.get(keyOf(ns, target))

  /** Milliseconds until a probe may be handed out; undefined when it is not open. */
  const openFor = (ns: string, target: string): number | undefined => {
    const row = find(ns, target)
    if (!row || row.state === 'closed') return undefined
    if (row.state === 'half_open') return breakerDefaults.probe_poll_ms
    return row.claimed === 0 ? 0 : Math.max(0, Number(row.open_until) - clock.now())
  }

  const close = (ns: string, target: string, delivery_id: string | null): Statement[] => [
    sql.closeBreaker(dialect, { ns, target, delivery_id, now: clock.now() }),
    sql.dropClosed(dialect, { ns, target }),
  ]

  /** The statements that an outcome makes necessary; none for a target without a row that succeeds. */
  const statementsFor = (row: Row, outcome: Outcome): Statement[] => {
    const ns = String(row.ns)
    const target = String(row.target)
    const breaker = find(ns, target)
    const now = clock.now()
    const is_probe = breaker?.probe_id === row.id
    const probe = { ns, target, probe_id: String(row.id), now }
    if (outcome === 'released') return is_probe ? [sql.returnProbe(dialect, probe)] : []
    if (outcome === 'arrived') return breaker ? close(ns, target, String(row.id)) : []
    if (is_probe) return [sql.reopen(dialect, { ...probe, cap_ms: breakerDefaults.max_cooldown_ms })]
    if (outcome === 'retry') return []
    const { failures: limit, cooldown_ms } = breakerDefaults
    const claimed = Number(row.claims) > 0 ? 1 : 0
    return [sql.countFailure(dialect, { ns, target, claimed, limit, cooldown_ms, now })]
  }

  return Object.freeze({
    find,
    openFor,

    /** Throws CIRCUIT_OPEN: who waits for this delivery should not wait for nothing. It stays where it is. */
    refuseWhenOpen(ns: string, target: string, delivery_id: string): void {
      const row = find(ns, target)
      const cooling = row?.state === 'open' ? Number(row.open_until) - clock.now() : openFor(ns, target)
      const wait = cooling ?? 0
      if (wait <= 0) return
      throw spineError(
        'CIRCUIT_OPEN',
        `The last handoffs to ${target} were exhausted; it is tried again in ${wait} ms. This one is queued.`,
        { target, delivery_id, retry_after_ms: wait },
      )
    },

    /**
     * Counts what became of these deliveries, in one write. Never rejects: what happened to them is stored and stands,
     * whether or not it can be counted now.
     */
    async observe(moves: readonly Move[]): Promise<void> {
      const counted = moves.map(({ row, outcome }) => ({ outcome, statements: statementsFor(row, outcome) }))
      const statements = counted.flatMap((one) => one.statements)
      if (statements.length === 0) return
      const tables = await database.write(statements).catch(() => [])
      for (const one of counted) {
        const rows = tables.splice(0, one.statements.length).flat()
        if (one.outcome === 'arrived') drop(rows)
        else learn(rows)
      }
    },

    /** Around the claim of a probe: the right to hand it out, and what it was. */
    probe: (ns: string, target: string, token: string): { before: Statement; after: Statement } => ({
      before: sql.takeProbe(dialect, { ns, target, token, now: clock.now() }),
      after: sql.nameProbe(dialect, { ns, target, token }),
    }),

    learn,

    /** What other nodes know. */
    async refresh(): Promise<void> {
      const unheard_ms = UNHEARD_MS
      if ([...known.values()].some((row) => row.state === 'half_open'))
        await database.write([sql.freeProbes(dialect, { now: clock.now(), unheard_ms })])
      newer = new Map()
      const rows = await database.read(sql.listBreakers(dialect))
      const meanwhile = [...newer]
      known = new Map(rows.map((row) => [keyOf(row.ns, row.target), row]))
      for (const [key, row] of meanwhile) put(key, row)
    },

    async reset(ns: string, target: string): Promise<void> {
      await database.write(close(ns, target, null))
      put(keyOf(ns, target), undefined)
    },
  })
}
