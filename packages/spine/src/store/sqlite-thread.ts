/** This side of the worker thread: a connection whose members answer later. The thread itself is sqlite-worker.ts. */
import { Worker } from 'node:worker_threads'
import { SpineError } from '../protocol/errors.ts'
import type { BallastOptions } from './ballast.ts'
import type { Batch, Statement } from './database.ts'
import type { ConnectionOptions, Table, WriteOutcome } from './sqlite-connection.ts'
import { failureToError, type SqliteFailure } from './sqlite-failure.ts'

export type ThreadOptions = ConnectionOptions & { ballast?: BallastOptions }

export type ThreadOrder = {
  id: number
  order: { commit: readonly Batch[] } | { read: readonly Statement[] } | { close: true }
}

export type ReadOutcome = { table: Table } | { failure: SqliteFailure }

/** The first reply, with id 0, says that the connection is open. */
export type ThreadReply = { id: number; answer: unknown } | { id: number; failure: SqliteFailure }

export type ConnectionThread = {
  commit(writes: readonly Batch[]): Promise<WriteOutcome[]>
  read(statement: Statement): Promise<Table>
  /** Closes the connection and ends the thread. */
  close(): Promise<void>
}

/** Statements that go over in one message; of more, the first are answered while the others are read. */
const max_reads = 16

type Waiter = { resolve(answer: unknown): void; reject(error: Error): void }

/** Resolves when the connection is open; `on_death` hears of a thread that ended by itself. */
export async function startThread(options: ThreadOptions, on_death: (error: Error) => void): Promise<ConnectionThread> {
  const file = import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js'
  // Flags of this process, such as --eval's, are not for the thread.
  const worker = new Worker(new URL(file, import.meta.url), { workerData: options, execArgv: [] })
  const waiters = new Map<number, Waiter>()
  let last_id = 0
  let opened = false
  let death: Error | undefined

  /** An idle thread does not keep the process alive; one that owes an answer does. */
  const waitFor = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiters.set(id, { resolve, reject })
      worker.ref()
    })

  const take = (id: number): Waiter | undefined => {
    const waiter = waiters.get(id)
    waiters.delete(id)
    if (waiters.size === 0) worker.unref()
    return waiter
  }

  const ask = (order: ThreadOrder['order']): Promise<unknown> => {
    if (death) return Promise.reject(death)
    last_id += 1
    const answer = waitFor(last_id)
    try {
      worker.postMessage({ id: last_id, order } satisfies ThreadOrder)
    } catch (error) {
      take(last_id)?.reject(error as Error)
    }
    return answer
  }

  const die = (cause: unknown): void => {
    if (death) return
    death = new SpineError('STORAGE_FAILED', `The thread of the store ended: ${String(cause)}`, { cause })
    for (const id of [...waiters.keys()]) take(id)?.reject(death)
    if (opened) on_death(death)
  }

  worker.on('error', die)
  worker.on('exit', (code) => die(`exit code ${code}`))
  worker.on('message', (reply: ThreadReply) => {
    const waiter = take(reply.id)
    if ('failure' in reply) waiter?.reject(failureToError(reply.failure))
    else waiter?.resolve(reply.answer)
  })

  const end = async (): Promise<void> => {
    death ??= new SpineError('SHUTTING_DOWN', 'The store is closed.')
    worker.ref()
    await worker.terminate()
  }

  const close = async (): Promise<void> => {
    try {
      if (!death) await ask({ close: true })
    } finally {
      await end()
    }
  }

  try {
    await waitFor(0)
    opened = true
  } catch (error) {
    await end()
    const reason = (error as Error).message
    throw new SpineError('STORAGE_FAILED', `The store ${options.file} could not be opened: ${reason}`, { cause: error })
  }

  /** Reads that are asked for at once travel as one message: a message costs more than most of them. */
  let reads: { statement: Statement; resolve(table: Table): void; reject(error: Error): void }[] = []
  const sendReads = (): void => {
    const waiting = reads
    reads = []
    for (let from = 0; from < waiting.length; from += max_reads) {
      const group = waiting.slice(from, from + max_reads)
      const asked = ask({ read: group.map(({ statement }) => statement) }) as Promise<ReadOutcome[]>
      asked.then(
        (outcomes) => {
          for (const [index, { resolve, reject }] of group.entries()) {
            const outcome = outcomes[index] as ReadOutcome
            if ('failure' in outcome) reject(failureToError(outcome.failure))
            else resolve(outcome.table)
          }
        },
        (error: Error) => {
          for (const { reject } of group) reject(error)
        },
      )
    }
  }

  return Object.freeze({
    commit: (writes: readonly Batch[]) => ask({ commit: writes.map(ownBytes) }) as Promise<WriteOutcome[]>,
    read: (statement: Statement) =>
      new Promise<Table>((resolve, reject) => {
        reads.push({ statement, resolve, reject })
        if (reads.length === 1) queueMicrotask(sendReads)
      }),
    close,
  })
}

/** A view takes its whole buffer along to another thread: a 1 KB slice of a 64 MB upload would cost 64 MB. */
function ownBytes(write: Batch): Statement[] {
  return write.map(({ sql, params }) => ({
    sql,
    params: params.map((param) =>
      param instanceof Uint8Array && param.byteLength < param.buffer.byteLength ? param.slice() : param,
    ),
  }))
}
