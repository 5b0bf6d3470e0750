/** The statements of the event stream. Most events are written by triggers; these read them. */

import { namedStatement, setStatement } from './values.ts'

const columns = `events.seq, events.tx, events.ns, events.at, events.type, events.state, events.source_agent, events.target,
  events.envelope_id, events.delivery_id, events.task_id, events.attempts, events.claims, events.direct,
  events.started_at, events.reason, events.data, envelopes.root_id, envelopes.hop, envelopes.summary,
  envelopes.token_count, envelopes.max_tokens, envelopes.budget_by, envelopes.completeness, envelopes.gaps,
  envelopes.trimmed, envelopes.linked`

const joined = `from events left join envelopes on envelopes.ns = events.ns and envelopes.id = events.envelope_id`

/** The events of one namespace behind a place, in order. */
export const eventsAfter = namedStatement({
  parameters: { ns: 'text', tx: 'int', seq: 'int', limit: 'int' },
  body: `select ${columns} ${joined} where events.ns = $ns and $events_after and $events_settled
    order by $events_order limit $limit`,
})

/** Where the stream ends at this moment. */
export const lastEvent = namedStatement({
  parameters: { ns: 'text' },
  body: `select tx, seq from events where ns = $ns and $events_settled order by $events_newest limit 1`,
})

/** Events that no row of the ledger tells by moving. What may happen only once (a regret) is stored once. */
export const storeEvents = setStatement({
  columns: {
    ns: 'text',
    type: 'text',
    source_agent: 'text',
    target: 'text',
    envelope_id: 'text',
    delivery_id: 'text',
    task_id: 'text',
    reason: 'text',
    data: 'text',
  },
  parameters: { now: 'int' },
  body: `with $input insert into events(tx, ns, at, type, source_agent, target, envelope_id, delivery_id, task_id, reason, data)
    select $events_tx, i_ns, $now, i_type, i_source_agent, i_target, i_envelope_id, i_delivery_id, i_task_id, i_reason, i_data
    from input where i_ns is not null
    on conflict do nothing`,
})

/**
 * The newest event whose transaction has not happened in this database yet, though it can be read: it was dumped from
 * another PostgreSQL. PostgreSQL only, as the two after it.
 */
export const lastFromElsewhere = namedStatement({
  body: `select max(seq) as seq from (
      select max(seq) as seq from events where tx >= cast(cast(pg_snapshot_xmax(pg_current_snapshot()) as text) as bigint)
      union all
      select max(seq) from folds where tx >= cast(cast(pg_snapshot_xmax(pg_current_snapshot()) as text) as bigint)) as ahead
    having max(seq) is not null`,
})

/** Who reads such events has read them up to a number: from now on all of them are older than any transaction here. */
export const moveFoldsHere = namedStatement({
  parameters: { last: 'int' },
  body: `update folds set tx = 0, seq = greatest(folds.seq,
      (select max(seq) from events where (events.tx, events.seq) <= (folds.tx, folds.seq) and seq <= $last))
    where tx > 0 and folds.seq <= $last`,
})

export const moveEventsHere = namedStatement({
  parameters: { last: 'int', limit: 'int' },
  body: `with pick as materialized (select tx, seq from events where tx > 0 and seq <= $last
      order by tx, seq limit $limit $skip_locked)
    update events set tx = 0 from pick where events.tx = pick.tx and events.seq = pick.seq returning events.seq`,
})
