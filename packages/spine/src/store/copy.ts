/**
 * Copies a whole store into an empty one, of the same kind of database or the other: every row as it is, with its ids
 * and in its order. Each page is one write together with the place that was reached, so that a copy that was killed
 * goes on where it was. At the end both stores are read and compared; a copy that was not compared is not served.
 */

import { sha256 } from '../protocol/canonical.ts'
import { ARCHIVE_AFTER_MS } from './archive.ts'
import { begun, DONE, finished, type Noted, note, notesOf, SOURCE } from './copy-notes.ts'
import { asWritten, type CopiedTable, columnsOf, copiedTables, pagesOf, storing } from './copy-tables.ts'
import type { Database, Param, Row, Statement } from './database.ts'
import { appliedVersions, migrate, UNFINISHED } from './migrations.ts'
import { migrations } from './schema.ts'

/** Two stores that cannot be copied as asked, or a copy that came out different. The words say what to do. */
class CopyError extends Error {
  override name = 'CopyError'
}

export type CopyProgress = {
  doing: 'copying' | 'comparing'
  table: string
  /** Rows of all tables together. */
  done: number
  total: number
}

export type CopyResult = {
  /** With what both stores hold of each: the sum of the sha-256 of its rows, which no order changes. */
  tables: { table: string; rows: number; digest: string }[]
  /** It went on with a copy that was ended in the middle. */
  resumed: boolean
}

export type CopyOptions = {
  /** Milliseconds since 1970. */
  now: number
  /** Rows of one read and one write, at most; default: as suits each table. */
  page?: number
  /** Hears of every page. */
  progress?: (progress: CopyProgress) => void
}

/**
 * Nobody may write to either store meanwhile. Rejects with a CopyError when `from` is no finished store of this
 * program's schema, when `to` holds anything else, and when the two differ at the end.
 */
export async function copyStore(
  from: Database,
  to: Database,
  { now, page = Number.POSITIVE_INFINITY, progress = () => {} }: CopyOptions,
): Promise<CopyResult> {
  const source = await sourceOf(from)
  const resumed = await isUnfinished(to)
  if (!resumed) await begin(to, source, now)
  const notes = await notesOf(to)
  if (notes.get(SOURCE)?.place !== source)
    throw new CopyError('The unfinished copy in the target is one of another store. Copy into an empty target.')

  const all = copiedTables.map((table) => ({ ...table, page: Math.min(table.page, page) }))
  const counts: number[] = []
  for (const { name, source: view = name } of all) counts.push(await countOf(from, view))
  const total = counts.reduce((sum, count) => sum + count, 0)
  let done = 0
  for (const table of all) {
    const noted = notes.get(table.name)
    const advance = (rows: number) => {
      done += rows
      progress({ doing: 'copying', table: table.name, done, total })
    }
    advance(noted?.rows ?? 0)
    await copyTable(from, to, table, { noted, before: now - ARCHIVE_AFTER_MS, advance })
  }

  const tables: CopyResult['tables'] = []
  done = 0
  for (const [index, table] of all.entries()) {
    progress({ doing: 'comparing', table: table.name, done, total })
    tables.push({ table: table.name, ...(await compared(from, to, table)) })
    done += counts[index] ?? 0
  }
  progress({ doing: 'comparing', table: '', done, total })
  const planned = to.dialect.name === 'postgres' ? copiedTables.map(({ name }) => plain(`analyze ${name}`)) : []
  await to.write([...planned, ...(await finished(from, to))])
  return { tables, resumed }
}

const plain = (sql: string): Statement => ({ sql, params: [] })

/** What tells a store from others: when each migration was applied to it. */
async function sourceOf(from: Database): Promise<string> {
  const sql = 'select version, applied_at from spine_schema order by version'
  const rows = await from.read(plain(sql)).catch((cause) => {
    throw new CopyError('The source holds no store of Memory Spine.', { cause })
  })
  const ours = migrations.at(-1)?.version
  const theirs = rows.at(-1)?.version ?? 0
  if (rows[0]?.version === UNFINISHED)
    throw new CopyError('The source is a copy that was not finished. Finish it by the command that began it.')
  if (theirs !== ours)
    throw new CopyError(
      `The source has schema version ${theirs}, and this program copies version ${ours}. ` +
        'Run `memory-spine migrate` on the source with this program, or copy with the program that wrote it.',
    )
  return sha256(JSON.stringify(rows.map(({ version, applied_at }) => [version, applied_at])))
}

/** An empty target has no table of migrations yet. */
const isUnfinished = (to: Database): Promise<boolean> =>
  appliedVersions(to).then(
    (versions) => versions.has(UNFINISHED),
    () => false,
  )

const countOf = async (database: Database, table: string): Promise<number> =>
  Number((await database.read(plain(`select count(*) as n from ${table}`)))[0]?.n)

async function begin(to: Database, source: string, now: number): Promise<void> {
  await migrate(to, migrations, now)
  for (const { name, source: view = name } of copiedTables) {
    // A server that was started on it once has left an empty place there, and nothing else.
    if (name === 'folds' || (await countOf(to, view)) === 0) continue
    throw new CopyError(`The target is in use: it has ${name}. Copy into an empty file or database.`)
  }
  await to.write([plain('delete from folds'), ...(await begun(to, source, now))])
}

type TableCopy = {
  noted: Noted | undefined
  /** Deliveries that ended before are archived where there is an archive. */
  before: number
  advance(rows: number): void
}

async function copyTable(from: Database, to: Database, table: CopiedTable, { noted, before, advance }: TableCopy) {
  const columns = await columnsOf(to, table.name)
  const read = pagesOf(from, table, columns, asWritten(from.dialect, to.dialect, table.name))
  const store = storing(to.dialect, table, columns, before)
  let copied = noted?.rows ?? 0
  for (let place = noted?.place ?? '[]'; place !== DONE; ) {
    const { rows, next } = await read(JSON.parse(place) as Param[])
    copied += rows.length
    place = next ? JSON.stringify(next) : DONE
    await to.write([...store(rows), note(to.dialect, { name: table.name, place, rows: copied })])
    advance(rows.length)
  }
}

/** What both hold of a table. Rejects with a CopyError where they differ. */
async function compared(from: Database, to: Database, table: CopiedTable): Promise<{ rows: number; digest: string }> {
  const columns = await columnsOf(to, table.name)
  const names = Object.keys(columns)
  const [theirs, ours] = await Promise.all([
    contentsOf(pagesOf(from, table, columns, asWritten(from.dialect, to.dialect, table.name)), names),
    contentsOf(pagesOf(to, table, columns), names),
  ])
  if (theirs.rows === ours.rows && theirs.digest === ours.digest) return ours
  const difference = theirs.rows === ours.rows ? 'with other contents' : `and ${ours.rows} in the copy`
  throw new CopyError(
    `${table.name}: ${theirs.rows} rows in the source, ${difference}. ` +
      'Somebody wrote to one of the stores meanwhile: stop who uses them, and copy into an empty target again.',
  )
}

const MODULUS = 2n ** 256n

async function contentsOf(read: ReturnType<typeof pagesOf>, names: readonly string[]) {
  const textOf = (row: Row) =>
    JSON.stringify(names.map((name) => (row[name] instanceof Uint8Array ? sha256(row[name]) : row[name])))
  let sum = 0n
  let rows = 0
  for (let place: Param[] | undefined = []; place; ) {
    const page = await read(place)
    for (const row of page.rows) sum = (sum + BigInt(`0x${sha256(textOf(row))}`)) % MODULUS
    rows += page.rows.length
    place = page.next
  }
  return { rows, digest: `sha256:${sum.toString(16).padStart(64, '0')}` }
}
