/**
 * What can go wrong in SQLite, as plain data that survives the way from the worker thread, and the errors that callers
 * see. The classes matter more than the codes: a full disk can be survived, an I/O error can not.
 */
import { SpineError } from '../protocol/errors.ts'
import { StatementError } from './statement-error.ts'

export type SqliteFailure = {
  /**
   * `data`: the values are at fault. `full`: no room. `fatal`: what is on disk is no longer known; only a new start
   * may look. `busy`: somebody outside holds the file. `other`: everything else, a mistake in the SQL above all.
   */
  kind: 'data' | 'full' | 'fatal' | 'busy' | 'other'
  code: string
  message: string
}

/** Primary result codes, https://sqlite.org/rescode.html */
const kinds: Readonly<Record<number, SqliteFailure['kind']>> = {
  5: 'busy', // BUSY
  6: 'busy', // LOCKED
  10: 'fatal', // IOERR
  11: 'fatal', // CORRUPT
  13: 'full', // FULL
  18: 'data', // TOOBIG
  19: 'data', // CONSTRAINT
  20: 'data', // MISMATCH
  26: 'fatal', // NOTADB
}

/** The shared-memory index could not grow: a full disk in the clothes of an I/O error. Nothing was synced. */
const ioerr_shmsize = 4874

/** What node:sqlite refuses to bind or to return, before SQLite sees it. */
const binding_codes: ReadonlySet<unknown> = new Set([
  'ERR_INVALID_ARG_TYPE',
  'ERR_INVALID_ARG_VALUE',
  'ERR_OUT_OF_RANGE',
])

export function describeFailure(error: unknown): SqliteFailure {
  const { message, code, errcode } = error as { message?: string; code?: unknown; errcode?: number }
  const text = message ?? String(error)
  if (errcode === undefined)
    return { kind: binding_codes.has(code) ? 'data' : 'other', code: String(code), message: text }
  const kind = errcode === ioerr_shmsize ? 'full' : (kinds[errcode & 0xff] ?? 'other')
  return { kind, code: `sqlite ${errcode}`, message: text }
}

export function failureToError({ kind, code, message }: SqliteFailure): Error {
  const detail = `${message} (${code})`
  switch (kind) {
    case 'full':
      return new SpineError('STORAGE_FULL', `The store has no room: ${detail}`)
    case 'fatal':
      return new SpineError('STORAGE_FAILED', `The store's file failed: ${detail}`)
    case 'busy':
      return new SpineError('OVERLOADED', `Another program holds the store's file: ${detail}`)
    default:
      return new StatementError(detail, { engine_code: code, data_fault: kind === 'data' })
  }
}
