/**
 * What the index knows a text by: stems of words in any script, identifiers whole and in parts, numbers, pairs of
 * characters where a script has no spaces. Our own frozen rules, so that every database and every version of an engine
 * agrees. Whatever changes what comes out raises `TOK_VERSION`.
 */

import { stemOf } from './stem.ts'
import { irregularWords, stopWords } from './vocabulary.ts'

/** Kept with every memory: what an older version indexed is indexed anew. */
export const TOK_VERSION = 1

/** A longer run of letters is no word; its beginning stands for it. */
const MAX_TERM_CHARS = 64

/** Scripts that are written without spaces. */
const spaceless = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u
const spacelessRun =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\p{M}ー]+/gu
const ascii = /^\p{ASCII}*$/u
/** Words, and what is joined by the marks that identifiers, paths and dates are joined by. */
const run = /[\p{L}\p{N}\p{M}]+(?:[._/:@#\\-]+[\p{L}\p{N}\p{M}]+)*/gu
const joint = /[._/:@#\\-]+/
const hump = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})/u
const thousands = /(?<=\d),(?=\d{3}(?!\d))/g

export type Word = {
  /** As it stood, in lower case. */
  surface: string
  /** What it is known by. */
  terms: readonly string[]
  /** Joined by marks, written in humps, or with a digit in it: meant exactly. */
  exact: boolean
}

/** One spelling of what looks alike: compatibility forms, accents and quotes folded. */
function folded(text: string): string {
  if (ascii.test(text)) return text
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFKC')
}

/** The words of a text in their order, without those that say nothing. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = []
  for (const [found] of folded(text).replace(thousands, '').matchAll(run)) {
    const word = wordOf(found)
    if (word.terms.length > 0) words.push(word)
  }
  return words
}

/** The terms of a text, repeated as often as they occur. */
export const termsOf = (text: string): string[] => wordsOf(text).flatMap((word) => word.terms)

function wordOf(found: string): Word {
  const surface = found.toLowerCase().slice(0, MAX_TERM_CHARS)
  if (/^[a-z]+$/.test(found)) return { surface, terms: plain(surface), exact: false }
  if (spaceless.test(found)) return { surface, terms: withoutSpaces(surface), exact: false }
  const parts = found.split(joint).flatMap((part) => part.split(hump))
  if (parts.length === 1) return { surface, terms: plain(surface), exact: /\p{N}/u.test(surface) }
  const terms = new Set([surface, ...parts.flatMap((part) => plain(part.toLowerCase().slice(0, MAX_TERM_CHARS)))])
  // "well-known" is two words; only marks that prose does not use, humps and digits make a name of it.
  return { surface, terms: [...terms], exact: /[._/:@#\\\p{N}]/u.test(surface) || !joint.test(found) }
}

function plain(word: string): string[] {
  if (word.length < 2 || stopWords.has(word)) return []
  if (!/^[a-z]+$/.test(word)) return [word]
  return [stemOf(irregularWords.get(word) ?? word)]
}

/** Overlapping pairs of characters; what else is in the run stays a word. */
function withoutSpaces(text: string): string[] {
  const terms = text
    .replace(spacelessRun, ' ')
    .split(/[\s._/:@#\\-]+/)
    .flatMap(plain)
  for (const [piece] of text.matchAll(spacelessRun)) {
    const chars = [...piece]
    if (chars.length === 1) terms.push(piece)
    for (let at = 0; at + 1 < chars.length; at += 1) terms.push(`${chars[at]}${chars[at + 1]}`)
  }
  return terms
}

/** A term as a whole number below 2^52, which both databases and JavaScript hold exactly. */
export function hashOf(term: string): number {
  let high = 0x9e3779b9
  let low = 0x85ebca6b
  for (let at = 0; at < term.length; at += 1) {
    const code = term.charCodeAt(at)
    high = Math.imul(high ^ code, 0x01000193)
    low = Math.imul(low ^ code, 0xc2b2ae35)
    low ^= low >>> 15
  }
  high = Math.imul(high ^ (high >>> 16) ^ (low >>> 7), 0x45d9f3b)
  low = Math.imul(low ^ (low >>> 13) ^ (high >>> 11), 0x27d4eb2d)
  return ((high ^ (high >>> 15)) >>> 12) * 0x1_0000_0000 + ((low ^ (low >>> 16)) >>> 0)
}
