/**
 * What a copy keeps in its target until it is finished: how far it is with each table, and the triggers that it took
 * away, so that the events which it copies are not written anew. A mark beside the migrations keeps everybody else out.
 */

import type { Database, Statement } from './database.ts'
import { UNFINISHED } from './migrations.ts'
import { namedStatement } from './values.ts'

export type Noted = {
  /** Where the next page begins, as JSON; DONE at the end of the table. */
  place: string
  /** Rows that are there. */
  rows: number
}

export const DONE = 'done'
/** The row that says which store is being copied. */
export const SOURCE = ''
const TRIGGER = 'trigger:'

const plain = (sql: string): Statement => ({ sql, params: [] })

export const note = namedStatement({
  parameters: { name: 'text', place: 'text', rows: 'int' },
  body: `insert into spine_copy(name, place, copied) values ($name, $place, $rows)
    on conflict (name) do update set place = excluded.place, copied = excluded.copied`,
})

export async function notesOf(to: Database): Promise<Map<string, Noted>> {
  const rows = await to.read(plain('select name, place, copied from spine_copy'))
  return new Map(rows.map(({ name, place, copied }) => [String(name), { place: String(place), rows: Number(copied) }]))
}

/** Marks an empty target. `source` tells the store that is copied from others. */
export async function begun(to: Database, source: string, now: number): Promise<Statement[]> {
  const { int, text, tail } = to.dialect.ddl
  return [
    plain(`create table spine_copy(name ${text} primary key, place ${text} not null, copied ${int} not null)${tail}`),
    plain(`insert into spine_schema(version, name, applied_at) values (${UNFINISHED}, 'unfinished copy', ${now})`),
    note(to.dialect, { name: SOURCE, place: source, rows: 0 }),
    ...(await withoutTriggers(to)),
  ]
}

/** Takes the mark away and puts back what was taken. New events are numbered from where those of `from` were. */
export async function finished(from: Database, to: Database): Promise<Statement[]> {
  return [
    ...countingOn(to, await lastNumber(from)),
    ...(await withTriggers(to)),
    plain('drop table spine_copy'),
    plain(`delete from spine_schema where version = ${UNFINISHED}`),
  ]
}

async function withoutTriggers(to: Database): Promise<Statement[]> {
  if (to.dialect.name === 'postgres')
    return (await tablesWithTriggers(to)).map((table) => plain(`alter table ${table} disable trigger user`))
  const triggers = await to.read(plain(`select name, sql from sqlite_master where type = 'trigger'`))
  return triggers.flatMap(({ name, sql }) => [
    note(to.dialect, { name: `${TRIGGER}${name}`, place: String(sql), rows: 0 }),
    plain(`drop trigger ${name}`),
  ])
}

async function withTriggers(to: Database): Promise<Statement[]> {
  if (to.dialect.name === 'postgres')
    return (await tablesWithTriggers(to)).map((table) => plain(`alter table ${table} enable trigger user`))
  return [...(await notesOf(to))].filter(([name]) => name.startsWith(TRIGGER)).map(([, { place }]) => plain(place))
}

async function tablesWithTriggers(to: Database): Promise<string[]> {
  const sql = `select distinct cast(cast(tgrelid as regclass) as text) as name from pg_trigger
    join pg_class on pg_class.oid = tgrelid
    where not tgisinternal and relnamespace = cast(current_schema() as regnamespace)`
  return (await to.read(plain(sql))).map(({ name }) => String(name))
}

const sequence = `pg_get_serial_sequence('events', 'seq')`

/** The number of the newest event that there ever was. */
async function lastNumber(from: Database): Promise<number> {
  const sql =
    from.dialect.name === 'sqlite'
      ? `select seq as n from sqlite_sequence where name = 'events'`
      : `select pg_sequence_last_value(cast(${sequence} as regclass)) as n`
  return Number((await from.read(plain(sql)))[0]?.n ?? 0)
}

function countingOn({ dialect }: Database, last: number): Statement[] {
  if (last === 0) return []
  if (dialect.name === 'postgres') return [plain(`select setval(${sequence}, ${last})`)]
  return [
    plain(`delete from sqlite_sequence where name = 'events'`),
    plain(`insert into sqlite_sequence(name, seq) values ('events', ${last})`),
  ]
}
