/** The operations on deliveries. */

import { z } from 'zod'
import { delivery, deliveryDefaults, deliveryState, lease_ms, nackKind } from '../delivery.ts'
import { envelope } from '../envelope.ts'
import { handoffInput } from '../handoff.ts'
import { id, json, name, priority, text, time } from '../scalars.ts'
import { after, idempotency_key, limit, operation, page, wholeDocument } from './operation.ts'

const lease = { id, lease_token: z.string().min(1).max(128) }
const leaseErrors = ['DELIVERY_NOT_FOUND', 'FORBIDDEN', 'LEASE_LOST', 'WRONG_STATE'] as const

const nackShape = {
  kind: nackKind.default('retry'),
  reason: text.min(1).max(2_000),
  delay_ms: z.int().min(0).max(86_400_000).optional(),
}

export const settleItem = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('accept'), ...lease, lease_ms: lease_ms.optional() }),
  z.strictObject({ action: z.literal('heartbeat'), ...lease, lease_ms: lease_ms.optional() }),
  z.strictObject({ action: z.literal('complete'), ...lease, output: json.optional() }),
  z.strictObject({ action: z.literal('release'), ...lease }),
  z.strictObject({ action: z.literal('nack'), ...lease, ...nackShape }),
])

const sendShape = {
  envelope_id: id.optional(),
  envelope: wholeDocument.optional(),
  target: name.optional(),
  priority: priority.default('normal'),
  deadline: time.optional(),
  idempotency_key,
}

/** One answer for each item of a call: what refuses one refuses no other. */
const resultPerItem = () =>
  z.looseObject({
    results: z.array(
      z.looseObject({
        delivery: delivery.optional(),
        error: z.looseObject({ code: z.string(), detail: z.string() }).optional(),
      }),
    ),
  })

export const receivedDelivery = z.looseObject({
  ...delivery.shape,
  /** Which try this is: attempts so far + 1. */
  attempt: z.int().positive(),
  lease_token: z.string(),
  lease_until: time,
  envelope,
})
export type ReceivedDelivery = z.infer<typeof receivedDelivery>

export const deliveries = Object.freeze({
  send: operation({
    method: 'POST',
    path: '/v1/deliveries',
    summary: 'Deliver a sealed envelope, given by id or whole; wait for nothing, for accepted, or for completed.',
    input: z.strictObject({
      ...sendShape,
      wait: z.enum(['none', 'accepted', 'completed']).default('none'),
      timeout_ms: z.int().min(0).max(600_000).default(deliveryDefaults.ack_timeout_ms),
    }),
    output: delivery,
    errors: [
      'ENVELOPE_NOT_FOUND',
      'UNSUPPORTED_VERSION',
      'DIGEST_MISMATCH',
      'ENVELOPE_CONFLICT',
      'ACK_TIMEOUT',
      'CIRCUIT_OPEN',
      'FORBIDDEN',
      'IDEMPOTENCY_CONFLICT',
    ],
    status: 201,
    idempotent: true,
    repeatable: true,
    waits: true,
    guarded: true,
  }),
  send_many: operation({
    method: 'POST',
    path: '/v1/deliveries/batch',
    summary: 'Deliver many sealed envelopes, each to one receiver and without waiting; each is answered for itself.',
    input: z.strictObject({ items: z.array(z.strictObject(sendShape)).min(1).max(deliveryDefaults.max_batch) }),
    output: resultPerItem(),
    errors: [],
    repeatable: true,
    guarded: true,
  }),
  receive: operation({
    method: 'POST',
    path: '/v1/agents/:agent/receive',
    summary: 'Take deliveries off the inbox of an agent, waiting for one if it is empty. Each is leased to the caller.',
    input: z.strictObject({
      agent: name,
      max: z.int().min(1).max(deliveryDefaults.max_batch).default(1),
      wait_ms: z.int().min(0).max(deliveryDefaults.max_wait_ms).default(deliveryDefaults.wait_ms),
      lease_ms: lease_ms.default(deliveryDefaults.lease_ms),
    }),
    output: z.looseObject({ deliveries: z.array(receivedDelivery), retry_after_ms: z.int().optional() }),
    errors: ['FORBIDDEN'],
    waits: true,
  }),
  accept: operation({
    method: 'POST',
    path: '/v1/deliveries/:id/accept',
    summary: 'Take responsibility: the sender stops waiting, the lease goes on.',
    input: z.strictObject({ ...lease, lease_ms: lease_ms.optional() }),
    output: delivery,
    errors: leaseErrors,
    repeatable: true,
  }),
  complete: operation({
    method: 'POST',
    path: '/v1/deliveries/:id/complete',
    summary: 'The work is done; `output` goes to whoever asks for the delivery.',
    input: z.strictObject({ ...lease, output: json.optional() }),
    output: delivery,
    errors: leaseErrors,
    repeatable: true,
    guarded: true,
  }),
  nack: operation({
    method: 'POST',
    path: '/v1/deliveries/:id/nack',
    summary:
      'Hand it back: retry later, declined (its fallback gets it), needs_clarification (it waits for an answer), fatal.',
    input: z.strictObject({ ...lease, ...nackShape }),
    output: delivery,
    errors: leaseErrors,
    repeatable: true,
    guarded: true,
  }),
  release: operation({
    method: 'POST',
    path: '/v1/deliveries/:id/release',
    summary: 'Give an unread delivery back; the claim is not counted.',
    input: z.strictObject(lease),
    output: delivery,
    errors: leaseErrors,
    repeatable: true,
  }),
  heartbeat: operation({
    method: 'POST',
    path: '/v1/deliveries/:id/heartbeat',
    summary: 'Keep the lease while working.',
    input: z.strictObject({ ...lease, lease_ms: lease_ms.optional() }),
    output: delivery,
    errors: leaseErrors,
    repeatable: true,
  }),
  settle: operation({
    method: 'POST',
    path: '/v1/deliveries/settle',
    summary: 'Accept, complete, nack, release or heartbeat many deliveries in one commit; each is answered for itself.',
    input: z.strictObject({ items: z.array(settleItem).min(1).max(deliveryDefaults.max_batch) }),
    output: resultPerItem(),
    errors: [],
    repeatable: true,
    guarded: true,
  }),
  forward: operation({
    method: 'POST',
    path: '/v1/deliveries/:id/forward',
    summary: 'Complete this delivery and hand on, to one agent or to a channel, in one commit.',
    input: z.strictObject({
      ...lease,
      output: json.optional(),
      /** Other deliveries that this one ends as well, where branches join. */
      also: z.array(z.strictObject(lease)).max(15).default([]),
      /** The next handoff. `previous` is what is completed here; without `target_agent` the profile's `next_agent`. */
      handoff: handoffInput.omit({ previous: true, target_agent: true }).extend({ target_agent: name.optional() }),
      channel: name.optional(),
      receivers: z.array(name).min(1).max(1_000).optional(),
      priority: priority.default('normal'),
    }),
    output: z.looseObject({ delivery, envelope, deliveries: z.array(delivery) }),
    errors: [
      ...leaseErrors,
      'HOP_LIMIT',
      'CYCLE',
      'BUDGET_TOO_SMALL',
      'CONSTRAINT_CHANGED',
      'WAIVER_REFUSED',
      'CONSTRAINT_CONFLICT',
      'INTENT_CHANGED',
      'INCOMPLETE',
    ],
    repeatable: true,
    guarded: true,
  }),
  reroute: operation({
    method: 'POST',
    path: '/v1/deliveries/:id/reroute',
    summary:
      'Give up on a receiver that does not come: close the delivery and send the envelope to its fallback agent.',
    input: z.strictObject({ id, reason: text.min(1).max(2_000).default('the sender gave up waiting') }),
    output: z.looseObject({ delivery, next: delivery }),
    errors: ['DELIVERY_NOT_FOUND', 'WRONG_STATE', 'NO_FALLBACK'],
    repeatable: true,
    guarded: true,
  }),
  cancel: operation({
    method: 'POST',
    path: '/v1/deliveries/:id/cancel',
    summary: 'Take a delivery back that nobody has accepted yet.',
    input: z.strictObject({ id, reason: text.min(1).max(2_000).default('cancelled by the sender') }),
    output: delivery,
    errors: ['DELIVERY_NOT_FOUND', 'WRONG_STATE', 'ALREADY_ACCEPTED'],
    repeatable: true,
    guarded: true,
  }),
  get: operation({
    method: 'GET',
    path: '/v1/deliveries/:id',
    summary: 'Read a delivery with its history.',
    input: z.strictObject({ id }),
    output: delivery,
    errors: ['DELIVERY_NOT_FOUND'],
  }),
  list: operation({
    method: 'GET',
    path: '/v1/deliveries',
    summary: 'List deliveries, newest first.',
    input: z.strictObject({
      target: name.optional(),
      state: deliveryState.optional(),
      envelope_id: id.optional(),
      limit: limit.default(100),
      after,
    }),
    output: page('deliveries', delivery),
    errors: [],
  }),
})
