/** What a delivery went through, read off its own record: each time somebody had it, and how that ended. */

import type { Delivery, DeliveryEvent } from '../../../spine/src/protocol/delivery.ts'

export type Attempt = {
  /** Counts from 1 over all generations. */
  number: number
  /** ms since 1970: when it was leased, accepted, and over. */
  from: number
  accepted?: number
  to?: number
  /** The event that ended it. */
  end?: string
  reason?: string
}

const ends = new Set([
  'nack_retry',
  'nack_declined',
  'nack_clarify',
  'nack_fatal',
  'lease_end',
  'release',
  'complete',
  'forward',
  'refused',
  'park',
  'cancel',
])

export function attemptsOf({ history }: Pick<Delivery, 'history'>): Attempt[] {
  const attempts: Attempt[] = []
  let open: Attempt | undefined
  let sent = 0
  const begin = (from: number): Attempt => {
    const attempt = { number: attempts.length + 1, from }
    attempts.push(attempt)
    return attempt
  }
  for (const { at, event, reason } of history) {
    const time = Date.parse(at)
    if (event === 'send' || event === 'redrive') sent = time
    if (event === 'claim') open = begin(time)
    if (event === 'accept') {
      // A receiver that was waiting got it in the commit that stored it: no claim is written.
      open ??= begin(sent)
      open.accepted = time
    }
    if (!ends.has(event)) continue
    if (!open && event !== 'park' && event !== 'cancel') open = begin(sent)
    if (open) Object.assign(open, { to: time, end: event, ...(reason && { reason }) })
    open = undefined
  }
  return attempts
}

/** Ended without what it was for. */
export const failed = ({ end }: Attempt): boolean => end !== undefined && end !== 'complete' && end !== 'forward'

const endWords: Readonly<Record<string, string>> = {
  nack_retry: 'Handed back, to be tried again',
  nack_declined: 'Declined',
  nack_clarify: 'Asked a question',
  nack_fatal: 'Refused for good',
  lease_end: 'Lease ran out, no answer',
  release: 'Given back unread',
  complete: 'Completed',
  forward: 'Completed and handed on',
  refused: 'Its handing on was refused',
  park: 'Parked by its sender',
  cancel: 'Cancelled by its sender',
}

export const endOf = ({ end, accepted }: Attempt): string =>
  end ? (endWords[end] ?? end) : accepted ? 'Accepted, at work' : 'Leased, not accepted yet'

const reasons: Readonly<Record<string, string>> = {
  nack_fatal: 'fatal',
  nack_clarify: 'asks a question',
  nack_declined: 'declined',
  refused: 'not let on',
  park: 'parked by sender',
  send: 'cannot be read',
}

/** Why it is in the dead-letter box, in two words. */
export function whyParked({ history }: Delivery): string {
  const last = history.findLast(({ event }: DeliveryEvent) => event !== 'redrive')?.event ?? ''
  return reasons[last] ?? 'attempts spent'
}
