/** The statements of agents: profiles that were set, names that were only seen, and the queue before each. */

import { namedStatement, setStatement } from './values.ts'

const columns = `ns, name, profile, push_stopped, last_seen_at, created_at`

/** A profile that is set again starts a push that was stopped. */
export const putAgent = namedStatement({
  parameters: { ns: 'text', name: 'text', profile: 'text', push_secrets: 'text', now: 'int' },
  body: `insert into agents(${columns}, push_secrets) values ($ns, $name, $profile, null, null, $now, $push_secrets)
    on conflict (ns, name) do update set profile = excluded.profile, push_secrets = excluded.push_secrets,
      push_stopped = null`,
})

/** Makes a name known. */
export const noteAgents = setStatement({
  columns: { ns: 'text', name: 'text' },
  parameters: { now: 'int' },
  body: `with $input insert into agents(${columns})
    select i_ns, i_name, null, null, null, $now from input where i_name is not null on conflict (ns, name) do nothing`,
})

export const seeAgent = namedStatement({
  parameters: { ns: 'text', name: 'text', now: 'int' },
  body: `insert into agents(${columns}) values ($ns, $name, null, null, $now, $now)
    on conflict (ns, name) do update set last_seen_at = excluded.last_seen_at`,
})

export const agentByName = namedStatement({
  parameters: { ns: 'text', name: 'text' },
  body: `select ${columns} from agents where ns = $ns and name = $name`,
})

export const listAgents = namedStatement({
  parameters: { ns: 'text', after: 'text', limit: 'int' },
  body: `select ${columns} from agents where ns = $ns and ($after is null or name > $after) order by name limit $limit`,
})

/** The one statement that reads secrets of one agent, to keep them. */
export const pushSecretsOf = namedStatement({
  parameters: { ns: 'text', name: 'text' },
  body: `select profile, push_secrets from agents where ns = $ns and name = $name and push_secrets is not null`,
})

/** Everybody who is pushed to, with what it is signed with. */
export const pushedAgents = namedStatement({
  body: `select ns, name, profile, push_secrets from agents where push_secrets is not null and push_stopped is null
    order by ns, name`,
})

/** Nothing is pushed any more, unless the profile was set again meanwhile. */
export const stopPush = namedStatement({
  parameters: { ns: 'text', name: 'text', profile: 'text', push_secrets: 'text', reason: 'text' },
  body: `update agents set push_stopped = $reason
    where ns = $ns and name = $name and profile = $profile and push_secrets = $push_secrets`,
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
