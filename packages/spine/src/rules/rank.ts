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
  task_id: string | null
}

/** A passage by its place in the content, with its tokens and its score. */
export type RankedPassage = Span & { tokens: number; score: number }

/** What nobody looks at of a thousand memories is not made: it is asked for. */
export type Ranked<C extends RankCandidate> = {
  memory: C
  score: number
  /** In the order of the text; together they are the whole content. */
  passages(): RankedPassage[]
  /** Whether the query has anything to do with it: words, neighbours, or dates. */
  matches: boolean
  /** The strongest signals, in words. */
  explain(): string[]
}

const matching = ['around', 'session', 'named', 'day', 'month'] as const
/** A match so far away that it hardly counts is none. */
const LEAST_MATCH = 0.01

const signals = Object.keys(weights) as Signal[]

/** When it is asked, in milliseconds, and the task at hand. */
export type Moment = { now: number; task_id?: string | undefined }

/** Best first. The same candidates in any order give the same answer. */
export function rank<C extends RankCandidate>(
  query: Query,
  index: Index,
  candidates: readonly C[],
  moment: Moment,
): Ranked<C>[] {
  const units = unitsOf(candidates)
  const features = { ...featuresOf(units, query, index), ...saidOf(units, moment) }
  const scores = scoresOf(features, units.length)
  const matches = matchesOf(features, units.length)
  const ranked: Ranked<C>[] = []
  for (let from = 0; from < units.length; ) {
    const memory = units[from]?.memory
    if (!memory) break
    const to = from + memory.passages.length
    let top = from
    for (let at = from; at < to; at += 1) if ((scores[at] ?? 0) > (scores[top] ?? 0)) top = at
    const [first, best] = [from, top]
    ranked.push({
      memory,
      score: scores[best] ?? 0,
      passages: () =>
        memory.passages.map(({ start, end, tokens }, at) => ({ start, end, tokens, score: scores[first + at] ?? 0 })),
      matches: matches[best] === 1,
      explain: () => explanationOf(best, features, query, index, memory),
    })
    from = to
  }
  return ranked.sort((left, right) => right.score - left.score || right.memory.seq - left.memory.seq)
}

function matchesOf(features: Features, size: number): Uint8Array {
  const found = new Uint8Array(size)
  for (const signal of matching) {
    const column = features[signal]
    if (column) for (let at = 0; at < size; at += 1) if ((column[at] ?? 0) > LEAST_MATCH) found[at] = 1
  }
  return found
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
/** Ages count in whole hours, as days: who asks again after a moment is answered alike. */
const HOUR_MS = 3_600_000
const HOURS = 24
const RECENT_TOKENS = 1_000
const OLD = 30

/**
 * What the sender said of it, and whether it was only just said: lately and near the end of its session, or, of the task
 * at hand, near its end whenever that was.
 */
function saidOf(units: readonly Unit<RankCandidate>[], { now, task_id }: Moment): Features {
  const column = () => new Float64Array(units.length)
  const [priority, recent, just_said] = [column(), column(), column()]
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
      const since = (end - memory.place - memory.tokens) / RECENT_TOKENS
      const age = Math.floor(Math.max(0, now - memory.created_at) / HOUR_MS) / HOURS
      if (task_id !== undefined && memory.task_id === task_id) just_said[at] = Math.exp(-since)
      // Long ago is never lately: nearly all memories are spared the exponential.
      else if (age < OLD) recent[at] = Math.exp(-age - since)
    }
    from = to
  }
  return { priority, recent, just_said }
}
