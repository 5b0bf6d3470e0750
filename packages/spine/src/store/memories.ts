/** The statements of memories: the current version of each, every version it had, and the order they came in. */

import { namedStatement, setStatement } from './values.ts'

const columns = `ns, id, seq, version, content, title, kind, tags, priority, pinned, task_id, author, trust, metadata,
  digest, tokens, supersedes, superseded_by, expires_at, deleted_at, created_at, updated_at`

const indexColumns = `session, place, outline, indexed, passages, terms`

const live = `deleted_at is null and (expires_at is null or expires_at > $now)`

/** A namespace counts its memories; the row must be there before it can be bumped. */
export const openCounter = namedStatement({
  parameters: { ns: 'text' },
  body: `insert into counters(ns, name, value) values ($ns, 'memory', 0) on conflict (ns, name) do nothing`,
})

/** Takes `count` numbers, all above `floor`: ids like ms-7 that callers chose themselves are never given out again. */
export const takeNumbers = namedStatement({
  parameters: { ns: 'text', count: 'int', floor: 'int' },
  body: `update counters set value = (case when value < $floor then $floor else value end) + $count
    where ns = $ns and name = 'memory' returning value`,
})

/**
 * Stores memories, or new versions of known ids. No id may stand twice. With `key`, only its owner stores. `before`:
 * tokens of its session in this call before it; `first_seq`: the first number of the call.
 */
export const storeMemories = setStatement({
  columns: {
    ns: 'text',
    id: 'text',
    seq: 'int',
    content: 'text',
    title: 'text',
    kind: 'text',
    tags: 'text',
    priority: 'int',
    pinned: 'int',
    task_id: 'text',
    author: 'text',
    trust: 'text',
    metadata: 'text',
    digest: 'text',
    tokens: 'int',
    supersedes: 'text',
    expires_at: 'int',
    created_at: 'int',
    session: 'text',
    before: 'int',
    outline: 'text',
    passages: 'int',
    terms: 'int',
    key: 'text',
    owner: 'text',
  },
  parameters: { now: 'int', first_seq: 'int', indexed: 'int' },
  body: `with $input insert into memories(${columns}, ${indexColumns})
    select i_ns, i_id, i_seq, 1, i_content, i_title, i_kind, i_tags, i_priority, i_pinned, i_task_id, i_author, i_trust,
      i_metadata, i_digest, i_tokens, i_supersedes, null, i_expires_at, null, i_created_at, $now,
      i_session, i_before + coalesce((select earlier.place + earlier.tokens from memories as earlier
        where earlier.ns = i_ns and earlier.session = i_session and earlier.seq < $first_seq
        order by earlier.seq desc limit 1), 0), i_outline, $indexed, i_passages, i_terms
    from input where i_id is not null and (i_key is null or exists (select 1 from idempotency
      where idempotency.ns = i_ns and idempotency.key = i_key and idempotency.owner = i_owner))
    on conflict (ns, id) do update set seq = excluded.seq, version = memories.version + 1, content = excluded.content,
      title = excluded.title, kind = excluded.kind, tags = excluded.tags, priority = excluded.priority,
      pinned = excluded.pinned, task_id = excluded.task_id, author = excluded.author, trust = excluded.trust,
      metadata = excluded.metadata, digest = excluded.digest, tokens = excluded.tokens,
      supersedes = excluded.supersedes, superseded_by = null, expires_at = excluded.expires_at, deleted_at = null,
      created_at = excluded.created_at, updated_at = excluded.updated_at, session = excluded.session,
      place = excluded.place, outline = excluded.outline, indexed = excluded.indexed, passages = excluded.passages,
      terms = excluded.terms
    returning ${columns}`,
})

const versionColumns = `ns, id, version, content, title, kind, tags, priority, author, trust, metadata, digest, tokens,
  updated_at`

/** Keeps the version that these memories now have. */
export const keepVersions = setStatement({
  columns: { id: 'text' },
  parameters: { ns: 'text' },
  body: `with $input insert into memory_versions(${versionColumns})
    select ${versionColumns} from memories join input on memories.id = i_id where memories.ns = $ns
    on conflict (ns, id, version) do nothing`,
})

/** Marks what newer memories replace. */
export const markSuperseded = setStatement({
  columns: { id: 'text', by: 'text' },
  parameters: { ns: 'text' },
  body: `with $input update memories set superseded_by = i_by from input where memories.ns = $ns and memories.id = i_id
    and memories.id <> i_by and exists (select 1 from memories as newer
      where newer.ns = $ns and newer.id = i_by and newer.supersedes = i_id)`,
})

/** Changes one memory if it still has the version that the change was made from. */
export const updateMemory = namedStatement({
  parameters: {
    ns: 'text',
    id: 'text',
    version: 'int',
    content: 'text',
    title: 'text',
    kind: 'text',
    tags: 'text',
    priority: 'int',
    metadata: 'text',
    digest: 'text',
    tokens: 'int',
    expires_at: 'int',
    outline: 'text',
    indexed: 'int',
    passages: 'int',
    terms: 'int',
    now: 'int',
  },
  body: `update memories set version = version + 1, content = $content, title = $title, kind = $kind, tags = $tags,
      priority = $priority, metadata = $metadata, digest = $digest, tokens = $tokens, expires_at = $expires_at,
      outline = $outline, indexed = case when superseded_by is null then $indexed else 0 end, passages = $passages,
      terms = $terms, updated_at = $now
    where ns = $ns and id = $id and version = $version and deleted_at is null returning ${columns}`,
})

export const setPinned = namedStatement({
  parameters: { ns: 'text', id: 'text', pinned: 'int', now: 'int' },
  body: `update memories set pinned = $pinned where ns = $ns and id = $id and ${live} returning ${columns}`,
})

/** The text goes, the number stays: a reference can then say that it was deleted. */
export const deleteMemory = namedStatement({
  parameters: { ns: 'text', id: 'text', now: 'int' },
  body: `update memories set content = '', title = null, metadata = '{}', tags = '[]', pinned = 0, deleted_at = $now,
      updated_at = $now
    where ns = $ns and id = $id and deleted_at is null returning id`,
})

export const deleteVersions = namedStatement({
  parameters: { ns: 'text', id: 'text' },
  body: `delete from memory_versions where ns = $ns and id = $id`,
})

/** By id, deleted and expired ones included: the caller says which kind of gap it is. */
export const memoriesById = setStatement({
  columns: { id: 'text' },
  parameters: { ns: 'text' },
  body: `with $input select ${columns} from memories join input on memories.id = i_id where memories.ns = $ns`,
})

/** What an envelope carries of memories, whatever their state. */
export const textsById = setStatement({
  columns: { id: 'text' },
  parameters: { ns: 'text' },
  body: `with $input select id, seq, version, content, title, kind, priority, pinned, author, trust, digest, tokens,
      superseded_by, deleted_at, created_at
    from input cross join memories where memories.ns = $ns and memories.id = i_id`,
})

export const versionsById = setStatement({
  columns: { id: 'text', version: 'int' },
  parameters: { ns: 'text' },
  body: `with $input select ${versionColumns} from memory_versions join input on memory_versions.id = i_id
    and memory_versions.version = i_version where memory_versions.ns = $ns`,
})

/** The newest version of each that was there at a time. */
export const versionsAt = setStatement({
  columns: { id: 'text' },
  parameters: { ns: 'text', at: 'int' },
  body: `with $input select ${versionColumns} from memory_versions join input on memory_versions.id = i_id
    where memory_versions.ns = $ns and memory_versions.version = (select max(earlier.version)
      from memory_versions as earlier where earlier.ns = $ns and earlier.id = i_id and earlier.updated_at <= $at)`,
})

/** The pins of a task, and those of no task at all. */
export const pinnedMemories = namedStatement({
  parameters: { ns: 'text', task_id: 'text', now: 'int' },
  body: `select ${columns} from memories where ns = $ns and pinned = 1 and (task_id is null or task_id = $task_id)
    and superseded_by is null and ${live} order by seq desc limit 1000`,
})

/** What is of high priority or more, of a task and of no task at all, newest first. */
export const urgentMemories = namedStatement({
  parameters: { ns: 'text', task_id: 'text', now: 'int', least: 'int', limit: 'int' },
  body: `select ${columns} from memories where ns = $ns and priority >= $least and priority >= 2
    and (task_id is null or task_id = $task_id) and superseded_by is null and ${live} order by seq desc limit $limit`,
})

/** The newest memories of a task, without their texts: whether one is known already is told by its version. */
export const newestVersionsOfTask = namedStatement({
  parameters: { ns: 'text', task_id: 'text', now: 'int', limit: 'int' },
  body: `select ns, id, version, digest, author, trust from memories where ns = $ns and task_id = $task_id
    and superseded_by is null and ${live} order by seq desc limit $limit`,
})

const candidateColumns = `memories.id, memories.seq, version, session, place, outline, author, created_at, tokens,
  priority, pinned, task_id`
const ranks = `indexed > 0 and superseded_by is null and ${live}`

/** Number and stamp of a memory. The stamp is another one when anything has changed that ranks it or is carried of it. */
const stamped = `cast(seq as text) || ':' || cast(version * 2 + pinned as text)`

/** The stamps of the newest memories, in one text. */
export const newestStamps = namedStatement({
  parameters: { ns: 'text', now: 'int', limit: 'int' },
  body: `select string_agg(stamped, ' ') as found from (select ${stamped} as stamped from memories
    where ns = $ns and ${ranks} order by seq desc limit $limit) as newest`,
})

export const newestStampsOfTask = namedStatement({
  parameters: { ns: 'text', task_id: 'text', now: 'int', limit: 'int' },
  body: `select string_agg(stamped, ' ') as found from (select ${stamped} as stamped from memories
    where ns = $ns and task_id = $task_id and ${ranks} order by seq desc limit $limit) as newest`,
})

/** The same of all memories whose numbers lie in one of the ranges. Cross join: the ranges lead, not the table. */
export const stampsBetween = setStatement({
  columns: { from: 'int', to: 'int' },
  parameters: { ns: 'text', now: 'int' },
  body: `with $input select string_agg(${stamped}, ' ') as found from input cross join memories
    where memories.ns = $ns and memories.seq between i_from and i_to and ${ranks}`,
})

/** What ranking needs of memories, without their text. */
export const candidatesByNumber = setStatement({
  columns: { seq: 'int' },
  parameters: { ns: 'text', now: 'int' },
  body: `with $input select ${candidateColumns} from input cross join memories
    where memories.ns = $ns and memories.seq = i_seq and ${ranks}`,
})

/** The same of those that are asked for or pinned, whatever their state. */
export const candidatesById = setStatement({
  columns: { id: 'text' },
  parameters: { ns: 'text' },
  body: `with $input select ${candidateColumns} from input cross join memories
    where memories.ns = $ns and memories.id = i_id`,
})

export const listMemories = namedStatement({
  parameters: { ns: 'text', task_id: 'text', kind: 'text', pinned: 'int', before: 'int', now: 'int', limit: 'int' },
  body: `select ${columns} from memories where ns = $ns and seq < $before and ($task_id is null or task_id = $task_id)
    and ($kind is null or kind = $kind) and ($pinned is null or pinned = $pinned) and ${live}
    order by seq desc limit $limit`,
})
