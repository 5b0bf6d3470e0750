/** What each kind of event adds to a rollup. Pure: alike events come together, with how many they were. */

import { count, type Rollup } from './rollup.ts'
import { addTo, binOf } from './sketch.ts'

/** Moves of deliveries that are alike. */
export type Move = {
  /** `delivery.` and the event of the delivery table. */
  type: string
  /** After it. */
  state: string
  /** The sender waited for it. */
  direct: boolean
  /** Initiated to accepted; only at the first acceptance. */
  latency_ms: number | undefined
  n: number
}

/** Envelopes that are alike; sums are over all of them. */
export type Seals = {
  verified: boolean
  hop: number
  /** Of the budget, whole percents. */
  percent: number
  by_hand: boolean
  n: number
  /** Ten-thousandths. */
  completeness: number
  gaps: number
  incomplete: number
  trimmed: number
}

const ends = new Set(['completed', 'rerouted', 'expired', 'cancelled', 'parked'])
/** These end what rested already, and was counted then. */
const afterwards = new Set(['delivery.discard', 'delivery.answered'])
export const failedAttempts: ReadonlySet<string> = new Set([
  'delivery.lease_end',
  'delivery.nack_retry',
  'delivery.ack_timeout',
])

/** Attempts or claims are spent, or the sender gave up after waiting. */
const isExhausted = ({ type, state, direct }: Move): boolean =>
  state === 'parked' &&
  (type === 'delivery.lease_end' || type === 'delivery.nack_retry' || (type === 'delivery.park' && direct))

const uncounted = new Set(['delivery.claim', 'delivery.release', 'delivery.redrive', ...afterwards])

/** Whether a move adds anything to a rollup. */
export const isCounted = ({ type }: Move): boolean => type.startsWith('delivery.') && !uncounted.has(type)

export function tallyMove(rollup: Rollup, move: Move): void {
  const { type, state, direct, latency_ms, n } = move
  if (type === 'delivery.send') count(rollup, 'handoffs', n)
  if (latency_ms !== undefined) {
    count(rollup, 'accepted', n)
    addTo(direct ? rollup.direct : rollup.queued, binOf(latency_ms), n)
  }
  if (state === 'completed') count(rollup, 'completed', n)
  if (failedAttempts.has(type)) count(rollup, 'failed_attempts', n)
  if (type === 'delivery.lease_end') count(rollup, 'lease_ends', n)
  if (type === 'delivery.refused') count(rollup, 'loops_stopped', n)
  if (isExhausted(move)) count(rollup, 'failed', n)
  if (ends.has(state) && type !== 'delivery.ack_timeout') count(rollup, 'settled', n)
}

export function tallySeals(rollup: Rollup, seals: Seals): void {
  const { verified, hop, percent, by_hand, n, completeness, gaps, incomplete, trimmed } = seals
  addTo(rollup.hops, hop, n)
  if (!verified) return
  count(rollup, 'sealed', n)
  count(rollup, 'completeness', completeness)
  count(rollup, 'incomplete', incomplete)
  count(rollup, 'gaps', gaps)
  count(rollup, 'trimmed', trimmed)
  addTo(rollup.use, percent, n)
  if (by_hand) addTo(rollup.by_hand, percent, n)
}

/** Attempts that failed since something last arrived at a target, and the last of them. */
export type Streak = { attempts: number; at: number; delivery_id: string; envelope_id: string; reason?: string }
export type Failure = Omit<Streak, 'attempts'> & { seq: number }

/** `arrived` is the place of the last arrival among these events; failures are in order. */
export function streakAfter(
  before: Streak | undefined,
  failures: readonly Failure[],
  arrived: number | undefined,
): Streak | undefined {
  const since = failures.filter(({ seq }) => arrived === undefined || seq > arrived)
  const last = since.at(-1)
  const kept = arrived === undefined ? before : undefined
  if (!last) return kept
  const { seq: _, ...rest } = last
  return { ...rest, attempts: (kept?.attempts ?? 0) + since.length }
}

/** Whether a move shows that its target is there and answers: acceptance alone does not, it may be what kills it. */
export const isArrival = ({ type, state }: Pick<Move, 'type' | 'state'>): boolean =>
  (state === 'completed' && type !== 'delivery.ack_timeout') ||
  /^delivery\.(nack_(declined|clarify|fatal)|refused)$/.test(type)
