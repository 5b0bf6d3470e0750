/**
 * The statements that move a delivery. Each carries its own guard, so that none needs to look first: a row that does
 * not match is not moved, and service/settling.ts tells why. The picture of what may happen when is the table in
 * protocol/delivery.ts. Every statement that waits for a row is given its inputs sorted by id, one per row.
 */

import { backoff_caps_ms, deliveryDefaults } from '../protocol/delivery.ts'
import { ARCHIVE_AFTER_MS } from './archive.ts'
import { columns, note, row } from './delivery-row.ts'
import { namedStatement, setStatement } from './values.ts'

/**
 * Makes deliveries, born leased where a receiver is waiting (`token` given). One per envelope and receiver: a second
 * send finds the first, if need be in the archive, where no envelope has anything that is younger than the way there.
 * Guarded by the idempotency key, by the envelope being the one that was meant, and, where it
 * continues another delivery (`after`), by that one having named it as its `successor`.
 */
export const sendDeliveries = setStatement({
  columns: {
    ns: 'text',
    id: 'text',
    envelope_id: 'text',
    digest: 'text',
    source_agent: 'text',
    target: 'text',
    task_id: 'text',
    state: 'text',
    priority: 'int',
    token: 'text',
    lease_ms: 'int',
    deadline: 'int',
    reason: 'text',
    channel: 'text',
    rerouted_from: 'text',
    direct: 'int',
    history: 'text',
    key: 'text',
    owner: 'text',
    after: 'text',
    successor: 'text',
  },
  parameters: { now: 'int', max_claims: 'int', max_attempts: 'int' },
  body: `with $input insert into deliveries(${columns})
    select i_ns, i_id, i_envelope_id, i_source_agent, i_target, i_task_id, i_state, i_priority,
      case when i_token is null then 0 else 1 end, 0, $max_claims, $max_attempts,
      case when i_token is null then 0 else 1 end, 0, i_token, 'send', $now, i_deadline,
      case when i_token is not null then $now + i_lease_ms end, i_lease_ms, 0, i_reason, null,
      null, i_channel, null, i_rerouted_from, 0,
      coalesce((select extra_hops from deliveries as gave_up where gave_up.ns = i_ns and gave_up.id = i_rerouted_from), 0),
      (select cycle from deliveries as gave_up where gave_up.ns = i_ns and gave_up.id = i_rerouted_from), i_direct, 0, i_history, $now, null, case when i_state = 'expired' then $now end, $now
    from input where i_id is not null and (i_key is null or exists (select 1 from idempotency
        where idempotency.ns = i_ns and idempotency.key = i_key and idempotency.owner = i_owner))
      and (i_after is null or exists (select 1 from deliveries as before
        where before.ns = i_ns and before.id = i_after and before.successor = i_successor))
      and exists (select 1 from envelopes where envelopes.ns = i_ns and envelopes.id = i_envelope_id
        and envelopes.digest = i_digest
        and (envelopes.stored_at > $now - ${ARCHIVE_AFTER_MS} or not exists (select 1 from archived_deliveries as done
          where done.ns = i_ns and done.envelope_id = i_envelope_id and done.target = i_target)))
    on conflict (ns, envelope_id, target) do update set channel = coalesce(deliveries.channel, excluded.channel),
        direct = case when excluded.direct = 1 then 1 else deliveries.direct end
      where (deliveries.channel is null and excluded.channel is not null)
        or (excluded.direct = 1 and deliveries.direct = 0)`,
})

/** What stands there after a send, with the digest of the envelope that holds the id, and the checksum of its bytes. */
export const sentDeliveries = setStatement({
  columns: { ns: 'text', envelope_id: 'text', target: 'text' },
  body: `with $input select ${row},
      (select digest from envelopes where envelopes.ns = i_ns and envelopes.id = i_envelope_id) as digest,
      (select checksum from envelopes where envelopes.ns = i_ns and envelopes.id = i_envelope_id) as checksum
    from input join deliveries on ns = i_ns and envelope_id = i_envelope_id and target = i_target`,
})

/** Leases the most urgent deliveries of one agent; the k-th gets the k-th token. With `probe`, only for its holder. */
export const claimDeliveries = setStatement({
  columns: { k: 'int', token: 'text' },
  parameters: { ns: 'text', target: 'text', now: 'int', lease_ms: 'int', limit: 'int', probe: 'text' },
  body: `with $input,
    pick as materialized (select id, priority from deliveries
      where ns = $ns and target = $target and state = 'ready' and ready_at <= $now and deadline > $now
        and ($probe is null or exists (select 1 from breakers where breakers.ns = $ns and breakers.target = $target
          and breakers.probe_id = $probe))
      order by priority desc, id limit $limit $skip_locked),
    ranked as (select id, row_number() over (order by priority desc, id) as k from pick)
    update deliveries set state = 'leased', epoch = epoch + 1, claims = claims + 1, token = i_token, last = 'claim', late = 0,
      lease_until = $now + $lease_ms, lease_ms = $lease_ms, history = ${note(`'claim'`, '(epoch + 1)')}, updated_at = $now
    from ranked join input on i_k = ranked.k
    where deliveries.ns = $ns and deliveries.id = ranked.id and deliveries.state = 'ready'
    returning ${row}`,
})

/** What a claim with these tokens took, if its answer was lost. */
export const claimedDeliveries = setStatement({
  columns: { token: 'text' },
  parameters: { ns: 'text', target: 'text' },
  body: `with $input select ${row} from deliveries join input on token = i_token
    where ns = $ns and target = $target and lease_until is not null`,
})

const attempt_uncounted = `accepted_epoch < epoch and i_action not in ('heartbeat', 'release')`
const spent = `(claims >= max_claims or attempts + (case when ${attempt_uncounted} then 1 else 0 end) >= max_attempts)`
const extended = `case when $now + coalesce(i_lease_ms, lease_ms) <= deadline then $now + coalesce(i_lease_ms, lease_ms)
  when lease_until > deadline then lease_until else deadline end`

/** Full jitter: `chance`, in millionths, of a cap that grows with the attempts. */
const backoff = `i_chance * (case attempts + (case when ${attempt_uncounted} then 1 else 0 end) ${backoff_caps_ms
  .map((cap, attempts) => `when ${attempts} then ${cap}`)
  .join(' ')} else ${deliveryDefaults.backoff_cap_ms} end) / 1000000`

/**
 * What the holder of a lease can say, fenced by its token: accept, heartbeat, complete, release, nack_retry; and
 * nack_fatal, nack_declined, nack_clarify, refused, which all park it.
 */
export const settleDeliveries = setStatement({
  columns: {
    ns: 'text',
    id: 'text',
    token: 'text',
    agent: 'text',
    action: 'text',
    lease_ms: 'int',
    delay_ms: 'int',
    chance: 'int',
    reason: 'text',
    reason_json: 'text',
    output: 'text',
  },
  parameters: { now: 'int' },
  body: `with $input update deliveries set
    state = case i_action when 'accept' then 'accepted' when 'complete' then 'completed' when 'heartbeat' then state
      when 'release' then 'ready' when 'nack_retry' then case when ${spent} then 'parked' else 'ready' end
      else 'parked' end,
    attempts = attempts + case when ${attempt_uncounted} then 1 else 0 end,
    claims = claims - case when i_action = 'release' then 1 else 0 end,
    accepted_epoch = case when ${attempt_uncounted} then epoch else accepted_epoch end,
    accepted_at = case when i_action in ('accept', 'complete') then coalesce(accepted_at, $now) else accepted_at end,
    late = case when i_action in ('accept', 'complete') and (state in ('ready', 'parked') or deadline < $now or lease_until <= $now) then 1 else late end,
    lease_until = case when i_action in ('accept', 'heartbeat') then ${extended} end,
    lease_ms = coalesce(i_lease_ms, lease_ms),
    ready_at = case when i_action = 'nack_retry' then $now + coalesce(i_delay_ms, ${backoff}) else ready_at end,
    last = case when i_action = 'heartbeat' then last else i_action end,
    reason = case when i_action in ('complete', 'accept') then null else coalesce(i_reason, reason) end,
    output = coalesce(i_output, output),
    question = case when i_action = 'nack_clarify' then i_reason else question end,
    history = case when i_action = 'heartbeat' then history else ${note('i_action', 'epoch', 'i_reason_json')} end,
    settled_at = case when i_action = 'complete' then $now end,
    updated_at = $now
  from input
  where deliveries.ns = i_ns and deliveries.id = i_id and deliveries.token = i_token
    and (i_agent is null or deliveries.target = i_agent) and (
    (state = 'leased') or (state = 'accepted' and i_action not in ('accept', 'release'))
    or (last = 'lease_end' and state = 'ready' and i_action in ('accept', 'complete'))
    or (last = 'lease_end' and state = 'parked' and i_action = 'complete'))
  returning ${row}`,
})

export const deliveriesById = setStatement({
  columns: { ns: 'text', id: 'text' },
  body: `with $input select ${row} from deliveries join input on ns = i_ns and id = i_id`,
})

/** A wait of the sender ran out; the delivery stays where it is. */
export const noteTimeout = namedStatement({
  parameters: { ns: 'text', id: 'text', now: 'int' },
  body: `update deliveries set timeouts = timeouts + 1, updated_at = $now,
      history = ${note(`'ack_timeout'`, 'epoch')}
    where ns = $ns and id = $id and state in ('ready', 'leased')`,
})

/** What an agent holds at this moment, in one task if it is given. */
export const heldDeliveries = namedStatement({
  parameters: { ns: 'text', target: 'text', task_id: 'text' },
  body: `select ${row} from deliveries where ns = $ns and target = $target and lease_until is not null
    and ($task_id is null or task_id = $task_id) order by id limit 20`,
})

/** All that one envelope has had, by an index of its own. */
export const deliveriesOfEnvelope = namedStatement({
  parameters: { ns: 'text', target: 'text', state: 'text', envelope_id: 'text', before: 'text', limit: 'int' },
  body: `select ${row} from all_deliveries as deliveries where ns = $ns and envelope_id = $envelope_id
    and ($before is null or id < $before) and ($target is null or target = $target) and ($state is null or state = $state)
    order by id desc limit $limit`,
})

export const listDeliveries = namedStatement({
  parameters: { ns: 'text', target: 'text', state: 'text', before: 'text', limit: 'int' },
  body: `select ${row} from all_deliveries as deliveries where ns = $ns and ($before is null or id < $before)
    and ($target is null or target = $target) and ($state is null or state = $state)
    order by id desc limit $limit`,
})
