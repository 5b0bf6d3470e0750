/** A memory on its way into the term index: its passages and their terms, and the statements that let it in or out. */

import type { Memory } from '../protocol/memory.ts'
import { outlineOf, passagesOf } from '../rules/passages.ts'
import { hashOf, termsOf } from '../rules/terms.ts'
import type { Dialect, Statement } from '../store/database.ts'
import * as sql from '../store/postings.ts'
import type { Service } from './context.ts'

type Text = Pick<Memory, 'content' | 'title' | 'tags' | 'tokens'>
type Posting = { term: number; passage: number; times: number; length: number }

/** What the index takes from one memory. */
export type Indexed = {
  /** What stands in its row. */
  row: { outline: string; passages: number; terms: number }
  postings: readonly Posting[]
}

/** Terms of one memory; of a longer one the rest is not found. */
const MAX_POSTINGS = 10_000
/** Passages between which others get their turn. */
const PASSAGES_A_TURN = 50

/** Title and tags count as part of the first passage. */
export async function indexText({ content, title, tags, tokens }: Text): Promise<Indexed> {
  const passages = passagesOf(content, tokens)
  const postings: Posting[] = []
  let terms = 0
  for (const [passage, { start, end }] of passages.entries()) {
    if (passage > 0 && passage % PASSAGES_A_TURN === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    const text = content.slice(start, end)
    const found = termsOf(passage === 0 ? [title, ...tags, text].filter(Boolean).join('\n') : text)
    terms += found.length
    for (const [term, times] of counted(found)) {
      if (postings.length >= MAX_POSTINGS) break
      const [seen, length] = [Math.min(times, sql.MAX_TIMES), Math.min(found.length, sql.MAX_LENGTH)]
      postings.push({ term: hashOf(term), passage, times: seen, length })
    }
  }
  return { row: { outline: outlineOf(passages), passages: passages.length, terms }, postings }
}

function counted(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return counts
}

/** Behind the statements that mark what leaves. */
export const leave = (dialect: Dialect, ns: string): Statement[] => [
  sql.subtractTotals(dialect, { ns }),
  sql.removePostings(dialect, { ns }),
  sql.endLeaving(dialect, { ns }),
]

export type Entering = { seq: number; author: string; postings: readonly Posting[] }

/** Behind the statements that store or, with `digest`, change these memories. */
export function enter(dialect: Dialect, ns: string, memories: readonly Entering[], digest: string | null): Statement[] {
  const numbers = memories.map(({ seq }) => seq)
  const rows = memories.flatMap(({ seq, postings }) => postings.map((posting) => ({ ...posting, seq })))
  const authors = [...new Set(memories.map(({ author }) => author))].sort()
  return [
    ...sql.addPostings(dialect, rows, { ns, digest }),
    sql.openTotals(dialect, { ns }),
    sql.addTotals(dialect, { ns, first: Math.min(...numbers), last: Math.max(...numbers), digest }),
    ...sql.noteAuthors(
      dialect,
      authors.map((name) => ({ name })),
      { ns },
    ),
  ]
}

/** Memories that one turn takes out when their time is over. */
const EXPIRED_A_TURN = 500

/** Takes what has expired out of the index, so that it no longer counts for what is rare. */
export async function expireMemories({ database, clock }: Service): Promise<void> {
  const { dialect } = database
  const [marked = []] = await database.write([sql.leaveExpired(dialect, { now: clock.now(), limit: EXPIRED_A_TURN })])
  const namespaces = [...new Set(marked.map((row) => String(row.ns)))].sort()
  if (namespaces.length > 0) await database.write(namespaces.flatMap((ns) => leave(dialect, ns)))
}
