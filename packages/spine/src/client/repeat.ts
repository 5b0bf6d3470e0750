/** Which calls may be made again, after which failures and how soon, and how long an answer may be held on purpose. */

import { contract, type Operation } from '../protocol/contract.ts'
import { deliveryDefaults } from '../protocol/delivery.ts'
import type { ErrorCode, SpineError } from '../protocol/errors.ts'
import { backoffMs } from '../rules/backoff.ts'

/** Tries after the first one. */
const RETRIES = 3
const RETRY_CAP_MS = 1_000

export const isRepeatable = (operation: Operation): boolean =>
  ['GET', 'PUT', 'DELETE'].includes(operation.method) || operation.idempotent === true || operation.repeatable === true

/** Failures of the way, not of the call: trying the same again soon may help. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'UNREACHABLE',
  'OVERLOADED',
  'REQUEST_TIMEOUT',
  'SHUTTING_DOWN',
  'STORAGE_FAILED',
  'STORE_UNAVAILABLE',
])
export const isPassing = ({ code }: SpineError): boolean => passing.has(code)
/** What a proxy answers for a server that it cannot reach. */
export const gatewayStatus: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** How long the server may hold the answer back on purpose, in ms. */
export function heldFor(operation: Operation, input: unknown): number {
  const { wait, wait_ms, timeout_ms } = input as { wait?: string; wait_ms?: number; timeout_ms?: number }
  if (!operation.waits) return 0
  if (operation === contract.deliveries.receive) return wait_ms ?? deliveryDefaults.wait_ms
  if (operation === contract.health.events) return wait_ms ?? 0
  return wait === undefined || wait === 'none' ? 0 : (timeout_ms ?? deliveryDefaults.ack_timeout_ms)
}

/** Whether a call that failed for the `tries`-th time is made again. */
export const mayRepeat = (operation: Operation, error: SpineError, tries: number): boolean =>
  tries <= RETRIES && isPassing(error) && isRepeatable(operation)

/** The pause before the next try, in ms: what the server asked for, and up to 1/4, 1/2, 1 s. */
export const pauseBefore = (tries: number, error: SpineError, random: () => number): number =>
  Number(error.extra.retry_after_ms ?? 0) + backoffMs(tries - 3, RETRY_CAP_MS, random())
