/** The states in which a handoff cannot be accepted any more, as the codes of the errors that say so. */

import type { Delivery } from '../protocol/delivery.ts'
import type { ErrorCode } from '../protocol/errors.ts'

const codes: Readonly<Record<string, ErrorCode>> = Object.freeze({
  parked: 'PARKED',
  expired: 'EXPIRED',
  cancelled: 'CANCELLED',
  discarded: 'DISCARDED',
})

/** Undefined while it can still be accepted. */
export const failedCode = ({ state }: Delivery): ErrorCode | undefined => codes[state]
