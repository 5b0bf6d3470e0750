/**
 * What the model knows of leases, in its own words and apart from the statements: who gets a delivery, what its holder
 * may say, what the passing of time does. Each rule writes the book and answers what the caller must be told.
 */

import { deliveryDefaults } from '../../protocol/delivery.ts'
import { type Book, type Due, type Span, TOLD } from './book.ts'
import { closedFor, freeUnheardProbes, handOutProbe, hear } from './breaker-rules.ts'

export type LeaseAction =
  | 'accept'
  | 'heartbeat'
  | 'complete'
  | 'release'
  | 'nack_retry'
  | 'nack_fatal'
  | 'nack_declined'
  | 'nack_clarify'
  | 'refused'

/** An answer, short enough for a trace. */
export const told = (
  row: { state: unknown; epoch: unknown; attempts: unknown; claims: unknown },
  duplicate: unknown = false,
): string => `${row.state} e${row.epoch} a${row.attempts} c${row.claims}${duplicate ? ' again' : ''}`

const isHeld = (row: Due) => row.state === 'leased' || row.state === 'accepted'

/** Its lease ended, and nobody has taken over: what its last holder has to say still counts. */
const isOpenToLate = (row: Due, state: 'ready' | 'parked') => row.last === 'lease_end' && row.state === state

/** It is said after the end of its lease or after its deadline, though nobody has taken over. */
export const isLate = ({ now }: Book, row: Due): boolean =>
  !isHeld(row) || row.deadline < now || (row.lease_until !== null && row.lease_until <= now)

/** May take part in a forward. */
export const mayEnd = (row: Due, token: string): boolean =>
  row.token === token && (isHeld(row) || isOpenToLate(row, 'ready') || isOpenToLate(row, 'parked'))

export const holdsNow = (row: Due, token: string): boolean => row.token === token && isHeld(row)

/** A jittered time is known to the table alone. */
const readyAt = (book: Book, row: Due): number =>
  typeof row.ready_at === 'number' ? row.ready_at : Number(book.seen.get(row.key)?.ready_at)

const claimable = (book: Book, row: Due): boolean =>
  row.state === 'ready' && readyAt(book, row) <= book.now && row.deadline > book.now

const waitingFor = (book: Book, target: string): Due[] =>
  book
    .live(target)
    .filter((row) => claimable(book, row))
    .sort((left, right) => right.priority - left.priority || (String(left.id) < String(right.id) ? -1 : 1))

const leased = (book: Book, row: Due, lease_ms: number, token: string | typeof TOLD): Due => ({
  ...row,
  state: 'leased',
  epoch: row.epoch + 1,
  claims: row.claims + 1,
  token,
  last: 'claim',
  late: 0,
  lease_until: book.now + lease_ms,
  lease_ms,
  updated_at: book.now,
})

export type Taken = readonly { id: string; token: string }[]
export type ClaimCall = { target: string; max: number; lease_ms: number; taken: Taken | undefined }

const idsOf = (rows: readonly { id: unknown }[]) => rows.map((row) => String(row.id)).join(' ')

/** A receive that looks once. */
export function claim(book: Book, { target, max, lease_ms, taken }: ClaimCall): string {
  const closed_for = closedFor(book, target)
  if (closed_for !== undefined && closed_for > 0) return ''
  const rows = waitingFor(book, target).slice(0, closed_for === 0 ? 1 : max)
  for (const [index, row] of rows.entries()) book.put(leased(book, row, lease_ms, taken?.[index]?.token ?? TOLD))
  if (closed_for === 0) handOutProbe(book, target, rows[0])
  return idsOf(rows)
}

/**
 * What a waiting receiver was woken with, or a caller beside others, or one that died before its answer. Which of
 * several gets a delivery is not promised, so the model is told; each must have been there to be taken.
 */
export function claimTold(book: Book, { target, max, lease_ms, taken }: ClaimCall): string {
  const there = waitingFor(book, target)
  const got = taken
    ? there.filter((row) => taken.some(({ id }) => id === row.id))
    : there.filter((row) => book.seen.get(row.key)?.epoch === row.epoch + 1).slice(0, max)
  for (const row of got) {
    const token = taken?.find(({ id }) => id === row.id)?.token ?? TOLD
    // Born leased to one who waits, its last event stays the send.
    const last = book.seen.get(row.key)?.last === 'send' ? 'send' : 'claim'
    book.put({ ...leased(book, row, lease_ms, token), last })
  }
  const closed_for = closedFor(book, target)
  if (closed_for === 0) handOutProbe(book, target, got[0])
  return taken && got.length === taken.length && got.length <= max ? idsOf(taken) : idsOf(got)
}

export type SettleCall = { id: string; token: string; action: LeaseAction; lease_ms?: number; delay_ms?: number }

/** Why a call moved nothing. */
export function refusal(row: Due, token: string, action: string): string {
  if (row.token !== token) return 'LEASE_LOST'
  if (row.last === action || (action === 'accept' && row.state === 'accepted')) return told(row, true)
  return 'WRONG_STATE'
}

export function settle(book: Book, call: SettleCall): string {
  const { action, token } = call
  const row = book.byId(call.id)
  if (!row) return 'DELIVERY_NOT_FOUND'
  const late =
    (isOpenToLate(row, 'ready') && (action === 'accept' || action === 'complete')) ||
    (isOpenToLate(row, 'parked') && action === 'complete')
  const held = row.state === 'leased' || (row.state === 'accepted' && action !== 'accept' && action !== 'release')
  if (row.token !== token || !(held || late)) return refusal(row, token, action)
  const after = { ...row, ...settled(book, row, call), updated_at: book.now } as Due
  book.put(after)
  tellBreaker(book, after, action)
  return told(after)
}

/** Counts the attempt of this lease, if nothing has counted it yet. */
export function withAttempt(row: Due): Pick<Due, 'attempts' | 'accepted_epoch'> {
  const counted = row.accepted_epoch >= row.epoch
  return { attempts: row.attempts + (counted ? 0 : 1), accepted_epoch: row.epoch }
}

function settled(book: Book, row: Due, call: SettleCall): Partial<Due> {
  const { action } = call
  const { now } = book
  if (action === 'heartbeat') return extended(book, row, call.lease_ms)
  if (action === 'release') return { state: 'ready', claims: row.claims - 1, lease_until: null, last: action }
  const counted = withAttempt(row)
  const late = isLate(book, row) ? 1 : row.late
  if (action === 'accept')
    return { state: 'accepted', ...counted, ...extended(book, row, call.lease_ms), last: action, late }
  if (action === 'complete') return { state: 'completed', ...counted, lease_until: null, last: action, late }
  if (action !== 'nack_retry') return { state: 'parked', ...counted, lease_until: null, last: action }
  const spent = counted.attempts >= row.max_attempts || row.claims >= row.max_claims
  const cap = Math.min(deliveryDefaults.backoff_cap_ms, 1_000 * 2 ** counted.attempts)
  const ready_at: number | Span = call.delay_ms === undefined ? [now, now + cap] : now + call.delay_ms
  return { state: spent ? 'parked' : 'ready', ...counted, lease_until: null, last: action, ready_at }
}

/** A lease is not extended past the deadline; one that reaches past it already is not cut. */
function extended({ now }: Book, row: Due, given: number | undefined): Partial<Due> {
  const lease_ms = given ?? Number(row.lease_ms)
  const deadline = row.deadline
  const cut = Math.max(row.lease_until ?? 0, deadline)
  return { lease_ms, lease_until: now + lease_ms <= deadline ? now + lease_ms : cut }
}

function tellBreaker(book: Book, row: Due, action: LeaseAction): void {
  if (action === 'accept' || (action === 'heartbeat' && row.state !== 'accepted')) return
  if (action === 'release') hear(book, row, 'released')
  else if (action === 'nack_retry') hear(book, row, row.state === 'parked' ? 'exhausted' : 'retry')
  else hear(book, row, 'arrived')
}

/** Leases that are over: back to the queue, or parked when spent, or expired. */
export function endLeases(book: Book): undefined {
  for (const row of book.live()) {
    if (!isHeld(row) || Number(row.lease_until) > book.now) continue
    const spent = row.attempts >= row.max_attempts || row.claims >= row.max_claims
    const state = spent ? 'parked' : row.deadline <= book.now ? 'expired' : 'ready'
    const after: Due = {
      ...row,
      state,
      ready_at: book.now,
      lease_until: null,
      last: 'lease_end',
      updated_at: book.now,
    }
    book.put(after)
    hear(book, after, state === 'parked' ? 'exhausted' : 'retry')
  }
}

export function passDeadlines(book: Book): undefined {
  for (const row of book.live())
    if (row.state === 'ready' && row.deadline <= book.now)
      book.put({ ...row, state: 'expired', last: 'deadline', updated_at: book.now })
}

const UNHEARD_MS = 2_000

export function freeProbes(book: Book): undefined {
  freeUnheardProbes(book, UNHEARD_MS)
}

/** So little ahead of the clock it stays: the clocks of two nodes differ by so much. */
const AHEAD_MS = 1_000

/** A server that starts under a clock that was set back: what lies in its future has the time it would have from now. */
export function returnFromFuture(book: Book): undefined {
  const { now } = book
  const future = now + AHEAD_MS
  for (const row of book.live()) {
    const lease_ms = Number(row.lease_ms)
    const lease_until = Number(row.lease_until)
    const ready_at = Number(row.ready_at)
    if (isHeld(row) && (lease_until - lease_ms > future || ready_at > future))
      book.put({
        ...row,
        lease_until: lease_until - lease_ms > future ? now + lease_ms : lease_until,
        // It may be released, and is then to be handed out at once.
        ready_at: Math.min(ready_at, now),
        updated_at: now,
      })
    else if (row.state === 'ready' && row.updated_at > future) book.put({ ...row, ready_at: now, updated_at: now })
  }
  for (const row of book.breakers())
    if (Number(row.open_until) - row.cooldown_ms > future)
      book.putBreaker(row.target, { ...row, open_until: now + row.cooldown_ms })
}
