/**
 * A delivery: one envelope on its way to one receiver, and the only thing that is leased, acknowledged, retried or
 * parked. The table below is the state machine: the store's statements are tested against it, the docs draw it.
 */

import { z } from 'zod'
import { id, json, name, priority, text, time } from './scalars.ts'

export const deliveryState = z.enum([
  'ready',
  'leased',
  'accepted',
  'completed',
  'rerouted',
  'expired',
  'cancelled',
  'discarded',
  'parked',
])
export type DeliveryState = z.infer<typeof deliveryState>

export const terminalStates: readonly DeliveryState[] = ['completed', 'rerouted', 'expired', 'cancelled', 'discarded']

export const deliveryDefaults = Object.freeze({
  max_attempts: 3,
  max_claims: 10,
  lease_ms: 60_000,
  min_lease_ms: 1_000,
  max_lease_ms: 3_600_000,
  /** Of a pushed delivery that was accepted, unless the profile says otherwise. */
  accept_lease_ms: 900_000,
  wait_ms: 20_000,
  max_wait_ms: 60_000,
  max_batch: 256,
  ack_timeout_ms: 15_000,
  backoff_cap_ms: 30_000,
  /** What nobody claims expires after this long, unless the sender gave a deadline. */
  deadline_ms: 7 * 86_400_000,
})

export const lease_ms = z.int().min(deliveryDefaults.min_lease_ms).max(deliveryDefaults.max_lease_ms)

export const breakerDefaults = Object.freeze({
  /** Exhausted handoffs in a row that open it. */
  failures: 3,
  cooldown_ms: 60_000,
  /** Doubles with each failed probe up to this. */
  max_cooldown_ms: 600_000,
  /** How soon a receiver asks again while another one holds the probe. */
  probe_poll_ms: 1_000,
})

/**
 * The longest wait before the next try, by attempts so far: min(30 s, 2^n s). The wait itself is drawn between 0 and
 * this (full jitter: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export const backoff_caps_ms: readonly number[] = Array.from({ length: 6 }, (_, attempts) =>
  Math.min(deliveryDefaults.backoff_cap_ms, 1_000 * 2 ** attempts),
)

type Transition = {
  event: string
  from: readonly DeliveryState[]
  to: readonly DeliveryState[]
  /** Counters that grow by one. */
  counts?: 'claims' | 'attempts'
  note?: string
}

/** Every event that moves a delivery. An event that is not listed for a state is LEASE_LOST or WRONG_STATE. */
export const deliveryTable: readonly Transition[] = Object.freeze<Transition[]>([
  {
    event: 'send',
    from: [],
    to: ['ready', 'leased', 'expired', 'parked'],
    note: 'leased when a receiver is waiting (counts a claim); expired when the deadline has passed; parked when the receiver cannot read or fit it',
  },
  { event: 'claim', from: ['ready'], to: ['leased'], counts: 'claims', note: 'only before the deadline' },
  {
    event: 'accept',
    from: ['leased', 'ready'],
    to: ['accepted'],
    counts: 'attempts',
    note: 'from ready: late, nobody has claimed it since',
  },
  { event: 'heartbeat', from: ['leased', 'accepted'], to: ['leased', 'accepted'], note: 'never past the deadline' },
  {
    event: 'complete',
    from: ['leased', 'accepted', 'ready', 'parked'],
    to: ['completed'],
    note: 'from ready or parked: late, after a lease end that nobody followed up',
  },
  {
    event: 'nack_retry',
    from: ['leased', 'accepted'],
    to: ['ready', 'parked'],
    note: 'ready after the backoff; parked when attempts or claims are spent; counts the attempt if accept did not',
  },
  {
    event: 'nack_declined',
    from: ['leased', 'accepted'],
    to: ['rerouted', 'parked'],
    note: 'rerouted where there is a fallback, which is followed once',
  },
  { event: 'nack_clarify', from: ['leased', 'accepted'], to: ['parked'], note: 'with the question' },
  { event: 'nack_fatal', from: ['leased', 'accepted'], to: ['parked'], note: 'never retried' },
  {
    event: 'forward',
    from: ['leased', 'accepted', 'ready', 'parked'],
    to: ['completed'],
    note: 'the next envelope is sealed and sent in the same commit; late as complete is',
  },
  {
    event: 'refused',
    from: ['leased', 'accepted'],
    to: ['parked'],
    note: 'a forward past the hop limit or in a cycle; nothing is sealed',
  },
  { event: 'release', from: ['leased'], to: ['ready'], note: 'the claim is not counted' },
  {
    event: 'lease_end',
    from: ['leased', 'accepted'],
    to: ['ready', 'expired', 'parked'],
    note: 'expired past the deadline; parked when spent',
  },
  { event: 'deadline', from: ['ready'], to: ['expired'] },
  { event: 'park', from: ['ready', 'leased'], to: ['parked'] },
  { event: 'reroute', from: ['ready'], to: ['rerouted'], note: 'by the sender, after its waits' },
  { event: 'cancel', from: ['ready', 'leased'], to: ['cancelled'] },
  { event: 'redrive', from: ['parked'], to: ['ready'], note: 'counts at zero, generation + 1; not past the deadline' },
  { event: 'discard', from: ['parked'], to: ['discarded'] },
  {
    event: 'answered',
    from: ['parked'],
    to: ['cancelled'],
    note: 'what asked a question is closed by the handoff that continues it',
  },
])

/** One thing that happened to a delivery, as its own record keeps it. Heartbeats are not kept. */
export const deliveryEvent = z.looseObject({
  at: time,
  event: z.string(),
  epoch: z.int().optional(),
  reason: text.optional(),
})
export type DeliveryEvent = z.infer<typeof deliveryEvent>

export const delivery = z.looseObject({
  id,
  envelope_id: id,
  source_agent: name,
  target: name,
  state: deliveryState,
  priority,
  claims: z.int(),
  attempts: z.int(),
  /** Grows with every lease: a call with an older token is refused. */
  epoch: z.int(),
  ready_at: time,
  deadline: time,
  lease_until: time.optional(),
  /** The channel it was published to. */
  channel: name.optional(),
  /** The envelope or delivery that followed: of a forward, a reroute, an answered question. */
  successor: id.optional(),
  /** What the receiver must know before it can work; a new handoff with this delivery as `previous` answers it. */
  question: text.optional(),
  /** How often it was redriven. */
  generation: z.int().optional(),
  /** Why it is parked, expired or was handed back last. */
  reason: text.optional(),
  output: json.optional(),
  /** It was completed after its lease or deadline had passed, and nobody had taken over. */
  late: z.boolean().optional(),
  /** The call was a repeat: the answer is that of the first one. */
  duplicate: z.boolean().optional(),
  created_at: time,
  accepted_at: time.optional(),
  settled_at: time.optional(),
  history: z.array(deliveryEvent),
})
export type Delivery = z.infer<typeof delivery>

export const nackKind = z.enum(['retry', 'declined', 'needs_clarification', 'fatal'])
export type NackKind = z.infer<typeof nackKind>
