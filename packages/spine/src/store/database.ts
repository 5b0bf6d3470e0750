/**
 * The port between the ledger and a database: four members, and a dialect that is data. Types only. What the ledger
 * wants to know between two statements is a guard in the next statement's SQL, so no caller ever holds a transaction.
 */

export type Param = string | number | null | Uint8Array

/** SQL text with `$1`, `$2`... and what they stand for. The text is reused, so adapters cache by it. */
export type Statement = { sql: string; params: readonly Param[] }

/** Stored together or not at all. */
export type Batch = readonly Statement[]

export type Row = Record<string, Param>

/** The few words in which the two databases differ; everything else in the ledger's SQL is one text for both. */
export type Dialect = {
  name: 'sqlite' | 'postgres'
  /** The type that a cast of bytes names. */
  bytes: 'blob' | 'bytea'
  /** Ends a select of rows that other nodes may be taking at this moment. */
  skip_locked: '' | ' for update skip locked'
  ddl: {
    /** Milliseconds, counts, flags. */
    int: string
    /** Compared byte by byte on both, so that `order by` agrees. */
    text: string
    bytes: string
    /** Ends `create table (...)`. */
    tail: string
    /** Ends `create table (...)` when the primary key is the row's address: for small rows without bytes only. */
    keyed_tail: string
    /** A number that the database counts up by itself, of the table's first column. */
    serial: string
  }
  /**
   * The order of events. Transactions of several nodes do not end in the order in which they began, so there an event
   * has the number of its transaction too, and a reader stops before the oldest one that is still under way.
   */
  events: {
    /** The number of the transaction that stores an event. */
    tx: string
    /** Behind the place that `$tx` and `$seq` name. */
    after: string
    order: string
    newest: string
    /** Nothing can be stored before it any more. */
    settled: string
  }
  /** How many batches of one kind of operation may be under way at once. */
  max_lanes: number
}

/** Word of something new, for those who wait in this or another node. Best effort: the table is the truth. */
export type Hints = {
  /** Tells every listener, here and on other nodes, that these topics are worth a look. */
  send(topics: readonly string[]): void
  /** Hears topics from now on; the answer ends it. */
  listen(hear: (topic: string) => void): () => void
}

/** The time that all nodes of one database share. */
export type SharedClock = {
  /** Milliseconds since 1970. */
  now(): number
  /** Throws STORE_UNAVAILABLE while this node does not know the time well enough to give or take a lease by it. */
  check(): void
}

export type Database = {
  /**
   * Stores a batch as a whole or not at all and answers the rows of each statement, once they are on stable storage, and
   * with them everything that was stored before: a batch that changes nothing, or an empty one, says that much.
   * The parameters belong to the database until then: they are not copied before the batch is sent.
   */
  write(batch: Batch): Promise<Row[][]>
  /** Looks at one snapshot, which holds every write that was answered before. */
  read(statement: Statement): Promise<Row[]>
  readonly hints: Hints
  /** Where the database keeps the time; without it, that of the process is the only one. */
  readonly clock?: SharedClock
  /** Finishes what is under way, refuses what comes later, and lets go of everything. */
  close(): Promise<void>
  readonly dialect: Dialect
}
