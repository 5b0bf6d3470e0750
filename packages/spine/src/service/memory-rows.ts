/** Rows of memories, and why one cannot be used. */

import type { Gap } from '../protocol/memory.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/memories.ts'
import type { Service } from './context.ts'

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

/** Why a row cannot be used, if it cannot. */
export function gapReason(
  row: Row | undefined,
  now: number,
): Extract<Gap['reason'], 'not_found' | 'deleted' | 'expired'> | undefined {
  if (!row) return 'not_found'
  if (row.deleted_at !== null) return 'deleted'
  return row.expires_at !== null && Number(row.expires_at) <= now ? 'expired' : undefined
}

export async function versionRow(
  { database }: Service,
  ns: string,
  id: string,
  version: number,
): Promise<Row | undefined> {
  const [statement] = sql.versionsById(database.dialect, [{ id, version }], { ns })
  return statement && (await database.read(statement))[0]
}
