/** What a handoff or a search asks for, taken apart: its terms with their weight, dates, names, and what kind of answer. */

import { datesIn, type NamedDate } from './dates.ts'
import { marks } from './marks.ts'
import { stemOf } from './stem.ts'
import { type Word, wordsOf } from './terms.ts'
import { weakWords } from './vocabulary.ts'

export type QueryTerm = {
  term: string
  /** Times its rarity. */
  weight: number
  /** As it was written, for what only the text can tell. */
  surface: string
}

export type Query = {
  terms: readonly QueryTerm[]
  /** Places in `terms` that stand side by side in the question. */
  pairs: readonly (readonly [number, number])[]
  dates: readonly NamedDate[]
  /** Authors that are named; empty when none or all of them are. */
  authors: ReadonlySet<string>
  /** The `marks` that an answer would have. */
  wants: number
}

const MAX_TERMS = 48
const WEAK = 0.6
const EXACT = 1.5
/** Of what only the intent says: it is about the whole task, the summary about what comes next. */
const BACKGROUND = 0.5

const weakStems = new Set([...weakWords].map(stemOf))

/** `background` is the user's intent behind `text`; `authors` are all who wrote in the namespace. */
export function queryOf(
  text: string,
  { background = '', authors = [] }: { background?: string; authors?: readonly string[] } = {},
): Query {
  const named = namedAuthors(text, authors)
  const names = new Set(authors.flatMap((author) => wordsOf(author).flatMap((word) => word.terms)))
  const words = wordsOf(text)
  const terms = new Map<string, QueryTerm>()
  const take = (from: readonly Word[], skipped: ReadonlySet<string>, share: number) => {
    for (const { terms: own, surface, exact } of mostTelling(from))
      for (const term of own) {
        if (terms.size >= MAX_TERMS) return
        if (terms.has(term) || skipped.has(term)) continue
        const weight = share * (weakStems.has(term) ? WEAK : 1) * (exact && term === surface ? EXACT : 1)
        terms.set(term, { term, weight, surface })
      }
  }
  take(words, names, 1)
  if (terms.size === 0) take(words, new Set(), 1)
  if (background !== '' && background !== text) take(wordsOf(background), names, BACKGROUND)
  const places = new Map([...terms.keys()].map((term, place) => [term, place]))
  return {
    terms: [...terms.values()],
    pairs: pairsOf(words, places),
    dates: datesIn(text),
    authors: named,
    wants: wantsOf(text),
  }
}

/** All in their order where there is room; of a long text the exact ones first, then the longer words. */
function mostTelling(words: readonly Word[]): readonly Word[] {
  if (words.length <= MAX_TERMS) return words
  return words
    .map((word, at) => ({ word, at, rank: (word.exact ? 100 : 0) + Math.min(word.surface.length, 12) }))
    .sort((left, right) => right.rank - left.rank || left.at - right.at)
    .map(({ word }) => word)
}

function pairsOf(words: readonly Word[], places: ReadonlyMap<string, number>): [number, number][] {
  const pairs: [number, number][] = []
  for (let at = 0; at + 1 < words.length; at += 1) {
    const left = places.get(words[at]?.terms[0] ?? '')
    const right = places.get(words[at + 1]?.terms[0] ?? '')
    if (left !== undefined && right !== undefined && left !== right) pairs.push([left, right])
  }
  return pairs
}

/** Some, but not all: where everybody is named, nobody is told apart. */
function namedAuthors(text: string, authors: readonly string[]): ReadonlySet<string> {
  const said = ` ${text
    .toLowerCase()
    .replace(/['’]s\b/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')} `
  const named = authors.filter((author) => {
    const name = author
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim()
    return name.length > 1 && said.includes(` ${name} `)
  })
  return new Set(named.length < authors.length ? named : [])
}

function wantsOf(text: string): number {
  const time = /\b(?:when|how long|what (?:day|date|month|year|time)|which (?:day|date|month|year))\b/i.test(text)
  const number = /\bhow (?:many|much|often|old|far|big|tall)\b/i.test(text)
  const name =
    /^\s*(?:where|who|whose|which|what (?:city|country|state|place|company|book|movie|song|band|game|name|kind|type)s?)\b/i.test(
      text,
    )
  return (time ? marks.time : 0) | (number ? marks.number : 0) | (name ? marks.name : 0)
}
