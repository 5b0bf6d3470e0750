/** What the tables say: the rows that the simulation compares with its model after every step. */

import { type DeliveryState, deliveryState } from '../../protocol/delivery.ts'
import type { Database, Row } from '../../store/database.ts'
import { setStatement } from '../../store/values.ts'

/** A delivery as its row stands. */
export type Seen = {
  key: string
  id: string
  envelope_id: string
  target: string
  state: DeliveryState
  priority: number
  claims: number
  attempts: number
  max_claims: number
  max_attempts: number
  epoch: number
  accepted_epoch: number
  token: string | null
  last: string
  ready_at: number
  deadline: number
  lease_until: number | null
  lease_ms: number | null
  late: number
  generation: number
  channel: string | null
  successor: string | null
  rerouted_from: string | null
  settled_at: number | null
  updated_at: number
}

export type SeenBreaker = {
  target: string
  state: string
  failures: number
  claimed: number
  open_until: number | null
  cooldown_ms: number
  probe_id: string | null
}

export const keyOf = (envelope_id: string, target: string): string => `${envelope_id} ${target}`

const columns = `id, envelope_id, target, state, priority, claims, attempts, max_claims, max_attempts, epoch,
  accepted_epoch, token, last, ready_at, deadline, lease_until, lease_ms, late, generation, channel, successor,
  rerouted_from, settled_at, updated_at`

const toSeen = (row: Row): Seen =>
  ({ ...row, key: keyOf(String(row.envelope_id), String(row.target)) }) as unknown as Seen

const moving = `select ${columns} from deliveries where ns = $1 and state = 'ready'
  union all select ${columns} from deliveries where ns = $1 and lease_until is not null`

const byIds = setStatement({
  columns: { ns: 'text', id: 'text' },
  body: `with $input select ${columns.replaceAll(/\w+/g, 'deliveries.$&')} from deliveries join input on ns = i_ns and id = i_id`,
})

/** Everything that something will happen to, and what the engine touched. */
export async function seenDeliveries(
  database: Database,
  ns: string,
  touched: ReadonlySet<string>,
): Promise<Map<string, Seen>> {
  const ids = [...touched].map((id) => ({ ns, id }))
  const statements = [{ sql: moving, params: [ns] }, ...byIds(database.dialect, ids)]
  const tables = await Promise.all(statements.map((statement) => database.read(statement)))
  return new Map(tables.flat().map((row) => [keyOf(String(row.envelope_id), String(row.target)), toSeen(row)]))
}

export async function seenBreakers(database: Database, ns: string): Promise<Map<string, SeenBreaker>> {
  const sql = `select target, state, failures, claimed, open_until, cooldown_ms, probe_id from breakers where ns = $1`
  const rows = await database.read({ sql, params: [ns] })
  return new Map(rows.map((row) => [String(row.target), row as unknown as SeenBreaker]))
}

export async function seenKeys(database: Database, ns: string): Promise<Set<string>> {
  const rows = await database.read({ sql: 'select key from idempotency where ns = $1', params: [ns] })
  return new Set(rows.map(({ key }) => String(key)))
}

/** A number for each state, so that a sum notices a change of any of them. */
const weightOf = (state: DeliveryState): number => 2 ** deliveryState.options.indexOf(state)
const weight = `case state ${deliveryState.options.map((state) => `when '${state}' then ${weightOf(state)}`).join(' ')} end`

const totals = ['count(*)', 'sum(epoch)', 'sum(claims)', 'sum(attempts)', 'sum(generation)', `sum(${weight})`]

/** Sums over all deliveries, which no change of a single one leaves as they are. */
export async function checksum(database: Database, ns: string): Promise<string> {
  const list = totals.map((total, index) => `cast(coalesce(${total}, 0) as bigint) as t${index}`).join(', ')
  const [row = {}] = await database.read({ sql: `select ${list} from deliveries where ns = $1`, params: [ns] })
  return totals.map((_, index) => row[`t${index}`]).join(' ')
}

export type Sums = [
  count: number,
  epochs: number,
  claims: number,
  attempts: number,
  generations: number,
  states: number,
]

/** Keeps the same sums, row by row. */
export function addTo(sums: Sums, row: Seen, sign: 1 | -1): void {
  const parts = [1, row.epoch, row.claims, row.attempts, row.generation, weightOf(row.state)]
  for (const [index, part] of parts.entries()) sums[index] = (sums[index] ?? 0) + sign * part
}
