/**
 * Brings a store to the schema that this program knows: each missing migration in one write, with its own row in
 * spine_schema as the guard against another starter. The migrations themselves are the ledger's, in schema.ts.
 */
import { SpineError } from '../protocol/errors.ts'
import type { Database, Dialect } from './database.ts'
import { namedStatement } from './values.ts'

/** Stands among the versions of a store while another one is being copied into it (copy-notes.ts). */
export const UNFINISHED = 0

export type Migration = {
  /** Counts from 1; what is released never changes. */
  readonly version: number
  readonly name: string
  /** The statements, in order. They share a transaction, so none may manage one. */
  up(dialect: Dialect): readonly string[]
}

const known = namedStatement({ body: 'select version from spine_schema order by version' })

const record = namedStatement({
  parameters: { version: 'int', name: 'text', now: 'int' },
  body: 'insert into spine_schema(version, name, applied_at) values ($version, $name, $now)',
})

/** Applies what is missing and answers the versions it applied itself; `now` is in milliseconds. */
export async function migrate(database: Database, migrations: readonly Migration[], now: number): Promise<number[]> {
  const ours = inOrder(migrations)
  await createTable(database)
  const applied: number[] = []
  const done = await appliedVersions(database)
  refuseNewer(done, ours.at(-1)?.version ?? 0)
  if (done.has(UNFINISHED))
    throw new SpineError('STORE_INCOMPLETE', 'This store is a copy of another one, and the copy was not finished.')
  for (const migration of ours) {
    if (done.has(migration.version)) continue
    if (await apply(database, migration, now)) applied.push(migration.version)
  }
  return applied
}

/** True if this starter applied it, false if another one was faster. */
async function apply(database: Database, migration: Migration, now: number): Promise<boolean> {
  const { dialect } = database
  const statements = migration.up(dialect).map((sql) => ({ sql, params: [] }))
  try {
    await database.write([record(dialect, { version: migration.version, name: migration.name, now }), ...statements])
    return true
  } catch (error) {
    if ((await appliedVersions(database)).has(migration.version)) return false
    throw error
  }
}

async function createTable(database: Database): Promise<void> {
  const { int, text, tail } = database.dialect.ddl
  const columns = `version ${int} primary key, name ${text} not null, applied_at ${int} not null`
  const create = { sql: `create table if not exists spine_schema(${columns})${tail}`, params: [] }
  // On PostgreSQL `if not exists` can still collide with another starter; the table is then there.
  await database.write([create]).catch(() => database.write([create]))
}

export async function appliedVersions(database: Database): Promise<Set<number>> {
  const rows = await database.read(known(database.dialect))
  return new Set(rows.map((row) => Number(row.version)))
}

function refuseNewer(done: ReadonlySet<number>, ours: number): void {
  const theirs = Math.max(0, ...done)
  if (theirs <= ours) return
  throw new SpineError(
    'SCHEMA_TOO_NEW',
    `The store has schema version ${theirs}, and this program knows versions up to ${ours}: a newer version wrote it.`,
    { store_version: theirs, program_version: ours },
  )
}

function inOrder(migrations: readonly Migration[]): Migration[] {
  const sorted = migrations.toSorted((left, right) => left.version - right.version)
  const twice = sorted.find((migration, index) => migration.version === sorted[index - 1]?.version)
  if (twice) throw new TypeError(`Two migrations have version ${twice.version}`)
  return sorted
}
