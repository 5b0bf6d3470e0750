/** The statements of sealed envelopes: written once as their exact bytes, never changed, never deleted by a call. */

import { namedStatement, setStatement } from './values.ts'

/** What a record of an envelope holds beside its bytes. */
const columns = `ns, id, digest, version, source_agent, target_agent, task_id, root_id, hop, summary, token_count,
  max_tokens, completeness, verified, size, trail, budget_by, gaps, trimmed, linked, created_at, stored_at`

/**
 * With `key`, only the owner of that idempotency key stores its envelope; with `after`, only when that delivery has
 * named it as its successor. A known id is left as it is.
 */
export const storeEnvelopes = setStatement({
  columns: {
    ns: 'text',
    id: 'text',
    digest: 'text',
    version: 'text',
    source_agent: 'text',
    target_agent: 'text',
    task_id: 'text',
    root_id: 'text',
    hop: 'int',
    summary: 'text',
    token_count: 'int',
    max_tokens: 'int',
    completeness: 'int',
    verified: 'int',
    size: 'int',
    trail: 'text',
    budget_by: 'text',
    gaps: 'int',
    trimmed: 'int',
    linked: 'text',
    created_at: 'int',
    stored_at: 'int',
    checksum: 'text',
    body: 'bytes',
    key: 'text',
    owner: 'text',
    after: 'text',
  },
  body: `with $input insert into envelopes(${columns}, checksum, body)
    select i_ns, i_id, i_digest, i_version, i_source_agent, i_target_agent, i_task_id, i_root_id, i_hop, i_summary,
      i_token_count, i_max_tokens, i_completeness, i_verified, i_size, i_trail, i_budget_by, i_gaps, i_trimmed, i_linked, i_created_at,
      i_stored_at, i_checksum, i_body
    from input where i_id is not null and (i_key is null or exists (select 1 from idempotency
      where idempotency.ns = i_ns and idempotency.key = i_key and idempotency.owner = i_owner))
      and (i_after is null or exists (select 1 from deliveries as before
        where before.ns = i_ns and before.id = i_after and before.successor = i_id))
    on conflict (ns, id) do nothing`,
})

export const envelopeBodies = setStatement({
  columns: { ns: 'text', id: 'text' },
  body: `with $input select ns, id, digest, checksum, body from envelopes join input on envelopes.ns = i_ns and envelopes.id = i_id`,
})

export const envelopeRecords = setStatement({
  columns: { ns: 'text', id: 'text' },
  body: `with $input select ${columns} from envelopes join input on envelopes.ns = i_ns and envelopes.id = i_id`,
})

export const listEnvelopes = namedStatement({
  parameters: {
    ns: 'text',
    task_id: 'text',
    root_id: 'text',
    source_agent: 'text',
    target_agent: 'text',
    before: 'text',
    limit: 'int',
  },
  body: `select ${columns} from envelopes where ns = $ns and ($before is null or id < $before)
    and ($task_id is null or task_id = $task_id) and ($root_id is null or root_id = $root_id)
    and ($source_agent is null or source_agent = $source_agent)
    and ($target_agent is null or target_agent = $target_agent)
    order by id desc limit $limit`,
})

/** Other forms of envelopes that are stored, or are by the same batch. */
export const storeForms = setStatement({
  columns: { ns: 'text', id: 'text', of: 'text', version: 'text', digest: 'text', checksum: 'text', body: 'bytes' },
  body: `with $input insert into envelope_forms(ns, id, version, digest, checksum, body)
    select i_ns, i_id, i_version, i_digest, i_checksum, i_body from input join envelopes
      on envelopes.ns = i_ns and envelopes.id = i_id and envelopes.digest = i_of
    where i_id is not null
    on conflict (ns, id, version) do nothing`,
})

export const envelopeForms = namedStatement({
  parameters: { ns: 'text', id: 'text' },
  body: `select id, version, digest, checksum, body from envelope_forms where ns = $ns and id = $id order by version desc`,
})
