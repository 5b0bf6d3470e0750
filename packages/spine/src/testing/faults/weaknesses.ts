/**
 * Protections taken away, one at a time, from outside: a database or a clock with something missing. Each is a
 * negative control: the fault it belongs to has to find what is broken by it.
 */

import { openSqlite } from '../../embedded.ts'
import { canonicalBytes, digestOf, sha256 } from '../../protocol/canonical.ts'
import type { Clock } from '../../service/clock.ts'
import type { Batch, Database, Row, Statement } from '../../store/database.ts'

/** Rewrites statements on their way. Where their text has changed the control finds nothing, which fails aloud. */
function rewriting(database: Database, ...changes: readonly [from: string, to: string][]): Database {
  const rewrite = (statement: Statement): Statement => {
    let { sql } = statement
    for (const [from, to] of changes) sql = sql.replaceAll(from, to)
    return sql === statement.sql ? statement : { ...statement, sql }
  }
  return { ...database, write: (batch: Batch) => database.write(batch.map(rewrite)) }
}

function resealed(body: Uint8Array): Row {
  try {
    const document = JSON.parse(Buffer.from(body).toString())
    const digest = digestOf(document)
    const bytes = canonicalBytes({ ...document, digest })
    return { body: bytes, digest, checksum: sha256(bytes) }
  } catch {
    return {}
  }
}

/** How far the writes to the file lag behind what is answered. */
const LAG = 50

export const weakDatabases = {
  /** Answers from a copy in memory, and writes to the store some batches later. */
  async write_behind(real: Database): Promise<Database> {
    const copy = await openSqlite({ file: ':memory:' })
    const behind: Batch[] = []
    return {
      ...copy,
      write(batch: Batch) {
        // What the copy was asked in SQLite's words cannot be said to another database: there it lags for ever.
        if (real.dialect.name === 'sqlite') behind.push(batch)
        const oldest = behind.length > LAG ? behind.shift() : undefined
        if (oldest) void real.write(oldest)
        return copy.write(batch)
      },
    }
  },
  /** Whoever once had a lease may settle. */
  unfenced: (real: Database) => rewriting(real, ['deliveries.token = i_token', 'i_token is not null']),
  /** What is settled may be settled again. */
  unguarded: (real: Database) => rewriting(real, ["(state = 'leased') or (", '(1 = 1) or (']),
  /** Attempts are not counted. */
  uncounted: (real: Database) => rewriting(real, ['attempts = attempts + case', 'attempts = attempts + 0 * case']),
  /** A redrive does not look whether there is still something to redrive. */
  redrive_blindly: (real: Database) =>
    rewriting(real, ["and state = 'parked'\n      and coalesce(i_deadline", 'and coalesce(i_deadline']),
  /** What was written in what is now the future is believed. */
  trusting_the_clock: (real: Database) =>
    rewriting(
      real,
      ["state = 'ready' and updated_at > ", '1 = 0 and updated_at > '],
      ['lease_until - lease_ms > ', '0 > '],
      ['open_until - cooldown_ms > ', '0 > '],
    ),
  /** Stored bytes are believed: what does not fit their seal is sealed again. */
  believing_bytes: (real: Database) => ({
    ...real,
    async read(statement: Statement) {
      const rows = await real.read(statement)
      return rows.map((row) => {
        if (row.body instanceof Uint8Array) return { ...row, ...resealed(row.body) }
        return typeof row.content === 'string' ? { ...row, digest: `sha256:${sha256(row.content)}` } : row
      })
    },
  }),
  /** Many may take the one probe of a breaker. */
  many_probes: (real: Database) =>
    rewriting(real, ['exists (select 1 from breakers where', '1 = 1 or exists (select 1 from breakers where']),
} satisfies Record<string, (real: Database) => Database | Promise<Database>>

export type WeakDatabase = keyof typeof weakDatabases

/** Follows every jump of the wall clock. */
export const wallClock = (clock: Clock): Clock => ({ ...clock, now: () => Date.now() })
