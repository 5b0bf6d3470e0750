/**
 * What can go wrong in PostgreSQL, and the errors that callers see. What matters: whether the values are at fault,
 * whether another try may pass, whether the connection is lost, and whether the write may have been committed.
 */

import { SpineError } from '../protocol/errors.ts'
import { StatementError } from './statement-error.ts'

/** `code` is a SQLSTATE, or that of the socket. */
type Failure = { code?: string; message?: string; severity?: string }

/** As long as this a caller should wait before it tries again. */
const retry_after_ms = 1_000

/** Two transactions stood in each other's way; nothing of this one is stored. */
export const isConflict = (error: unknown): boolean => ['40P01', '40001'].includes((error as Failure).code ?? '')

/**
 * The connection is of no more use: it is lost, the server ends it, or it leads to a server that may not write.
 * Everything without a SQLSTATE is the socket's or the driver's.
 */
export function isBroken(error: unknown): boolean {
  const { code = '', severity } = error as Failure
  return severity === undefined || severity === 'FATAL' || /^(08|57P0|25006)/.test(code)
}

/** The error for the caller. `sent`: the batch was on its way, so that a lost connection leaves its outcome unknown. */
export function postgresError(error: unknown, { sent }: { sent: boolean }): Error {
  if (error instanceof SpineError) return error
  const { code = '', message = String(error), severity } = error as Failure
  const detail = `${message} (postgres ${code || 'connection'})`
  if (severity === undefined || /^(08|57P0)/.test(code))
    return new SpineError('STORE_UNAVAILABLE', `The database could not be reached: ${detail}`, {
      retry_after_ms,
      ...(sent ? { outcome: 'unknown' } : {}),
      cause: error,
    })
  // Not now: no free connection, read only after a switch, overtime, or in the way of another.
  if (/^(25006|53300|53400|55P03|57014|40)/.test(code))
    return new SpineError('STORE_UNAVAILABLE', `The database refused this for now: ${detail}`, {
      retry_after_ms,
      cause: error,
    })
  if (code === '53100') return new SpineError('STORAGE_FULL', `The database has no room: ${detail}`)
  if (/^(28|3D)/.test(code))
    return new SpineError('STORAGE_FAILED', `The database does not let this program in: ${detail}`)
  return new StatementError(detail, { engine_code: `postgres ${code}`, data_fault: /^(22|23)/.test(code) })
}
