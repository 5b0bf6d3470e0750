/** The statements of the dead-letter box, and of what a sender can still do about a delivery. */

import { note, row } from './delivery-row.ts'
import { namedStatement, setStatement } from './values.ts'

/** The sender puts a delivery away; one that the receiver has accepted stays as it is. */
export const parkDelivery = namedStatement({
  parameters: { ns: 'text', envelope_id: 'text', target: 'text', reason: 'text', reason_json: 'text', now: 'int' },
  body: `update deliveries set state = 'parked', last = 'park', lease_until = null, reason = $reason,
      history = ${note(`'park'`, 'epoch', '$reason_json')}, updated_at = $now
    where ns = $ns and envelope_id = $envelope_id and target = $target and state in ('ready', 'leased')
    returning ${row}`,
})

/** The sender takes it back; one that the receiver has accepted stays as it is. */
export const cancelDelivery = namedStatement({
  parameters: { ns: 'text', id: 'text', reason: 'text', reason_json: 'text', now: 'int' },
  body: `update deliveries set state = 'cancelled', last = 'cancel', lease_until = null, reason = $reason,
      settled_at = $now, history = ${note(`'cancel'`, 'epoch', '$reason_json')}, updated_at = $now
    where ns = $ns and id = $id and state in ('ready', 'leased') returning ${row}`,
})

/** Back into the queue with fresh counts; the old lease is fenced out by the next claim. Not past its deadline. */
export const redriveDeliveries = setStatement({
  columns: { ns: 'text', id: 'text', deadline: 'int', extra_hops: 'int', cycle: 'text' },
  parameters: { now: 'int' },
  body: `with $input update deliveries set state = 'ready', last = 'redrive', generation = generation + 1, claims = 0,
      attempts = 0, ready_at = $now, deadline = coalesce(i_deadline, deadline), reason = null, question = null,
      extra_hops = case when extra_hops + coalesce(i_extra_hops, 0) > 64 then 64 else extra_hops + coalesce(i_extra_hops, 0) end, cycle = coalesce(i_cycle, cycle), accepted_at = null,
      token = null, history = ${note(`'redrive'`, 'epoch')}, updated_at = $now
    from input where deliveries.ns = i_ns and deliveries.id = i_id and state = 'parked'
      and coalesce(i_deadline, deadline) > $now
    returning ${row}`,
})

export const discardDeliveries = setStatement({
  columns: { ns: 'text', id: 'text' },
  parameters: { reason: 'text', reason_json: 'text', now: 'int' },
  body: `with $input update deliveries set state = 'discarded', last = 'discard', reason = $reason, settled_at = $now,
      history = ${note(`'discard'`, 'epoch', '$reason_json')}, updated_at = $now
    from input where deliveries.ns = i_ns and deliveries.id = i_id and state = 'parked' returning ${row}`,
})

/** The sender answered the question with a new handoff: what asked it is done. */
export const supersedeDeliveries = setStatement({
  columns: { ns: 'text', id: 'text', envelope_id: 'text' },
  parameters: { now: 'int' },
  body: `with $input update deliveries set state = 'cancelled', last = 'cancel', successor = i_envelope_id,
      reason = 'answered by ' || i_envelope_id, settled_at = $now, history = ${note(`'answered'`, 'epoch')},
      updated_at = $now
    from input where deliveries.ns = i_ns and deliveries.id = i_id and state = 'parked' and last = 'nack_clarify'
      and exists (select 1 from envelopes where envelopes.ns = i_ns and envelopes.id = i_envelope_id)
    returning ${row}`,
})
