/** What a store would hold of some texts, without one: the candidates and the index that a query is ranked over. */

import { countTokens as countAll } from 'gpt-tokenizer/encoding/o200k_base'
import { passagesOf } from '../rules/passages.ts'
import { type Index, unitOf } from '../rules/postings.ts'
import { type Query, queryOf } from '../rules/query.ts'
import { type RankCandidate, type Ranked, rank } from '../rules/rank.ts'
import { termsOf } from '../rules/terms.ts'

const countTokens = (text: string) => countAll(text, { disallowedSpecial: new Set() })

export type Said = { text: string } & Partial<RankCandidate>

/** In the order in which they were stored, oldest first, one session unless they say another. */
export function candidatesOf(said: readonly Said[]): (RankCandidate & { text: string })[] {
  const places = new Map<string, number>()
  return said.map((one, index) => {
    const tokens = countTokens(one.text)
    const session = one.session ?? ''
    const place = places.get(session) ?? 0
    places.set(session, place + tokens)
    const seq = index + 1
    const passages = passagesOf(one.text, tokens)
    return {
      id: `m${seq}`,
      seq,
      session,
      place,
      author: 'ann',
      created_at: 0,
      tokens,
      passages,
      priority: 'normal',
      task_id: null,
      ...one,
    }
  })
}

export function indexOf(candidates: readonly (RankCandidate & { text: string })[], { terms }: Query): Index {
  const passages = candidates
    .toSorted((left, right) => left.seq - right.seq)
    .flatMap(({ text, seq, passages: own }) =>
      own.map(({ start, end }, at) => ({ unit: unitOf(seq, at), terms: termsOf(text.slice(start, end)) })),
    )
  return {
    passages: passages.length,
    terms: passages.reduce((sum, passage) => sum + passage.terms.length, 0),
    postings: terms.map(({ term }) => {
      const having = passages.filter((passage) => passage.terms.includes(term))
      return {
        units: Float64Array.from(having, ({ unit }) => unit),
        times: Float64Array.from(having, (passage) => passage.terms.filter((one) => one === term).length),
        lengths: Float64Array.from(having, (passage) => passage.terms.length),
        frequency: having.length,
      }
    }),
  }
}

/** Ranks them for a question, long after they were said. */
export function rankTexts(question: string, said: readonly Said[], now = 1e13): Ranked<RankCandidate>[] {
  const candidates = candidatesOf(said)
  const query = queryOf(question, { authors: [...new Set(candidates.map(({ author }) => author))] })
  return rank(query, indexOf(candidates, query), candidates, { now })
}
