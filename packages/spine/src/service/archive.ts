/** Moves finished deliveries into the archive, where the database has one, and drops its old days. Safe on every node. */

import * as sql from '../store/archive.ts'
import type { Database, Row } from '../store/database.ts'
import { type RoundsParts, startRounds } from './rounds.ts'

const EVERY_MS = 30_000
const BATCH = 500

export type Archive = ReturnType<typeof createArchive>

export function createArchive({ database, ...service }: RoundsParts & { database: Database }) {
  const { clock } = service
  const { dialect } = database
  const exists = dialect.name === 'postgres'

  const readAll = async (statements: ReturnType<typeof sql.archivedById>): Promise<Row[]> =>
    exists ? (await Promise.all(statements.map((statement) => database.read(statement)))).flat() : []

  /** Another node may be making the same partition. */
  const addDays = async (before: number): Promise<void> => {
    for (const { day } of await database.read(sql.daysToArchive(dialect, { before, limit: BATCH })))
      await database.write([sql.addDay(Number(day))]).catch(() => database.write([sql.addDay(Number(day))]))
  }

  const move = async (signal?: AbortSignal): Promise<number> => {
    if (!exists) return 0
    const before = clock.now() - sql.ARCHIVE_AFTER_MS
    for (let moved = 0; ; ) {
      signal?.throwIfAborted()
      await addDays(before)
      const rows = (await database.write([sql.archiveDeliveries(dialect, { before, limit: BATCH })])).flat()
      moved += rows.length
      if (rows.length < BATCH) return moved
    }
  }

  const rounds = exists ? startRounds(service, { work: 'archive', every_ms: EVERY_MS }, move) : undefined

  return Object.freeze({
    /** Archived deliveries by id. */
    byId: (keys: readonly { ns: string; id: string }[]) => readAll(sql.archivedById(dialect, keys)),
    /** Archived deliveries by envelope and receiver. */
    sent: (keys: readonly { ns: string; envelope_id: string; target: string }[]) =>
      readAll(sql.archivedSent(dialect, keys)),
    move,
    /** Drops the days that ended before, and answers how many deliveries were in them. */
    async drop(before: number): Promise<number> {
      if (!exists) return 0
      const end = Math.floor(before / sql.DAY_MS)
      const days = (await database.read(sql.archivedDays(dialect))).map((row) => Number(row.day))
      const [counted] = await database.read(sql.countArchived(dialect, { before: end * sql.DAY_MS }))
      for (const day of days.filter((candidate) => candidate < end)) await database.write([sql.dropDay(day)])
      return Number(counted?.n ?? 0)
    },
    stop: async (): Promise<void> => rounds?.stop(),
  })
}
