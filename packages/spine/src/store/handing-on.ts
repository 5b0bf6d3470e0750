/** The statements that end one delivery and name what follows it, so that the next insert can be guarded by it. */

import { note, row } from './delivery-row.ts'
import { namedStatement, setStatement } from './values.ts'

const holds = `deliveries.token = i_token and (state in ('leased', 'accepted') or (last = 'lease_end' and state in ('ready', 'parked')))`

/** Completes all of these deliveries and names the envelope that follows, or none of them: `count` is how many. */
export const forwardDeliveries = setStatement({
  columns: { ns: 'text', id: 'text', token: 'text', output: 'text' },
  parameters: { successor: 'text', count: 'int', now: 'int' },
  body: `with $input update deliveries set state = 'completed', last = 'forward', successor = $successor,
      attempts = attempts + case when accepted_epoch < epoch then 1 else 0 end, accepted_epoch = epoch,
      accepted_at = coalesce(accepted_at, $now), late = case when state in ('ready', 'parked') or deadline < $now
        or lease_until <= $now then 1 else late end,
      lease_until = null, reason = null, output = coalesce(i_output, output), settled_at = $now,
      history = ${note(`'forward'`, 'epoch')}, updated_at = $now
    from input where deliveries.ns = i_ns and deliveries.id = i_id and ${holds}
      and $count = (select count(*) from input as other join deliveries as held on held.ns = other.i_ns
        and held.id = other.i_id and held.token = other.i_token and (held.state in ('leased', 'accepted')
          or (held.last = 'lease_end' and held.state in ('ready', 'parked'))))
    returning ${row}`,
})

/** The fallback agent was not sent this envelope meanwhile by somebody else. */
const fallback_is_free = `not exists (select 1 from deliveries as had where had.ns = $ns
      and had.envelope_id = deliveries.envelope_id and had.target = $fallback)`

/**
 * PostgreSQL sees what others commit while a batch runs: the fallback may be sent the same after the look that found it
 * free. Then nothing is inserted, and what the other call sent is what takes over.
 */
export const nameSuccessor = namedStatement({
  parameters: { ns: 'text', id: 'text', successor: 'text', fallback: 'text' },
  body: `update deliveries set successor = coalesce((select took.id from deliveries as took where took.ns = $ns
      and took.envelope_id = deliveries.envelope_id and took.target = $fallback), successor)
    where ns = $ns and id = $id and successor = $successor`,
})

/** The receiver declined: the delivery is closed and names the one that takes over. */
export const declineDelivery = namedStatement({
  parameters: {
    ns: 'text',
    id: 'text',
    token: 'text',
    successor: 'text',
    fallback: 'text',
    reason: 'text',
    reason_json: 'text',
    now: 'int',
  },
  body: `update deliveries set state = 'rerouted', last = 'nack_declined', successor = $successor, lease_until = null,
      attempts = attempts + case when accepted_epoch < epoch then 1 else 0 end, accepted_epoch = epoch,
      reason = $reason, settled_at = $now, history = ${note(`'nack_declined'`, 'epoch', '$reason_json')}, updated_at = $now
    where ns = $ns and id = $id and token = $token and state in ('leased', 'accepted') and ${fallback_is_free}
    returning ${row}`,
})

/** The sender gave up waiting for this receiver. */
export const rerouteDelivery = namedStatement({
  parameters: {
    ns: 'text',
    id: 'text',
    successor: 'text',
    fallback: 'text',
    reason: 'text',
    reason_json: 'text',
    now: 'int',
  },
  body: `update deliveries set state = 'rerouted', last = 'reroute', successor = $successor, reason = $reason,
      settled_at = $now, history = ${note(`'reroute'`, 'epoch', '$reason_json')}, updated_at = $now
    where ns = $ns and id = $id and state = 'ready' and ${fallback_is_free} returning ${row}`,
})
