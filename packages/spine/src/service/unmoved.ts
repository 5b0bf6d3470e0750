/** What a call on a lease means for a row that it did not move: a repeat, a lost lease, or the wrong state. */

import { SpineError } from '../protocol/errors.ts'
import type { Row } from '../store/database.ts'

export type SettleAction =
  | 'accept'
  | 'complete'
  | 'heartbeat'
  | 'release'
  | 'nack_retry'
  | 'nack_fatal'
  | 'nack_declined'
  | 'nack_clarify'
  | 'refused'
  | 'forward'

/** Throws FORBIDDEN when the credential is bound to an agent that the delivery is not for. */
export function refuseStranger(row: Row | undefined, agent: string | undefined): void {
  if (row === undefined || agent === undefined || row.target === agent) return
  throw new SpineError('FORBIDDEN', `The key is that of ${agent}; the delivery is for ${row.target}.`)
}

/** True when the row stands as this very call left it. Throws what the caller must know otherwise. */
export function isRepeat(row: Row | undefined, call: { id: string; token: string; action: SettleAction }): boolean {
  const { id, token, action } = call
  if (!row) throw new SpineError('DELIVERY_NOT_FOUND', `There is no delivery ${id}.`, { id })
  const state = String(row.state)
  if (row.token !== token)
    throw new SpineError('LEASE_LOST', `Delivery ${id} is ${state} and this lease is not its newest.`, { id, state })
  if (row.last === action || (action === 'accept' && state === 'accepted')) return true
  throw new SpineError('WRONG_STATE', `Delivery ${id} is ${state}: ${action.replace('_', ' ')} is not possible.`, {
    id,
    state,
  })
}
