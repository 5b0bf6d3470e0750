/** What the tables say: the rows that the simulation compares with its model after every step. */

import { type DeliveryState, deliveryState } from '../../protocol/delivery.ts'
import type { Database, Row } from '../../store/database.ts'

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

const byKey = (rows: readonly Row[]): Map<string, Seen> => new Map(rows.map(toSeen).map((seen) => [seen.key, seen]))

const moving = `select ${columns} from deliveries where ns = $1 and state = 'ready'
  union all select ${columns} from deliveries where ns = $1 and lease_until is not null`

/** Everything that something will happen to. */
export const movingDeliveries = async (database: Database, ns: string): Promise<Map<string, Seen>> =>
  byKey(await database.read({ sql: moving, params: [ns] }))

/** Every change of a delivery, written down by the database itself, so that a step reads what it changed and no more. */
export type Journal = {
  /** Deliveries that were written since the last look, as they stand, and the ids of those that are gone. */
  changed(): Promise<{ rows: Map<string, Seen>; gone: readonly string[] }>
}

const writeDown = (event: string, row: string, when = 'true') =>
  `create temp trigger if not exists journal_${event}_${row} after ${event} on main.deliveries when ${when}
    begin insert into journal(id) values (${row}.id); end`

const journalTables = [
  'create temp table if not exists journal(seq integer primary key, id text not null)',
  writeDown('insert', 'new'),
  writeDown('update', 'new'),
  writeDown('update', 'old', 'old.id <> new.id'),
  writeDown('delete', 'old'),
].map((sql) => ({ sql, params: [] }))

const changes = `select journal.seq, journal.id as changed, ${columns.replaceAll(/\w+/g, 'deliveries.$&')}
  from (select max(seq) as seq, id from journal where seq > $2 group by id) as journal
  left join deliveries on deliveries.ns = $1 and deliveries.id = journal.id`

/** For SQLite, where a temporary trigger sees what its own connection writes. */
export async function openJournal(database: Database, ns: string): Promise<Journal> {
  await database.write(journalTables)
  const [last] = await database.read({ sql: 'select coalesce(max(seq), 0) as seq from journal', params: [] })
  let read_to = Number(last?.seq)
  return {
    async changed() {
      const rows = await database.read({ sql: changes, params: [ns, read_to] })
      const there: Row[] = []
      const gone: string[] = []
      for (const { seq, changed, ...row } of rows) {
        read_to = Math.max(read_to, Number(seq))
        if (row.id === null) gone.push(String(changed))
        else there.push(row)
      }
      return { rows: byKey(there), gone }
    },
  }
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
