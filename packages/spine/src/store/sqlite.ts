/**
 * The SQLite adapter. One thread writes: the writes that arrive while it is busy go to it as one message, which is one
 * transaction and one sync. A second thread reads beside it. The inline variant is the same without threads.
 */
import { SpineError } from '../protocol/errors.ts'
import type { BallastOptions } from './ballast.ts'
import type { Batch, Database, Dialect, Row, Statement } from './database.ts'
import { createLocalHints } from './hints.ts'
import { acquireLock, type StoreLock } from './lock.ts'
import { openConnection, toRows, type WriteOutcome } from './sqlite-connection.ts'
import { describeFailure, failureToError } from './sqlite-failure.ts'
import { openingError } from './sqlite-opening.ts'
import { type ConnectionThread, startThread } from './sqlite-thread.ts'

export type SqliteOptions = {
  /** A path, whose folder is made if need be, or ':memory:'. */
  file: string
  /** Default 'full': what was answered survives a loss of power. 'normal' does not promise that. */
  synchronous?: 'full' | 'normal'
  /** Keeps other processes out, default true; only a test that plays two processes goes without. */
  lock?: boolean
  ballast?: BallastOptions
  /** Hears of the first I/O error. Nothing is written after it: end the process and start again. */
  on_fatal?: (error: Error) => void
}

export type SqliteDatabase = Database & {
  /** Tells those who find the store locked where it is served. */
  announce(endpoint: string): void
}

export const sqliteDialect: Dialect = Object.freeze({
  name: 'sqlite',
  bytes: 'blob',
  skip_locked: '',
  ddl: Object.freeze({
    int: 'integer',
    text: 'text',
    bytes: 'blob',
    tail: ' strict',
    keyed_tail: ' strict, without rowid',
    serial: 'integer primary key autoincrement',
  }),
  // One writer: what is stored later has the greater number.
  events: Object.freeze({ tx: '0', after: 'seq > $seq', order: 'seq', newest: 'seq desc', settled: 'true' }),
  max_lanes: 4,
})

/** One message is being committed while the next ones travel; many more would only make smaller groups. */
const max_in_flight = 4

type WaitingWrite = { batch: Batch; resolve(tables: Row[][]): void; reject(error: Error): void }

export async function openSqlite(options: SqliteOptions): Promise<SqliteDatabase> {
  const { file, synchronous = 'full', lock: wants_lock = true, ballast = {}, on_fatal = () => {} } = options
  const in_memory = file === ':memory:'
  const lock = in_memory || !wants_lock ? undefined : lockOf(file)
  const hints = createLocalHints()
  const pending = new Set<Promise<unknown>>()
  let waiting: WaitingWrite[] = []
  let in_flight = 0
  /** Why nothing more is taken. */
  let ended: Error | undefined
  let closed: Promise<void> | undefined

  const fail = (error: Error): void => {
    if (ended instanceof SpineError && ended.code === 'STORAGE_FAILED') return
    ended = error
    for (const { reject } of waiting) reject(error)
    waiting = []
    on_fatal(error)
  }

  const writer = await startThread({ file, synchronous, read_only: false, ballast }, fail).catch((error) => {
    lock?.release()
    throw openingError(file, error)
  })

  let reader: Promise<ConnectionThread> | undefined
  const forgetReader = () => {
    reader = undefined
  }
  /** Started by the first read; one that failed or died is replaced at the next. */
  const openReader = (): Promise<ConnectionThread> => {
    reader ??= startThread({ file, synchronous, read_only: true }, forgetReader).catch((error) => {
      forgetReader()
      throw error
    })
    return reader
  }

  const track = <T>(work: Promise<T>): Promise<T> => {
    pending.add(work)
    const done = () => void pending.delete(work)
    work.then(done, done)
    return work
  }

  const write = (batch: Batch): Promise<Row[][]> => {
    if (ended) return Promise.reject(ended)
    return track(
      new Promise((resolve, reject) => {
        waiting.push({ batch, resolve, reject })
        if (waiting.length === 1) queueMicrotask(() => void sendGroup())
      }),
    )
  }

  const sendGroup = async (): Promise<void> => {
    if (in_flight >= max_in_flight || waiting.length === 0) return
    const group = waiting
    waiting = []
    in_flight += 1
    try {
      const outcomes = await writer.commit(group.map(({ batch }) => batch))
      for (const [index, { resolve, reject }] of group.entries()) answer(outcomes[index], resolve, reject)
      const fatal = outcomes.find((outcome) => 'failure' in outcome && outcome.failure.kind === 'fatal')
      if (fatal) answer(fatal, () => {}, fail)
    } catch (error) {
      for (const { reject } of group) reject(error as Error)
    }
    in_flight -= 1
    void sendGroup()
  }

  const read = async (statement: Statement): Promise<Row[]> => {
    if (ended) throw ended
    const thread = in_memory ? writer : await openReader()
    return toRows(await thread.read(statement))
  }

  const close = async (): Promise<void> => {
    ended ??= new SpineError('SHUTTING_DOWN', 'The store is closed.')
    await Promise.allSettled(pending)
    try {
      // The reader first: its snapshot would keep the log from being folded into the file.
      await (await reader?.catch(() => undefined))?.close()
      await writer.close()
    } finally {
      lock?.release()
    }
  }

  return Object.freeze({
    write,
    read: (statement: Statement) => track(read(statement)),
    hints,
    close: () => {
      closed ??= close()
      return closed
    },
    dialect: sqliteDialect,
    announce: (endpoint: string) => lock?.update({ endpoint }),
  })
}

/**
 * The same port without threads, locks, timers or turns of the event loop: every answer is there when the call
 * returns. For simulations, and for stores that live in memory.
 */
export function openSqliteInline({ file = ':memory:' }: { file?: string } = {}): Database {
  const connection = openConnection({ file, synchronous: 'full', read_only: false })
  return Object.freeze({
    write: (batch: Batch) =>
      new Promise<Row[][]>((resolve, reject) => answer(connection.commit([batch])[0], resolve, reject)),
    read: (statement: Statement) =>
      new Promise<Row[]>((resolve, reject) => {
        try {
          resolve(toRows(connection.read(statement)))
        } catch (error) {
          reject(failureToError(describeFailure(error)))
        }
      }),
    hints: createLocalHints(),
    close: async () => connection.close(),
    dialect: sqliteDialect,
  })
}

function lockOf(file: string): StoreLock {
  try {
    return acquireLock(file)
  } catch (error) {
    throw openingError(file, error)
  }
}

function answer(
  outcome: WriteOutcome | undefined,
  resolve: (tables: Row[][]) => void,
  reject: (error: Error) => void,
): void {
  if (outcome === undefined) reject(new SpineError('STORAGE_FAILED', 'The store gave no answer to this write.'))
  else if ('failure' in outcome) reject(failureToError(outcome.failure))
  else resolve(outcome.tables.map(toRows))
}
