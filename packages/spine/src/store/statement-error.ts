/**
 * The error of a statement that the database understood and refused. Adapters throw it, so that the ledger can tell
 * one bad input, which is split from its batch, from a store in trouble (a SpineError with a STORAGE_ code).
 */
import { SpineError } from '../protocol/errors.ts'

export class StatementError extends Error {
  override name = 'StatementError'
  /** The engine's own code: 'sqlite 2067', 'postgres 23505'. */
  readonly engine_code: string
  /** Whether the values are at fault: another batch without them would pass. */
  readonly data_fault: boolean

  constructor(message: string, { engine_code, data_fault }: { engine_code: string; data_fault: boolean }) {
    super(message)
    this.engine_code = engine_code
    this.data_fault = data_fault
  }
}

/** What a coalescer may split a batch for. */
export function isDataFault(error: unknown): boolean {
  return error instanceof StatementError && error.data_fault
}

/** Whether a write may have been committed although it failed. Who made its ids and tokens can look. */
export const isOutcomeUnknown = (error: unknown): boolean =>
  error instanceof SpineError && error.extra.outcome === 'unknown'
