/**
 * The statements by which nothing grows for ever: in small batches, each alone in its write, safe on every node at once.
 * `$ns` narrows them to one namespace.
 */

import { note, row } from './delivery-row.ts'
import { namedStatement, setStatement } from './values.ts'

const batch = { ns: 'text', before: 'int', limit: 'int' } as const
const here = `($ns is null or ns = $ns)`

const aged = {
  deliveries: `${here} and settled_at <= $before`,
  idempotency: `${here} and created_at <= $before`,
  events: `${here} and at <= $before`,
  parked: `${here} and state = 'parked' and updated_at <= $before`,
}

const counted = (table: string, where: string) =>
  namedStatement({
    parameters: { ns: 'text', before: 'int' },
    body: `select count(*) as n from ${table} where ${where}`,
  })

const dropped = (table: 'deliveries' | 'idempotency' | 'events', key: string, age: string) =>
  namedStatement({
    parameters: batch,
    body: `with pick as materialized (select ns, ${key} from ${table} where ${aged[table]}
        order by ${age} limit $limit $skip_locked)
      delete from ${table} where (ns, ${key}) in (select ns, ${key} from pick) returning ${key}`,
  })

export const countSettled = counted('all_deliveries', aged.deliveries)
export const countKeys = counted('idempotency', aged.idempotency)
export const countEvents = counted('events', aged.events)
export const countParked = counted('deliveries', aged.parked)

export const dropSettled = dropped('deliveries', 'id', 'settled_at')
export const dropKeys = dropped('idempotency', 'key', 'created_at')
export const dropEvents = dropped('events', 'seq', 'at')

/** Gives up what rested in the dead-letter box for so long. */
export const discardParked = namedStatement({
  parameters: { ...batch, reason: 'text', reason_json: 'text', now: 'int' },
  body: `with pick as materialized (select ns, id from deliveries where ${aged.parked}
      order by updated_at limit $limit $skip_locked)
    update deliveries set state = 'discarded', last = 'discard', reason = $reason, settled_at = $now,
      history = ${note(`'discard'`, 'epoch', '$reason_json')}, updated_at = $now
    from pick where deliveries.ns = pick.ns and deliveries.id = pick.id and deliveries.state = 'parked'
    returning ${row}`,
})

/** A chain is over when nothing of it is younger, none of its deliveries is `kept`, and no task stands on it. */
const isOver = (
  kept = 'true',
) => `not exists (select 1 from envelopes as kin where kin.ns = envelopes.ns and kin.root_id = envelopes.root_id
  and (kin.stored_at > $before
    or exists (select 1 from all_deliveries as kept where kept.ns = kin.ns and kept.envelope_id = kin.id
      and ${kept})
    or exists (select 1 from tasks where tasks.ns = kin.ns and tasks.id = kin.task_id and tasks.last_envelope_id = kin.id)))`

/**
 * The next page of old envelopes behind a place; `over` says of each whether it may go. What was settled until `gone`
 * counts as gone, for a pass that only counts: one that drops has dropped it.
 */
export const agedEnvelopes = namedStatement({
  parameters: { ...batch, gone: 'int', after: 'int', after_ns: 'text', after_id: 'text' },
  body: `select ns, id, stored_at, case when ${isOver('(kept.settled_at is null or kept.settled_at > $gone)')} then 1 else 0 end as over from envelopes
    where ${here} and stored_at <= $before and (stored_at, ns, id) > ($after, $after_ns, $after_id)
    order by stored_at, ns, id limit $limit`,
})

export const dropEnvelopes = setStatement({
  columns: { ns: 'text', id: 'text' },
  parameters: { before: 'int' },
  body: `with $input delete from envelopes where (ns, id) in (select i_ns, i_id from input)
    and stored_at <= $before and ${isOver()} returning ns, id`,
})

/** The other forms of envelopes that were dropped by the same batch. */
export const dropForms = setStatement({
  columns: { ns: 'text', id: 'text' },
  body: `with $input delete from envelope_forms where (ns, id) in (select i_ns, i_id from input)
    and not exists (select 1 from envelopes where envelopes.ns = envelope_forms.ns and envelopes.id = envelope_forms.id)`,
})
