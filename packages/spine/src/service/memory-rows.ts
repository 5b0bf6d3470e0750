/** Rows of memories, what their digest says of them, and why one cannot be used. */

import { sha256 } from '../protocol/canonical.ts'
import type { Gap } from '../protocol/memory.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/memories.ts'
import type { Service } from './context.ts'

/** Ids that one warning names. */
const MAX_NAMED = 10

/** Rows by id, deleted and expired ones included. */
export async function memoryRows({ database }: Service, ns: string, ids: readonly string[]): Promise<Map<string, Row>> {
  const distinct = [...new Set(ids)]
  const statements = sql.memoriesById(
    database.dialect,
    distinct.map((id) => ({ id })),
    { ns },
  )
  const tables = await Promise.all(statements.map((statement) => database.read(statement)))
  return new Map(tables.flat().map((row) => [String(row.id), row]))
}

export const contentDigest = (content: string): string => `sha256:${sha256(content)}`

/** Rows are not changed once they are read, and several rooms ask about the same one. */
const looked = new WeakMap<Row, boolean>()

/** Whether the content is still the one that was stored. Asked of every row before its content goes anywhere. */
export function isWhole(row: Row): boolean {
  const known = looked.get(row)
  if (known !== undefined) return known
  const whole = contentDigest(String(row.content)) === row.digest
  looked.set(row, whole)
  return whole
}

/** Why there is no memory, if there is none. */
export function absence(
  row: Row | undefined,
  now: number,
): Extract<Gap['reason'], 'not_found' | 'deleted' | 'expired'> | undefined {
  if (!row) return 'not_found'
  if (row.deleted_at !== null) return 'deleted'
  return row.expires_at !== null && Number(row.expires_at) <= now ? 'expired' : undefined
}

/** Why a row cannot be used, if it cannot. */
export const gapReason = (row: Row | undefined, now: number): Gap['reason'] | undefined =>
  absence(row, now) ?? (row && !isWhole(row) ? 'damaged' : undefined)

/** The warning of a list that goes without these, because they are damaged. */
export const leftOut = (ids: readonly string[]): string =>
  `The stored content of ${ids.slice(0, MAX_NAMED).join(', ')}${ids.length > MAX_NAMED ? ` and ${ids.length - MAX_NAMED} more` : ''} is damaged and left out: restore it from a backup, or store it again under its id.`

export async function versionRow(
  { database }: Service,
  ns: string,
  id: string,
  version: number,
): Promise<Row | undefined> {
  const [statement] = sql.versionsById(database.dialect, [{ id, version }], { ns })
  return statement && (await database.read(statement))[0]
}
