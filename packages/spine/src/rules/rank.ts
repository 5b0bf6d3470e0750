/**
 * Which memories matter for a task: BM25 over the candidates (Robertson and Zaragoza, 2009; k1 1.2, b 0.75), with
 * priority and recency as bounded bonuses. One function in, one order out; ties go to the newer memory.
 */

import type { Priority } from '../protocol/scalars.ts'

export type Candidate = {
  id: string
  /** The order in which memories came. */
  seq: number
  /** Of its title and content: `termsOf`. */
  terms: readonly string[]
  priority: Priority
}

export type Ranked<C extends Candidate> = { memory: C; score: number }

const K1 = 1.2
const B = 0.75
const priorityBonus: Record<Priority, number> = { low: -0.5, normal: 0, high: 0.5, critical: 1 }
const RECENCY_BONUS = 0.5

/** Words in any script, lower case; identifiers whole and in parts. */
export function termsOf(text: string): string[] {
  const terms: string[] = []
  for (const [word] of text
    .normalize('NFKC')
    .toLowerCase()
    .matchAll(/[\p{L}\p{N}]+(?:[._/:@-][\p{L}\p{N}]+)*/gu)) {
    terms.push(word)
    const parts = word.split(/[._/:@-]/)
    if (parts.length > 1) terms.push(...parts)
  }
  return terms
}

/** Best first. The same candidates in any order give the same answer. */
export function rank<C extends Candidate>(query: string, candidates: readonly C[]): Ranked<C>[] {
  const wanted = new Set(termsOf(query))
  const documents = candidates
    .toSorted((left, right) => right.seq - left.seq)
    .map((memory) => {
      const { terms } = memory
      const counts = new Map<string, number>()
      for (const term of terms) if (wanted.has(term)) counts.set(term, (counts.get(term) ?? 0) + 1)
      return { memory, length: terms.length, counts }
    })
  const average = documents.reduce((sum, document) => sum + document.length, 0) / Math.max(1, documents.length)
  const weight = (term: string) => {
    const frequency = documents.filter((document) => document.counts.has(term)).length
    return Math.log(1 + (documents.length - frequency + 0.5) / (frequency + 0.5))
  }
  const weights = new Map([...wanted].map((term) => [term, weight(term)]))
  const relevances = documents.map(({ counts, length }) =>
    [...counts].reduce((sum, [term, times]) => {
      const dampened = (times * (K1 + 1)) / (times + K1 * (1 - B + (B * length) / Math.max(1, average)))
      return sum + (weights.get(term) ?? 0) * dampened
    }, 0),
  )
  const best = Math.max(...relevances, Number.MIN_VALUE)
  return documents
    .map(({ memory }, index) => {
      const recency = RECENCY_BONUS * (1 - index / documents.length)
      const score = (relevances[index] ?? 0) / best + priorityBonus[memory.priority] + recency
      return { memory, score: Math.round(score * 1e6) / 1e6 }
    })
    .sort((left, right) => right.score - left.score || right.memory.seq - left.memory.seq)
}
