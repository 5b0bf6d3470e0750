/**
 * One open SQLite file, used synchronously by the thread that owns it: settings that are read back, prepared
 * statements, and the group commit. Nothing here waits, retries, or knows of threads.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { SpineError } from '../protocol/errors.ts'
import type { Batch, Param, Row, Statement } from './database.ts'
import { describeFailure, type SqliteFailure } from './sqlite-failure.ts'

/** Rows as arrays under one list of names: a third of the cost of objects on the way between threads. */
export type Table = { names: string[]; rows: Param[][] }

export type WriteOutcome = { tables: Table[] } | { failure: SqliteFailure }

export type ConnectionOptions = {
  /** A path, or ':memory:'. */
  file: string
  /** 'full' syncs the log at every commit. 'normal' may lose what was answered: for throw-away stores only. */
  synchronous: 'full' | 'normal'
  read_only: boolean
}

export type Connection = {
  /** Commits many writes as one transaction with one sync; one that fails is undone alone. */
  commit(writes: readonly Batch[]): WriteOutcome[]
  read(statement: Statement): Table
  close(): void
}

/** Older ones can damage a file when two connections reset its log at once. */
const oldest_sqlite = [3, 51, 3] as const
const max_prepared = 512

export function openConnection({ file, synchronous, read_only }: ConnectionOptions): Connection {
  if (file !== ':memory:' && !read_only) mkdirSync(dirname(file), { recursive: true })
  const db = new DatabaseSync(file, { readOnly: read_only, timeout: 1000 })
  try {
    configure(db, { file, synchronous, read_only })
  } catch (error) {
    db.close()
    throw error
  }

  const prepare = preparedStatements(db)
  const run = ({ sql, params }: Statement): Table => {
    const { statement, names } = prepare(sql)
    return { names, rows: statement.all(...params) as unknown as Param[][] }
  }

  /** Set by the first I/O error: a second sync may succeed although the first one lost pages. */
  let broken: SqliteFailure | undefined

  const commit = (writes: readonly Batch[]): WriteOutcome[] => {
    if (broken !== undefined) return failed(writes, broken)
    try {
      db.exec('begin immediate')
      const outcomes = writes.map(attempt)
      db.exec('commit')
      return outcomes
    } catch (error) {
      const failure = describeFailure(error)
      if (failure.kind === 'fatal') broken = failure
      // After an error SQLite may or may not have rolled back by itself.
      else if (db.isTransaction) db.exec('rollback')
      return failed(writes, failure)
    }
  }

  const attempt = (write: Batch): WriteOutcome => {
    db.exec('savepoint one_write')
    try {
      const tables = write.map(run)
      db.exec('release one_write')
      return { tables }
    } catch (error) {
      const failure = describeFailure(error)
      // Without its transaction the whole group is undone, and after an I/O error nothing may be committed any more.
      if (!db.isTransaction || failure.kind === 'fatal') throw error
      db.exec('rollback to one_write; release one_write')
      return { failure }
    }
  }

  const close = (): void => {
    if (!read_only && !broken) foldLog()
    db.close()
  }

  /** So that a closed store is one file. */
  const foldLog = (): void => {
    try {
      db.exec('pragma wal_checkpoint(truncate)')
    } catch {
      // No room, or a reader outside: the log stays, and the next opener reads it.
    }
  }

  return Object.freeze({ commit, read: run, close })
}

/** Rows as callers see them. */
export function toRows({ names, rows }: Table): Row[] {
  return rows.map((values) => {
    const row: Row = {}
    for (const [index, name] of names.entries()) row[name] = values[index] as Param
    return row
  })
}

function failed(writes: readonly unknown[], failure: SqliteFailure): WriteOutcome[] {
  return writes.map(() => ({ failure }))
}

function configure(db: DatabaseSync, { file, synchronous, read_only }: ConnectionOptions): void {
  requireVersion(String(pragma(db, 'select sqlite_version()')))
  pragma(db, 'pragma temp_store = memory')
  // At each commit SQLite may walk all the pages that the writer holds; those it gives up stay with the system.
  pragma(db, `pragma cache_size = ${read_only ? -65_536 : -8_192}`)
  if (read_only) return
  const expect = (name: string, value: string, answer: string | number): void => {
    pragma(db, `pragma ${name} = ${value}`)
    const found = pragma(db, `pragma ${name}`)
    if (found === answer) return
    throw new SpineError('STORAGE_FAILED', `SQLite did not take ${name} = ${value} for ${file}: it answers ${found}.`)
  }
  // A store in memory has no log, and nothing to lose.
  if (file !== ':memory:') expect('journal_mode', 'wal', 'wal')
  expect('synchronous', synchronous, { full: 2, normal: 1 }[synchronous])
  // 1,000 pages are 4 MB: a larger log makes the rarer checkpoints longer, and with them the slowest one in a hundred.
  expect('wal_autocheckpoint', '1000', 1000)
  // After a burst that a reader held open, the log gives its space back.
  expect('journal_size_limit', String(64 * 1024 * 1024), 64 * 1024 * 1024)
}

function requireVersion(found: string): void {
  const parts = found.split('.').map(Number)
  const difference = oldest_sqlite.map((part, index) => (parts[index] ?? 0) - part).find((step) => step !== 0) ?? 0
  if (difference >= 0) return
  throw new SpineError(
    'STORAGE_FAILED',
    `SQLite ${found} is too old; ${oldest_sqlite.join('.')} is the first safe one.`,
  )
}

function pragma(db: DatabaseSync, sql: string): string | number | undefined {
  return Object.values(db.prepare(sql).get() ?? {})[0] as string | number | undefined
}

/** Keeps the latest texts prepared. */
function preparedStatements(db: DatabaseSync) {
  const prepared = new Map<string, { statement: StatementSync; names: string[] }>()
  return (sql: string) => {
    const entry = prepared.get(sql) ?? prepareNow(db, sql)
    prepared.delete(sql)
    prepared.set(sql, entry)
    if (prepared.size > max_prepared) prepared.delete(prepared.keys().next().value as string)
    return entry
  }
}

function prepareNow(db: DatabaseSync, sql: string) {
  const statement = db.prepare(withPlaces(sql))
  statement.setReturnArrays(true)
  return { statement, names: statement.columns().map((column) => column.name) }
}

/**
 * `$1` would be a name to SQLite, so it becomes a place: `?`, which is the one behind the last, wherever it can, because
 * each bound value is looked for among the numbers (`?1`) that the text spells out.
 */
function withPlaces(sql: string): string {
  let last = 0
  return sql.replaceAll(/\$(\d+)/g, (_, digits: string) => {
    const place = Number(digits)
    const is_next = place === last + 1
    last = Math.max(last, place)
    return is_next ? '?' : `?${place}`
  })
}
