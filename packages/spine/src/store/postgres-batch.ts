/**
 * A batch on the wire: the messages of all its statements, then one Sync. Everything before one Sync is one
 * transaction, so a batch costs one round trip, needs no BEGIN, and is committed when the server is ready again.
 */

import type { Client, Connection } from 'pg'
import type { Batch, Param, Row } from './database.ts'
import { type Decode, decoderOf, encode } from './postgres-values.ts'

/** What `pg` lets others write to the wire; its published types are those of an older version. */
type Wire = {
  stream: { cork(): void; uncork(): void }
  parse(message: { name: string; text: string; types: readonly number[] }): void
  bind(message: { statement: string; values: readonly Param[]; valueMapper: typeof encode }): void
  describe(message: { type: 'P'; name: string }): void
  execute(message: { rows: number }): void
  close(message: { type: 'S'; name: string }): void
  sync(): void
}

type Field = { name: string; dataTypeID: number }
type Column = { name: string; decode: Decode }
/** A statement as one connection knows it. `columns` come with its first answer. */
type Prepared = { name: string; columns: Column[] | undefined }

/** Statements that a connection keeps ready: the ledger has some hundred, in a few sizes each. */
const max_prepared = 1_000

/** The statements that each connection has parsed. */
const prepared = new WeakMap<object, { known: Map<string, Prepared>; names: number }>()

function preparedOf(connection: object) {
  const found = prepared.get(connection) ?? { known: new Map<string, Prepared>(), names: 0 }
  prepared.set(connection, found)
  return found
}

/**
 * Sends the batch and answers the rows of each statement once it is committed. Rejects with the server's error, after
 * which nothing of it is stored, or with that of the connection, after which nobody knows. Without `prepare` nothing
 * outlives the batch, as a pooler between this program and the server needs it.
 */
export function runBatch(client: Client, batch: Batch, { prepare }: { prepare: boolean }): Promise<Row[][]> {
  const { promise, resolve, reject } = Promise.withResolvers<Row[][]>()
  const tables: Row[][] = batch.map(() => [])
  const fresh: string[] = []
  const statements: Prepared[] = []
  let current = 0
  /** Thrown at the end: in the middle of the wire nobody would catch it. */
  let unreadable: Error | undefined

  const send = (wire: Wire): void => {
    const { known } = preparedOf(wire)
    for (const { sql, params } of batch) {
      const ready = prepare ? known.get(sql) : undefined
      const statement = ready ?? parse(wire, sql)
      statements.push(statement)
      wire.bind({ statement: statement.name, values: params, valueMapper: encode })
      if (!statement.columns) wire.describe({ type: 'P', name: '' })
      wire.execute({ rows: 0 })
    }
    wire.sync()
  }

  const parse = (wire: Wire, sql: string): Prepared => {
    const cache = preparedOf(wire)
    const name = prepare ? `s${++cache.names}` : ''
    const statement: Prepared = { name, columns: undefined }
    wire.parse({ name, text: sql, types: [] })
    if (!prepare) return statement
    fresh.push(sql)
    cache.known.set(sql, statement)
    const [oldest] = cache.known
    if (cache.known.size > max_prepared && oldest) {
      cache.known.delete(oldest[0])
      wire.close({ type: 'S', name: oldest[1].name })
    }
    return statement
  }

  client.query({
    submit(connection: Connection) {
      const wire = connection as unknown as Wire
      wire.stream.cork()
      try {
        send(wire)
      } finally {
        wire.stream.uncork()
      }
    },
    handleRowDescription({ fields }: { fields: Field[] }) {
      const statement = statements[current]
      if (statement) statement.columns = fields.map(({ name, dataTypeID }) => ({ name, decode: decoderOf(dataTypeID) }))
    },
    handleDataRow({ fields }: { fields: (string | null)[] }) {
      try {
        tables[current]?.push(rowOf(statements[current]?.columns ?? [], fields))
      } catch (error) {
        unreadable ??= error as Error
      }
    },
    handleCommandComplete() {
      const statement = statements[current]
      if (statement) statement.columns ??= []
      current += 1
    },
    handleEmptyQuery() {
      current += 1
    },
    handlePortalSuspended() {},
    handleReadyForQuery() {
      if (unreadable) reject(unreadable)
      else resolve(tables)
    },
    /** Of the statements parsed here none may be there; naming them anew is harmless. */
    handleError(error: Error, connection: Connection) {
      const { known } = preparedOf(connection)
      for (const sql of fresh) known.delete(sql)
      reject(error)
    },
  })
  return promise
}

function rowOf(columns: readonly Column[], fields: readonly (string | null)[]): Row {
  const row: Row = {}
  for (const [index, { name, decode }] of columns.entries()) {
    const text = fields[index] ?? null
    row[name] = text === null ? null : decode(text)
  }
  return row
}
