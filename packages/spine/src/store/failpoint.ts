/**
 * Failpoints: `SPINE_FAILPOINT=name` or `name:n` makes the n-th commit of the store (default the first) go wrong on
 * purpose, so that a test can put the moment of a failure where it hurts most. Nothing else reads the variable.
 *
 * - `before_commit`, `after_commit_before_reply`: the process is killed there, by SIGKILL.
 * - `eio_on_sync`: the sync of the log fails, as it does on a broken disk.
 */
import type { Batch } from './database.ts'
import type { Connection, WriteOutcome } from './sqlite-connection.ts'

/** SQLITE_IOERR_FSYNC, https://sqlite.org/rescode.html */
const ioerr_fsync: WriteOutcome = Object.freeze({
  failure: { kind: 'fatal', code: 'sqlite 1034', message: 'disk I/O error (SPINE_FAILPOINT)' },
} as const)

export function withFailpoint(connection: Connection, setting: string | undefined): Connection {
  if (!setting) return connection
  const [name, count = '1'] = setting.split(':')
  let left = Number(count)
  const die = (): void => void process.kill(process.pid, 'SIGKILL')

  const commit = (writes: readonly Batch[]): WriteOutcome[] => {
    left -= 1
    if (left > 0) return connection.commit(writes)
    if (name === 'eio_on_sync') return writes.map(() => ioerr_fsync)
    if (left === 0 && name === 'before_commit') die()
    const outcomes = connection.commit(writes)
    if (left === 0 && name === 'after_commit_before_reply') die()
    return outcomes
  }
  return Object.freeze({ ...connection, commit })
}
