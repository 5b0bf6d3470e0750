/**
 * The statements of breakers, one row per target that failed. `failures` counts exhausted handoffs in a row; `claimed`
 * says whether any of them ever reached the target; `probe_id` is the one delivery that is handed out while half-open.
 */

import { ahead } from './sweeps.ts'
import { namedStatement } from './values.ts'

const columns = `ns, target, state, failures, claimed, open_until, cooldown_ms, probe_id, updated_at`

/** Those that changed last, should there be more than a node can hold. */
export const listBreakers = namedStatement({
  body: `select ${columns} from breakers order by updated_at desc limit 10000`,
})

export const breakersOf = namedStatement({
  parameters: { ns: 'text' },
  body: `select ${columns} from breakers where ns = $ns`,
})

/** One more handoff to the target is exhausted. */
export const countFailure = namedStatement({
  parameters: { ns: 'text', target: 'text', claimed: 'int', limit: 'int', cooldown_ms: 'int', now: 'int' },
  body: `insert into breakers(${columns}) values ($ns, $target, 'closed', 1, $claimed, null, $cooldown_ms, null, $now)
    on conflict (ns, target) do update set failures = breakers.failures + 1,
      claimed = case when excluded.claimed = 1 then 1 else breakers.claimed end,
      open_until = case when breakers.state = 'closed' and breakers.failures + 1 >= $limit
        then $now + breakers.cooldown_ms else breakers.open_until end,
      state = case when breakers.state = 'closed' and breakers.failures + 1 >= $limit then 'open' else breakers.state end,
      updated_at = $now
    returning ${columns}`,
})

/** The probe failed: open again, for twice as long. */
export const reopen = namedStatement({
  parameters: { ns: 'text', target: 'text', probe_id: 'text', cap_ms: 'int', now: 'int' },
  body: `update breakers set state = 'open', probe_id = null, claimed = 1, failures = failures + 1,
      cooldown_ms = case when cooldown_ms * 2 > $cap_ms then $cap_ms else cooldown_ms * 2 end,
      open_until = $now + case when cooldown_ms * 2 > $cap_ms then $cap_ms else cooldown_ms * 2 end, updated_at = $now
    where ns = $ns and target = $target and state = 'half_open' and probe_id = $probe_id returning ${columns}`,
})

/** The probe was given back unread: the next receive may have one. */
export const returnProbe = namedStatement({
  parameters: { ns: 'text', target: 'text', probe_id: 'text', now: 'int' },
  body: `update breakers set state = 'open', probe_id = null, open_until = $now, updated_at = $now
    where ns = $ns and target = $target and state = 'half_open' and probe_id = $probe_id returning ${columns}`,
})

/** Something arrived, or a person says so (no delivery): an open breaker is closed only by its probe or by hand. */
export const closeBreaker = namedStatement({
  parameters: { ns: 'text', target: 'text', delivery_id: 'text', now: 'int' },
  body: `update breakers set state = 'closed', failures = 0, probe_id = null, updated_at = $now
    where ns = $ns and target = $target and ($delivery_id is null or state = 'closed' or probe_id = $delivery_id)`,
})

/** A target without failures needs no row. */
export const dropClosed = namedStatement({
  parameters: { ns: 'text', target: 'text' },
  body: `delete from breakers where ns = $ns and target = $target and state = 'closed' and failures = 0
    returning ${columns}`,
})

/** Takes the right to hand out the one probe, under the token that its lease will have. */
export const takeProbe = namedStatement({
  parameters: { ns: 'text', target: 'text', token: 'text', now: 'int' },
  body: `update breakers set state = 'half_open', probe_id = $token, updated_at = $now
    where ns = $ns and target = $target and state = 'open' and (open_until <= $now or claimed = 0)`,
})

/**
 * After the claim: the delivery that has the token is the probe; with nothing to claim, the next send is. Its sender may
 * wait, because somebody is there.
 */
export const nameProbe = namedStatement({
  parameters: { ns: 'text', target: 'text', token: 'text' },
  body: `update breakers set
      probe_id = (select id from deliveries where ns = $ns and target = $target and lease_until is not null and token = $token),
      state = case when (select id from deliveries where ns = $ns and target = $target and lease_until is not null
        and token = $token) is null then 'open' else 'half_open' end,
      open_until = case when open_until > updated_at then updated_at else open_until end
    where ns = $ns and target = $target and probe_id = $token returning ${columns}`,
})

/**
 * A probe that ended unheard, because it was cancelled or its node died: the next receive may have one. What ended in
 * the future, by a clock that was set back since, is not waited for.
 */
export const freeProbes = namedStatement({
  parameters: { now: 'int', unheard_ms: 'int' },
  body: `update breakers set state = 'open', probe_id = null, open_until = $now, updated_at = $now
    where state = 'half_open' and not exists (select 1 from deliveries where deliveries.ns = breakers.ns
      and deliveries.id = breakers.probe_id
      and (deliveries.lease_until is not null
        or deliveries.updated_at > $now - $unheard_ms and deliveries.updated_at <= ${ahead}))`,
})
