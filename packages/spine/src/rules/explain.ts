/** Why a memory ranks where it does, in words a person can check. */

import type { Candidate, Features } from './features.ts'
import { type Index, unitOf } from './postings.ts'
import type { Query } from './query.ts'
import { type Signal, weights } from './weights.ts'

const MAX_REASONS = 3
/** What adds less than this is no reason. */
const LEAST = 0.25

const sayings: { readonly [name in Signal]?: (value: number, memory: Candidate) => string } = {
  around: () => 'the text around it matches',
  near: () => 'what stands next to it matches',
  session: () => 'its session matches',
  best_session: () => 'in the session with the best match',
  named: (_, memory) => `${memory.author}, who is named, wrote it`,
  answers: () => 'it follows a question that matches',
  day: () => 'said on the day that is named',
  month: () => 'said in the month that is named',
  time: () => 'it tells a time, which is asked for',
  number: () => 'it has a number, which is asked for',
  name: () => 'it has a name, which is asked for',
  priority: () => 'its priority is high',
  recent: () => 'it was said just now',
}

/** The strongest reasons first; the words it shares with the query before all others. `unit`: its best passage. */
export function explanationOf(
  unit: number,
  features: Features,
  query: Query,
  index: Index,
  memory: Candidate,
): string[] {
  const shared = query.terms.filter((_, place) => hasTerm(index, place, memory)).map(({ surface }) => surface)
  const words = [...new Set(shared)].slice(0, 5)
  const reasons = Object.entries(sayings)
    .map(([name, say]) => {
      const value = features[name as Signal]?.[unit] ?? 0
      return { value, worth: value * weights[name as Signal], say }
    })
    .filter(({ worth }) => worth >= LEAST)
    .sort((left, right) => right.worth - left.worth)
    .map(({ value, say }) => say(value, memory))
  return [...(words.length > 0 ? [`has ${words.join(', ')}`] : []), ...reasons].slice(0, MAX_REASONS)
}

function hasTerm({ postings }: Index, place: number, memory: Candidate): boolean {
  const units = postings[place]?.units ?? []
  const first = unitOf(memory.seq, 0)
  let [low, high] = [0, units.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((units[middle] ?? 0) < first) low = middle + 1
    else high = middle
  }
  return low < units.length && (units[low] ?? 0) <= unitOf(memory.seq, memory.passages.length - 1)
}
