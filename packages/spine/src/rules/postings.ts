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
  units: Float64Array
  times: Float64Array
  lengths: Float64Array
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

/** Where a unit stands in a list of them, or -1. */
export function placeOf(units: Float64Array, unit: number): number {
  const place = placeFrom(units, unit, 0)
  return units[place] === unit ? place : -1
}

/** The first place from `from` on, in longer and longer steps, that is not below a unit. What is before `from` is. */
export function placeFrom(units: Float64Array, unit: number, from: number): number {
  let low = from
  let step = 1
  while (low + step <= units.length && (units[low + step - 1] ?? 0) < unit) {
    low += step
    step *= 2
  }
  let high = Math.min(units.length, low + step - 1)
  while (low < high) {
    const middle = (low + high) >> 1
    if ((units[middle] ?? 0) < unit) low = middle + 1
    else high = middle
  }
  return low
}

export const K1 = 1.2
export const B = 0.75

/** How much a term tells: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). */
export const rarity = (passages: number, frequency: number): number =>
  Math.log(1 + (Math.max(passages, frequency) - frequency + 0.5) / (frequency + 0.5))

export const averageLength = ({ terms, passages }: Index): number => Math.max(1, terms / Math.max(1, passages))

const none = new Float64Array(0)
export const noPostings: Postings = Object.freeze({ units: none, times: none, lengths: none, frequency: 0 })

/** The numbers of the memories with the best BM25, each counted by its best passage for every term. */
export function bestMemories({ terms }: Query, index: Index, limit: number): number[] {
  const average = averageLength(index)
  const last = index.postings.reduce((most, { units }) => Math.max(most, units.at(-1) ?? 0), 0)
  const scores = new Float64Array(seqOf(last) + 1)
  const found: number[] = []
  for (const [place, { weight }] of terms.entries()) {
    const { units, times, lengths, frequency } = index.postings[place] ?? noPostings
    const worth = weight * rarity(index.passages, frequency) * (K1 + 1)
    for (let at = 0; at < units.length; ) {
      const seq = seqOf(units[at] ?? 0)
      const next = unitOf(seq + 1, 0)
      let best = 0
      for (; at < units.length && (units[at] ?? 0) < next; at += 1) {
        const count = times[at] ?? 0
        const score = (worth * count) / (count + K1 * (1 - B + (B * (lengths[at] ?? 0)) / average))
        if (score > best) best = score
      }
      const before = scores[seq] ?? 0
      if (before === 0 && best > 0) found.push(seq)
      scores[seq] = before + best
    }
  }
  const value = (seq: number) => scores[seq] ?? 0
  const least = nthLargest(scores, found, limit)
  return found
    .filter((seq) => value(seq) >= least)
    .sort((left, right) => value(right) - value(left) || right - left)
    .slice(0, limit)
}

/** The score of the n-th best (Hoare's quickselect): what is far from it is not sorted. */
function nthLargest(scores: Float64Array, found: readonly number[], n: number): number {
  if (found.length <= n) return 0
  const values = new Float64Array(found.length)
  for (let at = 0; at < values.length; at += 1) values[at] = scores[found[at] ?? 0] ?? 0
  const wanted = n - 1
  let [low, high] = [0, values.length - 1]
  while (low < high) {
    const pivot = values[(low + high) >> 1] ?? 0
    let [left, right] = [low, high]
    while (left <= right) {
      while ((values[left] ?? 0) > pivot) left += 1
      while ((values[right] ?? 0) < pivot) right -= 1
      if (left > right) break
      const held = values[left] ?? 0
      values[left] = values[right] ?? 0
      values[right] = held
      left += 1
      right -= 1
    }
    if (wanted <= right) high = right
    else if (wanted >= left) low = left
    else break
  }
  return values[wanted] ?? 0
}
