/**
 * The statements of alerts. A unique index lets one open alert of each key stand, so that of several nodes that see
 * the same thing one raises it; triggers write the events.
 */

import { namedStatement, setStatement } from './values.ts'

const columns = `alerts.ns, alerts.id, alerts.key, alerts.rule, alerts.tier, alerts.target, alerts.state, alerts.data,
  alerts.raised_at, alerts.resolved_at, alerts.acknowledged_by, alerts.acknowledged_at, alerts.note, alerts.told,
  alerts.tell_at, alerts.tell_attempts`
const silence = `(select until from silences where silences.ns = alerts.ns and silences.key = alerts.key) as silenced_until`

/** With `tell`, the webhook is to hear of it, unless it is silenced. */
export const raiseAlerts = setStatement({
  columns: { ns: 'text', id: 'text', key: 'text', rule: 'text', tier: 'text', target: 'text', data: 'text' },
  parameters: { now: 'int', tell: 'int' },
  body: `with $input insert into alerts(ns, id, key, rule, tier, target, state, data, raised_at, told, tell_at, tell_attempts)
    select i_ns, i_id, i_key, i_rule, i_tier, i_target, 'open', i_data, $now, 0,
      case when $tell = 1 and not exists (select 1 from silences where silences.ns = i_ns and silences.key = i_key
        and until > $now) then $now end, 0
    from input where i_ns is not null on conflict (ns, key) where state = 'open' do nothing returning ${columns}`,
})

export const resolveAlerts = setStatement({
  columns: { ns: 'text', key: 'text' },
  parameters: { now: 'int' },
  body: `with $input update alerts set state = 'resolved', resolved_at = $now,
      tell_at = case when tell_at is not null then tell_at when told = 1 and not exists (select 1 from silences
        where silences.ns = i_ns and silences.key = i_key and until > $now) then $now end
    from input where alerts.ns = i_ns and alerts.key = i_key and alerts.state = 'open' returning ${columns}`,
})

export const openAlerts = namedStatement({
  parameters: { ns: 'text' },
  body: `select ${columns}, ${silence} from alerts where ns = $ns and state = 'open' order by id desc limit 1000`,
})

export const listAlerts = namedStatement({
  parameters: { ns: 'text', state: 'text', tier: 'text', target: 'text', before: 'text', limit: 'int' },
  body: `select ${columns}, ${silence} from alerts where ns = $ns and ($before is null or id < $before)
    and ($state is null or state = $state) and ($tier is null or tier = $tier) and ($target is null or target = $target)
    order by id desc limit $limit`,
})

export const alertById = namedStatement({
  parameters: { ns: 'text', id: 'text' },
  body: `select ${columns}, ${silence} from alerts where ns = $ns and id = $id`,
})

/** The first one stands. */
export const acknowledgeAlert = namedStatement({
  parameters: { ns: 'text', id: 'text', by: 'text', note: 'text', now: 'int' },
  body: `update alerts set acknowledged_by = $by, acknowledged_at = $now, note = $note
    where ns = $ns and id = $id and acknowledged_at is null`,
})

export const silenceKey = namedStatement({
  parameters: { ns: 'text', id: 'text', until: 'int', by: 'text' },
  body: `insert into silences(ns, key, until, silenced_by) select ns, key, $until, $by from alerts where ns = $ns and id = $id
    on conflict (ns, key) do update set until = excluded.until, silenced_by = excluded.silenced_by`,
})

/** Alerts that the webhook is to hear of; who takes one has it for `hold_ms`. */
export const takeTellings = namedStatement({
  parameters: { now: 'int', hold_ms: 'int', limit: 'int' },
  body: `with pick as materialized (select ns, id from alerts where tell_at <= $now order by tell_at limit $limit $skip_locked)
    update alerts set tell_at = $now + $hold_ms, tell_attempts = tell_attempts + 1
    from pick where alerts.ns = pick.ns and alerts.id = pick.id and alerts.tell_at <= $now
    returning ${columns}`,
})

/** It heard `told`; what has been resolved meanwhile comes next. */
export const noteTold = namedStatement({
  parameters: { ns: 'text', id: 'text', told: 'int', now: 'int' },
  body: `update alerts set told = $told, tell_attempts = 0,
      tell_at = case when $told = 1 and state = 'resolved' then $now end where ns = $ns and id = $id`,
})

/** When to try again; null gives up. */
export const tellLater = namedStatement({
  parameters: { ns: 'text', id: 'text', at: 'int' },
  body: `update alerts set tell_at = $at where ns = $ns and id = $id`,
})

/** Alerts that were resolved long ago, and silences that are over. */
export const dropAlerts = namedStatement({
  parameters: { before: 'int' },
  body: `delete from alerts where state = 'resolved' and resolved_at < $before`,
})
export const dropSilences = namedStatement({
  parameters: { now: 'int' },
  body: `delete from silences where until <= $now`,
})
