/**
 * What the index answers for a query: per term, the passages that have it. A passage is known by its unit: the number
 * of its memory and its place in it, as one whole number.
 */

import { MAX_PASSAGES } from './passages.ts'
import type { Query } from './query.ts'

/** Units of one memory are neighbours. */
const UNITS = 1_024
if (MAX_PASSAGES > UNITS) throw new TypeError('A memory would have more passages than it has units.')

export const unitOf = (seq: number, passage: number): number => seq * UNITS + passage
const seqOf = (unit: number): number => Math.floor(unit / UNITS)

/** The passages with one term, by unit ascending: how often it stands in them, and how many terms they have in all. */
export type Postings = {
  units: readonly number[]
  times: readonly number[]
  lengths: readonly number[]
  /** Passages that have it; more than are listed where the index gave only the newest. */
  frequency: number
}

export type Index = {
  /** Passages of the namespace, and their terms in all. */
  passages: number
  terms: number
  /** One per term of the query. */
  postings: readonly Postings[]
}

export const K1 = 1.2
export const B = 0.75

/** How much a term tells: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). */
export const rarity = (passages: number, frequency: number): number =>
  Math.log(1 + (Math.max(passages, frequency) - frequency + 0.5) / (frequency + 0.5))

export const averageLength = ({ terms, passages }: Index): number => Math.max(1, terms / Math.max(1, passages))

/** The numbers of the memories with the best BM25, each counted by its best passage for every term. */
export function bestMemories({ terms }: Query, index: Index, limit: number): number[] {
  const average = averageLength(index)
  const scores = new Map<number, number>()
  for (const [place, { weight }] of terms.entries()) {
    const { units, times, lengths, frequency } = index.postings[place] ?? nothing
    const worth = weight * rarity(index.passages, frequency) * (K1 + 1)
    let seq = -1
    let best = 0
    const settle = () => {
      if (best > 0) scores.set(seq, (scores.get(seq) ?? 0) + best)
    }
    for (let at = 0; at < units.length; at += 1) {
      const owner = seqOf(units[at] ?? 0)
      if (owner !== seq) {
        settle()
        seq = owner
        best = 0
      }
      const count = times[at] ?? 0
      const score = (worth * count) / (count + K1 * (1 - B + (B * (lengths[at] ?? 0)) / average))
      if (score > best) best = score
    }
    settle()
  }
  return [...scores]
    .sort((left, right) => right[1] - left[1] || right[0] - left[0])
    .slice(0, limit)
    .map(([seq]) => seq)
}

const nothing: Postings = { units: [], times: [], lengths: [], frequency: 0 }
