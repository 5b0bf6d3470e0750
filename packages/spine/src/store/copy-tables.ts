/**
 * The tables of the ledger as a copy sees them: which there are, in which order they are read, and the statements that
 * read a page and store it. Columns are asked of the database, so that a new one is copied without a word here.
 */

import { addDay, DAY_MS } from './archive.ts'
import type { Database, Dialect, Param, Row, Statement } from './database.ts'
import { namedStatement, setStatement } from './values.ts'

export type CopiedTable = {
  readonly name: string
  /** No two rows have the same; rows are read in its order. */
  readonly key: readonly string[]
  /** What the source is read from, where that is more than the table itself. */
  readonly source?: string
  /** Rows of one read and one write. */
  readonly page: number
}

/** Rows that may hold an envelope or another long text each, and rows that never do. */
const HEAVY = 100
const LIGHT = 1_000

export const copiedTables: readonly CopiedTable[] = Object.freeze([
  { name: 'counters', key: ['ns', 'name'], page: LIGHT },
  { name: 'memories', key: ['ns', 'id'], page: HEAVY },
  { name: 'memory_versions', key: ['ns', 'id', 'version'], page: HEAVY },
  { name: 'postings', key: ['ns', 'term', 'seq', 'passage'], page: LIGHT },
  { name: 'index_totals', key: ['ns'], page: LIGHT },
  { name: 'authors', key: ['ns', 'name'], page: LIGHT },
  { name: 'tasks', key: ['ns', 'id'], page: HEAVY },
  { name: 'agents', key: ['ns', 'name'], page: LIGHT },
  { name: 'envelopes', key: ['ns', 'id'], page: HEAVY },
  { name: 'envelope_forms', key: ['ns', 'id', 'version'], page: HEAVY },
  { name: 'deliveries', source: 'all_deliveries', key: ['ns', 'id'], page: HEAVY },
  { name: 'breakers', key: ['ns', 'target'], page: LIGHT },
  { name: 'idempotency', key: ['ns', 'key'], page: LIGHT },
  { name: 'events', key: ['tx', 'seq'], page: LIGHT },
  { name: 'folds', key: ['name'], page: LIGHT },
  { name: 'health_rollups', key: ['ns', 'step_ms', 'target', 'start'], page: LIGHT },
  { name: 'health_thresholds', key: ['ns'], page: LIGHT },
  { name: 'alerts', key: ['ns', 'id'], page: LIGHT },
  { name: 'silences', key: ['ns', 'key'], page: LIGHT },
])

type Columns = Readonly<Record<string, 'text' | 'int' | 'bytes'>>

const typeNames = { text: 'text', integer: 'int', bigint: 'int', blob: 'bytes', bytea: 'bytes' } as const

const columnLists = {
  sqlite: 'select name, lower(type) as type from pragma_table_info($1) order by cid',
  postgres: `select column_name as name, data_type as type from information_schema.columns
    where table_schema = current_schema() and table_name = $1 order by ordinal_position`,
}

export async function columnsOf(database: Database, table: string): Promise<Columns> {
  const rows = await database.read({ sql: columnLists[database.dialect.name], params: [table] })
  return Object.fromEntries(rows.map(({ name, type }) => [name, typeNames[String(type) as keyof typeof typeNames]]))
}

/**
 * Numbers of transactions mean nothing in another database. What a copy takes along is older than anything that will
 * happen there: first what its readers had counted already, then what they had not.
 */
export function asWritten(from: Dialect, to: Dialect, table: string): Readonly<Record<string, string>> {
  if (from.name === 'sqlite') return {}
  const uncounted = 'exists (select 1 from folds where (events.tx, events.seq) > (folds.tx, folds.seq))'
  const counted = 'select max(events.seq) from events where (events.tx, events.seq) <= (folds.tx, folds.seq)'
  if (table === 'events') return { tx: to.name === 'sqlite' ? '0' : `case when ${uncounted} then 1 else 0 end` }
  if (table === 'folds') return { tx: '0', seq: `greatest(folds.seq, (${counted}))` }
  return {}
}

export type Page = {
  rows: Row[]
  /** Where the next page begins; nothing at the end of the table. */
  next: Param[] | undefined
}

/** Reads a table page by page. `written`: columns that are read as something else than what they hold. */
export function pagesOf(
  database: Database,
  { name, key, source = name, page }: CopiedTable,
  columns: Columns,
  written: Readonly<Record<string, string>> = {},
) {
  const { dialect } = database
  const own = (column: string) => `${source}.${column}`
  const keys = name === 'events' ? dialect.events.order.split(', ') : key
  const ordered = keys.map((column) => ({ column, place: `after_${column}` }))
  const list = [
    ...Object.keys(columns).map((column) => (written[column] ? `${written[column]} as ${column}` : own(column))),
    ...ordered.map(({ column, place }) => `${own(column)} as ${place}`),
  ]
  const order = ordered.map(({ column }) => own(column)).join(', ')
  const select = (where: string) => `select ${list.join(', ')} from ${source} ${where} order by ${order} limit ${page}`
  const first = namedStatement({ body: select('') })
  const later = namedStatement({
    parameters: Object.fromEntries(ordered.map(({ column, place }) => [place, columns[column] ?? 'text'])),
    body: select(`where (${order}) > (${ordered.map(({ place }) => `$${place}`).join(', ')})`),
  })

  /** Without a place, the first page. */
  return async (at: readonly Param[]): Promise<Page> => {
    const named = Object.fromEntries(ordered.map(({ place }, index) => [place, at[index] ?? null]))
    const found = await database.read(at.length === 0 ? first(dialect) : later(dialect, named))
    const last = found.at(-1)
    const next = found.length < page ? undefined : ordered.map(({ place }) => last?.[place] ?? null)
    for (const row of found) for (const { place } of ordered) delete row[place]
    return { rows: found, next }
  }
}

/** Statements that store rows. Where there is an archive, deliveries that ended `before` go straight into it. */
export function storing(to: Dialect, { name, key }: CopiedTable, columns: Columns, before: number) {
  const names = Object.keys(columns)
  const into = (table: string) =>
    setStatement({
      columns,
      body: `with $input insert into ${table}(${names.join(', ')}) select ${names.map((column) => `i_${column}`).join(', ')}
        from input where i_${key.at(-1)} is not null`,
    })
  const here = into(name)
  if (name !== 'deliveries' || to.name === 'sqlite') return (rows: readonly Row[]): Statement[] => here(to, rows)

  const archive = into('archived_deliveries')
  const days = new Set<number>()
  return (rows: readonly Row[]): Statement[] => {
    const over = rows.filter(({ settled_at }) => settled_at !== null && Number(settled_at) <= before)
    const fresh = new Set(over.map((row) => Math.floor(Number(row.settled_at) / DAY_MS))).difference(days)
    for (const day of fresh) days.add(day)
    const kept = rows.filter((row) => !over.includes(row))
    return [...[...fresh].map(addDay), ...archive(to, over), ...here(to, kept)]
  }
}
