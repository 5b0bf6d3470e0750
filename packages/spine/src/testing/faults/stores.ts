/** The stores that faults run against. Another database joins as one more of these. */

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openSqlite } from '../../embedded.ts'
import type { Database } from '../../store/database.ts'

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
  /** A new, empty one. `in_memory`: on a file system in memory where there is one, for faults of many small files. */
  place(options?: { in_memory?: boolean }): Promise<PlacedStore>
}

const MEMORY_FILES = '/dev/shm'

export const sqliteStore: FaultStore = Object.freeze({
  name: 'sqlite',
  async place({ in_memory = false } = {}) {
    const folder = await mkdtemp(join(in_memory && existsSync(MEMORY_FILES) ? MEMORY_FILES : tmpdir(), 'spine-fault-'))
    const file = join(folder, 'spine.db')
    return {
      url: `sqlite:${file}`,
      folder,
      open: () => openSqlite({ file, ballast: { bytes: 0 } }),
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
