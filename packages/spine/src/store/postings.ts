/**
 * The statements of the term index: which passages have a term. A memory enters it in the commit that stores it and
 * leaves it in the commit that changes, replaces or deletes it. Leaving is marked on the memory first, which locks its
 * row: whatever another node is doing to it is then either seen whole or waits.
 */

import { namedStatement, setStatement } from './values.ts'

/** What a posting says at most: more would not change what is found. */
export const MAX_TIMES = 63
export const MAX_LENGTH = 1_023

/** Marks the memories that are about to be stored again. With `key`, only its owner stores, so only it marks. */
export const leaveToReturn = setStatement({
  columns: { id: 'text', key: 'text', owner: 'text' },
  parameters: { ns: 'text' },
  body: `with $input update memories set indexed = -1 from input where memories.ns = $ns and memories.id = i_id
    and indexed > 0 and (i_key is null or exists (select 1 from idempotency
      where idempotency.ns = $ns and idempotency.key = i_key and idempotency.owner = i_owner))`,
})

/** Marks a memory that is about to change, if it still has the version that the change was made from. */
export const leaveToChange = namedStatement({
  parameters: { ns: 'text', id: 'text', version: 'int' },
  body: `update memories set indexed = -1 where ns = $ns and id = $id and version = $version and indexed > 0`,
})

/** Marks those of these that were deleted or replaced. */
export const leaveForGood = setStatement({
  columns: { id: 'text' },
  parameters: { ns: 'text' },
  body: `with $input update memories set indexed = -1 from input where memories.ns = $ns and memories.id = i_id
    and indexed > 0 and (deleted_at is not null or superseded_by is not null)`,
})

/** Marks what has expired, and answers whose it was. */
export const leaveExpired = namedStatement({
  parameters: { now: 'int', limit: 'int' },
  body: `with pick as materialized (select ns, id from memories where expires_at <= $now and indexed > 0
      and expires_at is not null order by expires_at limit $limit $skip_locked)
    update memories set indexed = -1 from pick where memories.ns = pick.ns and memories.id = pick.id
      and memories.indexed > 0 returning memories.ns`,
})

const leaving = (column: string) => `(select ${column} from memories where memories.ns = $ns and memories.indexed < 0)`

/** What was marked no longer counts. */
export const subtractTotals = namedStatement({
  parameters: { ns: 'text' },
  body: `update index_totals set memories = memories - ${leaving('count(*)')},
      passages = passages - ${leaving('coalesce(sum(memories.passages), 0)')},
      terms = terms - ${leaving('coalesce(sum(memories.terms), 0)')}
    where ns = $ns and exists ${leaving('1')}`,
})

/** What was marked is no longer found. */
export const removePostings = namedStatement({
  parameters: { ns: 'text' },
  body: `delete from postings where ns = $ns and seq in ${leaving('seq')}`,
})

/** Ends the marks that no new text has ended. */
export const endLeaving = namedStatement({
  parameters: { ns: 'text' },
  body: `update memories set indexed = 0 where ns = $ns and indexed < 0`,
})

/** The terms of memories that this batch stored or, with `digest`, changed to that content. */
export const addPostings = setStatement({
  columns: { term: 'int', seq: 'int', passage: 'int', times: 'int', length: 'int' },
  parameters: { ns: 'text', digest: 'text' },
  body: `with $input insert into postings(ns, term, seq, passage, times, length)
    select $ns, i_term, i_seq, i_passage, i_times, i_length from input where i_term is not null
      and exists (select 1 from memories where memories.ns = $ns and memories.seq = i_seq and memories.indexed > 0
        and ($digest is null or memories.digest = $digest))
    on conflict (ns, term, seq, passage) do nothing`,
})

export const openTotals = namedStatement({
  parameters: { ns: 'text' },
  body: `insert into index_totals(ns, memories, passages, terms) values ($ns, 0, 0, 0) on conflict (ns) do nothing`,
})

/** Counts what was stored under the numbers `first` to `last`, or changed to the content of `digest`. */
export const addTotals = namedStatement({
  parameters: { ns: 'text', first: 'int', last: 'int', digest: 'text' },
  body: `update index_totals set
      memories = memories + (select count(*) from memories as stored where ${stored()}),
      passages = passages + (select coalesce(sum(stored.passages), 0) from memories as stored where ${stored()}),
      terms = terms + (select coalesce(sum(stored.terms), 0) from memories as stored where ${stored()})
    where ns = $ns`,
})

function stored(): string {
  return `stored.ns = $ns and stored.seq between $first and $last and stored.indexed > 0
    and ($digest is null or stored.digest = $digest)`
}

/** Who has written in a namespace. */
export const noteAuthors = setStatement({
  columns: { name: 'text' },
  parameters: { ns: 'text' },
  body: `with $input insert into authors(ns, name) select $ns, i_name from input where i_name is not null
    on conflict (ns, name) do nothing`,
})

export const authorsOf = namedStatement({
  parameters: { ns: 'text', limit: 'int' },
  body: `select name from authors where ns = $ns order by name limit $limit`,
})

export const totalsOf = namedStatement({
  parameters: { ns: 'text' },
  body: `select memories, passages, terms from index_totals where ns = $ns`,
})

/**
 * For each term the newest passages that have it, newest first as a rule, each as one whole number: its unit, times 64
 * how often the term stands there, times 1,024 its length. One text of them: a row for each would cost five times as
 * much on the way here.
 */
export const postingsOf = setStatement({
  columns: { place: 'int', term: 'int' },
  parameters: { ns: 'text', limit: 'int' },
  body: `with $input select i_place as place, (select string_agg(cast(
      ((seq * 1024 + passage) * ${MAX_TIMES + 1} + times) * ${MAX_LENGTH + 1} + length as text), ' ')
      from (select seq, passage, times, length from postings where ns = $ns and term = i_term
      order by seq desc, passage desc limit $limit) as newest) as found
    from input where i_term is not null`,
})
