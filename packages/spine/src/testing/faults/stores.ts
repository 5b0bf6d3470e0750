/** The stores that faults run against. Another database joins as one more of these. */

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openPostgres, openSqlite } from '../../embedded.ts'
import type { Database } from '../../store/database.ts'
import { openSqliteInline } from '../../store/sqlite.ts'
import { asked, newDatabase } from '../postgres/database.ts'

export type PlacedStore = {
  /** As `serve --store` takes it. */
  url: string
  /** A folder of its own, for what else a fault keeps. */
  folder: string
  open(): Promise<Database>
  /** Looks at it beside a server that has it open. */
  watch(): Promise<Watch>
  remove(): Promise<void>
}

export type Watch = {
  /** Changes with every commit that wrote something. */
  version(): Promise<unknown>
  /** How many rows the ledger has, as one text. */
  rows(): Promise<string>
  close(): Promise<void>
}

/** What calls write. Events are written for them, and agents that were seen are noted a moment later. */
const ledgerTables = ['deliveries', 'envelopes', 'idempotency', 'memories', 'memory_versions', 'tasks']
const countRows = `select ${ledgerTables.map((table) => `(select count(*) from ${table}) as ${table}`).join(', ')}`

export type FaultStore = {
  name: 'sqlite' | 'postgres'
  /**
   * A new, empty one. `in_memory`: on a file system in memory where there is one, for faults of many small files.
   * `inline`: without threads where there are any, for hours by a clock that waits for each answer.
   */
  place(options?: { in_memory?: boolean; inline?: boolean }): Promise<PlacedStore>
}

const MEMORY_FILES = '/dev/shm'

export const sqliteStore: FaultStore = Object.freeze({
  name: 'sqlite',
  async place({ in_memory = false, inline = false } = {}) {
    const folder = await mkdtemp(join(in_memory && existsSync(MEMORY_FILES) ? MEMORY_FILES : tmpdir(), 'spine-fault-'))
    const file = join(folder, 'spine.db')
    return {
      url: `sqlite:${file}`,
      folder,
      open: async () => (inline ? openSqliteInline({ file }) : openSqlite({ file, ballast: { bytes: 0 } })),
      async watch() {
        const db = new DatabaseSync(file, { readOnly: true })
        const version = db.prepare('pragma data_version')
        const rows = db.prepare(countRows)
        return {
          version: async () => Object.values(version.get() ?? {})[0],
          rows: async () => JSON.stringify(rows.get()),
          close: async () => db.close(),
        }
      },
      remove: () => rm(folder, { recursive: true, force: true }),
    }
  },
})

/** A database of its own on one server, as the tests have them. */
export const postgresStore: FaultStore = Object.freeze({
  name: 'postgres',
  async place() {
    const folder = await mkdtemp(join(tmpdir(), 'spine-fault-'))
    const { url, remove } = await newDatabase()
    return {
      url,
      folder,
      // A machine that is busy with other things is no database that fell silent.
      open: () => openPostgres({ url, statement_timeout_ms: 60_000 }),
      watch: async () => ({
        // The number that the next transaction that writes will have.
        version: async () =>
          (await asked(url, 'select pg_snapshot_xmax(pg_current_snapshot())::text as next'))[0]?.next,
        rows: async () => JSON.stringify((await asked(url, countRows))[0]),
        close: async () => {},
      }),
      async remove() {
        await remove()
        await rm(folder, { recursive: true, force: true })
      },
    }
  },
})

export const faultStores = Object.freeze({ sqlite: sqliteStore, postgres: postgresStore })
