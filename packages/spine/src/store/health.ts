/**
 * The statements that turn events into rollups. Each look at the events takes the same `limit` events behind the same
 * place, which never change once they are settled, and answers them grouped: what is counted is counted by the
 * database. Rollups and the place are written together, by the one node whose step it was.
 */

import { namedStatement, setStatement } from './values.ts'

const place = { tx: 'int', seq: 'int', limit: 'int' } as const
const some = (columns: string) =>
  `(select ${columns} from events where $events_after and $events_settled order by $events_order limit $limit) as event`

/** Where the fold of this name is. */
export const foldPlace = namedStatement({
  parameters: { name: 'text' },
  body: `select tx, seq, at from folds where name = $name`,
})

export const openFold = namedStatement({
  parameters: { name: 'text' },
  body: `insert into folds(name, tx, seq, at, holder) values ($name, 0, 0, 0, '') on conflict (name) do nothing`,
})

/** One step; of several nodes that try the same one, one moves it, and what the others write beside it is void. */
export const moveFold = namedStatement({
  parameters: { name: 'text', tx: 'int', seq: 'int', to_tx: 'int', to_seq: 'int', at: 'int', holder: 'text' },
  body: `update folds set tx = $to_tx, seq = $to_seq, at = $at, holder = $holder
    where name = $name and tx = $tx and seq = $seq returning name`,
})

/** The last of the next events, and how many there are up to it. */
export const nextEvents = namedStatement({
  parameters: place,
  body: `select tx, seq, at, row_number() over (order by $events_order) as n from ${some('tx, seq, at')}
    order by n desc limit 1`,
})

/** Moves of deliveries and breakers, alike ones together. slot_ms: the shortest span that is told apart. */
export const movesIn = namedStatement({
  parameters: { ...place, slot_ms: 'int' },
  body: `select ns, target, at / $slot_ms as slot, type, state, direct, latency_ms, count(*) as n, max(seq) as last_seq
    from ${some('seq, ns, target, at, type, state, direct, latency_ms')}
    where type like 'delivery.%' or type like 'breaker.%'
    group by 1, 2, 3, 4, 5, 6, 7`,
})

/** Envelopes that were sealed, alike ones together; of imported ones only the hop is taken at its word. */
export const sealsIn = namedStatement({
  parameters: { ...place, slot_ms: 'int' },
  body: `select event.ns, event.target, event.at / $slot_ms as slot, verified, hop,
      token_count * 100 / max_tokens as percent, case when budget_by in ('call', 'constraint') then 1 else 0 end as by_hand,
      count(*) as n, sum(completeness) as completeness, sum(gaps) as gaps,
      sum(case when gaps > 0 then 1 else 0 end) as incomplete, sum(trimmed) as trimmed
    from ${some('ns, target, at, type, envelope_id')}
    join envelopes on envelopes.ns = event.ns and envelopes.id = event.envelope_id
    where type in ('handoff.create', 'handoff.import')
    group by 1, 2, 3, 4, 5, 6, 7`,
})

/** New roots by agents that had asked for work before: most likely they forgot to say what they continue. */
export const forgottenIn = namedStatement({
  parameters: { ...place, slot_ms: 'int' },
  body: `select event.ns, event.source_agent as target, event.at / $slot_ms as slot, count(*) as n
    from ${some('ns, source_agent, at, type, envelope_id')}
    join envelopes on envelopes.ns = event.ns and envelopes.id = event.envelope_id
    join agents on agents.ns = event.ns and agents.name = event.source_agent
    where type = 'handoff.create' and linked = 'root' and last_seen_at <= event.at
    group by 1, 2, 3`,
})

/** What a receiver fetched though it had been cut, by kind of memory. */
export const regretsIn = namedStatement({
  parameters: { ...place, slot_ms: 'int' },
  body: `select ns, target, at / $slot_ms as slot, data, count(*) as n from ${some('ns, target, at, type, data')}
    where type = 'memory.regretted' group by 1, 2, 3, 4`,
})

/** Attempts that failed, one by one and in order. */
export const failuresIn = namedStatement({
  parameters: place,
  body: `select ns, target, seq, at, delivery_id, envelope_id, reason
    from ${some('ns, target, seq, at, type, delivery_id, envelope_id, reason')}
    where type in ('delivery.lease_end', 'delivery.nack_retry', 'delivery.ack_timeout') order by seq`,
})

export const rollupsAt = setStatement({
  columns: { ns: 'text', step_ms: 'int', target: 'text', start: 'int' },
  body: `with $input select ns, step_ms, target, start, data, streak from health_rollups
    join input on ns = i_ns and step_ms = i_step_ms and target = i_target and start = i_start`,
})

export const storeRollups = setStatement({
  columns: {
    ns: 'text',
    step_ms: 'int',
    target: 'text',
    start: 'int',
    handoffs: 'int',
    failed: 'int',
    data: 'text',
    streak: 'text',
  },
  parameters: { name: 'text', holder: 'text', now: 'int' },
  body: `with $input insert into health_rollups(ns, step_ms, target, start, handoffs, failed, data, streak, updated_at)
    select i_ns, i_step_ms, i_target, i_start, i_handoffs, i_failed, i_data, i_streak, $now from input
    where i_ns is not null and exists (select 1 from folds where name = $name and holder = $holder)
    on conflict (ns, step_ms, target, start) do update set handoffs = excluded.handoffs, failed = excluded.failed,
      data = excluded.data, streak = excluded.streak, updated_at = excluded.updated_at`,
})

/** Steps that no report looks back to any more. */
export const dropRollups = namedStatement({
  parameters: { step_ms: 'int', before: 'int' },
  body: `delete from health_rollups where step_ms = $step_ms and start < $before`,
})

/** The steps of a window for these targets; '' stands for all of them. */
export const windowRollups = setStatement({
  columns: { target: 'text' },
  parameters: { ns: 'text', step_ms: 'int', from: 'int' },
  body: `with $input select target, start, data from health_rollups join input on target = i_target
    where ns = $ns and step_ms = $step_ms and start >= $from`,
})

/** The targets of a window, failing ones first, then the busiest; and how many there are. */
export const windowTargets = namedStatement({
  parameters: { ns: 'text', step_ms: 'int', from: 'int', limit: 'int' },
  body: `select target, sum(failed) as failed, sum(handoffs) as handoffs, count(*) over () as targets
    from health_rollups where ns = $ns and step_ms = $step_ms and start >= $from and target <> ''
    group by target order by 2 desc, 3 desc, target limit $limit`,
})

/** Targets whose last attempts failed. */
export const streaks = namedStatement({
  parameters: { ns: 'text', since: 'int' },
  body: `select target, streak from health_rollups where ns = $ns and step_ms = 0 and start = 0 and streak is not null
    and updated_at >= $since`,
})

/** Namespaces in which something happened since, or an alert is open. */
export const livelyNamespaces = namedStatement({
  parameters: { since: 'int' },
  body: `select ns from health_rollups where step_ms = 0 and target = '' and updated_at >= $since
    union select ns from alerts where state = 'open'`,
})

/** What waits before each of these targets, what each holds, and since when the oldest one has waited. */
export const queuesOf = setStatement({
  columns: { target: 'text' },
  parameters: { ns: 'text' },
  body: `with $input select i_target as target,
      (select count(*) from deliveries where ns = $ns and target = i_target and state = 'ready') as ready,
      (select count(*) from deliveries where ns = $ns and target = i_target and lease_until is not null) as held,
      (select min(ready_at) from deliveries where ns = $ns and id in (
        ${[0, 1, 2, 3].map(oldestOf).join(' union all ')})) as oldest
    from input where i_target is not null`,
})

/** The first in line of one priority: the index knows it. */
function oldestOf(priority: number): string {
  return `select * from (select id from deliveries where ns = $ns and target = i_target and state = 'ready'
    and priority = ${priority} order by id limit 1) as first_${priority}`
}

/** Everybody who was registered or sent to, and when they last asked for work. */
export const knownTargets = namedStatement({
  parameters: { ns: 'text', limit: 'int' },
  body: `select name, profile, push_stopped, last_seen_at from agents where ns = $ns order by name limit $limit`,
})

/** What rests in the dead-letter box, by target and by what put it there. */
export const parkedByCause = namedStatement({
  parameters: { ns: 'text' },
  body: `select target, last, direct, count(*) as n, max(id) as newest from deliveries
    where ns = $ns and state = 'parked' group by target, last, direct`,
})

export const thresholdsOf = namedStatement({
  parameters: { ns: 'text' },
  body: `select data from health_thresholds where ns = $ns`,
})

export const setThresholds = namedStatement({
  parameters: { ns: 'text', data: 'text' },
  body: `insert into health_thresholds(ns, data) values ($ns, $data) on conflict (ns) do update set data = excluded.data`,
})

/** The newest envelopes with gaps; their bytes say which memories were missing. */
export const incompleteEnvelopes = namedStatement({
  parameters: { ns: 'text', target: 'text', limit: 'int' },
  body: `select id from envelopes where ns = $ns and gaps > 0 and verified = 1
    and ($target is null or target_agent = $target) order by id desc limit $limit`,
})
