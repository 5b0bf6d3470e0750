/** The statements of agents: profiles that were set, names that were only seen, and the queue before each. */

import { namedStatement, setStatement } from './values.ts'

export const putAgent = namedStatement({
  parameters: { ns: 'text', name: 'text', profile: 'text', now: 'int' },
  body: `insert into agents(ns, name, profile, last_seen_at, created_at) values ($ns, $name, $profile, null, $now)
    on conflict (ns, name) do update set profile = excluded.profile`,
})

/** Makes a name known. */
export const noteAgents = setStatement({
  columns: { ns: 'text', name: 'text' },
  parameters: { now: 'int' },
  body: `with $input insert into agents(ns, name, profile, last_seen_at, created_at)
    select i_ns, i_name, null, null, $now from input where i_name is not null on conflict (ns, name) do nothing`,
})

export const seeAgent = namedStatement({
  parameters: { ns: 'text', name: 'text', now: 'int' },
  body: `insert into agents(ns, name, profile, last_seen_at, created_at) values ($ns, $name, null, $now, $now)
    on conflict (ns, name) do update set last_seen_at = excluded.last_seen_at`,
})

export const agentByName = namedStatement({
  parameters: { ns: 'text', name: 'text' },
  body: `select ns, name, profile, last_seen_at, created_at from agents where ns = $ns and name = $name`,
})

export const listAgents = namedStatement({
  parameters: { ns: 'text', after: 'text', limit: 'int' },
  body: `select ns, name, profile, last_seen_at, created_at from agents where ns = $ns and ($after is null or name > $after)
    order by name limit $limit`,
})

/** What waits for each of these agents, and what each holds. */
export const queueDepths = setStatement({
  columns: { name: 'text' },
  parameters: { ns: 'text' },
  body: `with $input select i_name as name,
      (select count(*) from deliveries where ns = $ns and target = i_name and state = 'ready') as ready,
      (select count(*) from deliveries where ns = $ns and target = i_name and lease_until is not null) as held
    from input where i_name is not null`,
})
