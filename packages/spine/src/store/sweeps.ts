/** The statements of what happens by itself as time passes, in small batches, safe on every node at once. */

import type { Dialect, Statement } from './database.ts'
import { note, row } from './delivery-row.ts'
import { namedStatement, setStatement } from './values.ts'

/** Takes back leases that ended. The token stays, so that a late answer that nobody has overtaken still counts. */
export const endLeases = namedStatement({
  parameters: { now: 'int', limit: 'int', reason: 'text', reason_json: 'text' },
  body: `with pick as materialized (select ns, id from deliveries where lease_until <= $now
      order by lease_until limit $limit $skip_locked)
    update deliveries set
      state = case when attempts >= max_attempts or claims >= max_claims then 'parked'
        when deadline <= $now then 'expired' else 'ready' end,
      ready_at = $now, lease_until = null, last = 'lease_end', reason = $reason,
      history = ${note(`'lease_end'`, 'epoch', '$reason_json')},
      settled_at = case when not (attempts >= max_attempts or claims >= max_claims) and deadline <= $now then $now end,
      updated_at = $now
    from pick where deliveries.ns = pick.ns and deliveries.id = pick.id and deliveries.lease_until <= $now
    returning ${row}`,
})

/** Ends what nobody claimed before its deadline. */
export const expireDeliveries = namedStatement({
  parameters: { now: 'int', limit: 'int' },
  body: `with pick as materialized (select ns, id from deliveries where state = 'ready' and deadline <= $now
      order by deadline limit $limit $skip_locked)
    update deliveries set state = 'expired', last = 'deadline', reason = 'the deadline passed', settled_at = $now,
      history = ${note(`'deadline'`, 'epoch')}, updated_at = $now
    from pick where deliveries.ns = pick.ns and deliveries.id = pick.id and deliveries.state = 'ready'
      and deliveries.deadline <= $now
    returning ${row}`,
})

/** Which of these inboxes have something to claim: one look for all who wait. */
export const readyInboxes = setStatement({
  columns: { ns: 'text', target: 'text' },
  parameters: { now: 'int' },
  body: `with $input select i_ns as ns, i_target as target from input where i_ns is not null and exists (select 1
    from deliveries where ns = i_ns and target = i_target and state = 'ready' and ready_at <= $now and deadline > $now)`,
})

/**
 * For a start whose clock is behind the one that wrote the store: what that one has put into the future is given the
 * time it would have from now, so that nothing waits for the difference. Three statements, one for each kind of wait.
 * What lies less than a second ahead stays: nodes know the time of their database to some milliseconds only, and one
 * that starts must not cut the leases that the others have just given.
 */
export const ahead = '$now + 1000'
const dueLater = namedStatement({
  parameters: { now: 'int' },
  body: `update deliveries set ready_at = $now, updated_at = $now where state = 'ready' and updated_at > ${ahead}`,
})
const leasedLater = namedStatement({
  parameters: { now: 'int' },
  body: `update deliveries set updated_at = $now, ready_at = case when ready_at > $now then $now else ready_at end,
      lease_until = case when lease_until - lease_ms > ${ahead} then $now + lease_ms else lease_until end
    where lease_until is not null and (lease_until - lease_ms > ${ahead} or ready_at > ${ahead})`,
})
const openLater = namedStatement({
  parameters: { now: 'int' },
  body: `update breakers set open_until = $now + cooldown_ms, updated_at = $now
    where open_until - cooldown_ms > ${ahead}`,
})

export const returnFromFuture = (dialect: Dialect, named: { now: number }): Statement[] =>
  [dueLater, leasedLater, openLater].map((statement) => statement(dialect, named))
