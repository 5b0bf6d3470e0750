/** Why a memory ranks where it does, in words a person can check. */

import type { Candidate, Features } from './features.ts'
import { type Index, noPostings, placeOf, unitOf } from './postings.ts'
import type { Query } from './query.ts'
import { type Signal, weights } from './weights.ts'

/** Reasons that are told. */
export const MAX_REASONS = 4
/** What adds less than this is no reason. */
const LEAST = 0.25

const sayings: { readonly [name in Signal]?: (memory: Candidate) => string } = {
  around: () => 'the text around it matches',
  near: () => 'what stands next to it matches',
  session: () => 'its session matches',
  best_session: () => 'in the session with the best match',
  named: (memory) => `${memory.author}, who is named, wrote it`,
  answers: () => 'it follows a question that matches',
  day: () => 'said on the day that is named',
  month: () => 'said in the month that is named',
  time: () => 'it tells a time, which is asked for',
  number: () => 'it has a number, which is asked for',
  name: () => 'it has a name, which is asked for',
  priority: () => 'its priority is high',
  recent: () => 'it was said lately',
  just_said: () => 'it was said just now',
}

const said = Object.entries(sayings) as [Signal, (memory: Candidate) => string][]

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
  const reasons: { worth: number; said: string }[] = []
  for (const [signal, say] of said) {
    const worth = (features[signal]?.[unit] ?? 0) * weights[signal]
    if (worth >= LEAST) reasons.push({ worth, said: say(memory) })
  }
  reasons.sort((left, right) => right.worth - left.worth)
  return [...(words.length > 0 ? [`has ${words.join(', ')}`] : []), ...reasons.map((reason) => reason.said)].slice(
    0,
    MAX_REASONS,
  )
}

const hasTerm = ({ postings }: Index, place: number, memory: Candidate): boolean =>
  memory.passages.some((_, passage) => placeOf((postings[place] ?? noPostings).units, unitOf(memory.seq, passage)) >= 0)
