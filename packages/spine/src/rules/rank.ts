/**
 * Which memories matter for a task. One score for every passage, the logarithm of its value per token, from the signals
 * of features.ts and the weights of weights.ts; a memory counts as its best passage does. Scores are rounded and ties go
 * to the newer memory, so that the same store gives the same order on every database.
 */

import type { Priority } from '../protocol/scalars.ts'
import { explanationOf } from './explain.ts'
import { type Candidate, type Features, featuresOf, type Unit, unitsOf } from './features.ts'
import type { Index } from './postings.ts'
import type { Query } from './query.ts'
import type { Span } from './sentences.ts'
import { type Signal, weights } from './weights.ts'

export type RankCandidate = Candidate & {
  priority: Priority
  /** Of the task at hand. */
  at_hand: boolean
}

/** A passage by its place in the content, with its tokens and its score. */
export type RankedPassage = Span & { tokens: number; score: number }

export type Ranked<C extends RankCandidate> = {
  memory: C
  score: number
  /** In the order of the text; together they are the whole content. */
  passages: readonly RankedPassage[]
  /** Whether the query has anything to do with it: words, neighbours, or dates. */
  matches: boolean
  /** The strongest signals, in words. */
  explain(): string[]
}

const matching = ['around', 'session', 'named', 'day', 'month'] as const
/** A match so far away that it hardly counts is none. */
const LEAST_MATCH = 0.01

const signals = Object.keys(weights) as Signal[]

/** Best first. `now` in milliseconds. The same candidates in any order give the same answer. */
export function rank<C extends RankCandidate>(
  query: Query,
  index: Index,
  candidates: readonly C[],
  now: number,
): Ranked<C>[] {
  const units = unitsOf(candidates)
  const features = { ...featuresOf(units, query, index), ...saidOf(units, now) }
  const scores = scoresOf(features, units.length)
  const ranked: Ranked<C>[] = []
  for (let from = 0; from < units.length; ) {
    const memory = units[from]?.memory
    if (!memory) break
    const first = from
    const passages = memory.passages.map(({ start, end, tokens }, at) => {
      return { start, end, tokens, score: scores[first + at] ?? 0 }
    })
    let top = from
    for (let at = from; at < from + passages.length; at += 1) if ((scores[at] ?? 0) > (scores[top] ?? 0)) top = at
    const best = top
    const matches = matching.some((signal) => (features[signal]?.[best] ?? 0) > LEAST_MATCH)
    const explain = () => explanationOf(best, features, query, index, memory)
    ranked.push({ memory, score: scores[best] ?? 0, passages, matches, explain })
    from += passages.length
  }
  return ranked.sort((left, right) => right.score - left.score || right.memory.seq - left.memory.seq)
}

function scoresOf(features: Features, size: number): Float64Array {
  const scores = new Float64Array(size)
  for (const signal of signals) {
    const column = features[signal]
    const weight = weights[signal]
    if (column) for (let at = 0; at < size; at += 1) scores[at] = (scores[at] ?? 0) + weight * (column[at] ?? 0)
  }
  for (let at = 0; at < size; at += 1) scores[at] = Math.round((scores[at] ?? 0) * 1e6) / 1e6
  return scores
}

const priorityValue: Record<Priority, number> = { low: -1, normal: 0, high: 1, critical: 1 }
const FRESH_MS = 86_400_000
const RECENT_TOKENS = 1_000
const OLD = 30

/** What the sender said of it, and whether it was only just said: of the task at hand or lately, and near the end of its session. */
function saidOf(units: readonly Unit<RankCandidate>[], now: number): Features {
  const priority = new Float64Array(units.length)
  const recent = new Float64Array(units.length)
  // A session stands together.
  for (let from = 0; from < units.length; ) {
    const session = units[from]?.memory.session
    let to = from
    let end = 0
    for (; to < units.length && units[to]?.memory.session === session; to += 1) {
      const memory = units[to]?.memory
      if (memory) end = Math.max(end, memory.place + memory.tokens)
    }
    for (let at = from; at < to; at += 1) {
      const memory = units[at]?.memory
      if (!memory) continue
      priority[at] = priorityValue[memory.priority]
      const age = memory.at_hand ? 0 : Math.max(0, now - memory.created_at) / FRESH_MS
      // Long ago is never just now: nearly all memories are spared the exponential.
      if (age < OLD) recent[at] = Math.exp(-age - (end - memory.place - memory.tokens) / RECENT_TOKENS)
    }
    from = to
  }
  return { priority, recent }
}
