/**
 * Which of many values stand in a text, as a whole. A text is gone through once, word by word, and a value is thought of
 * where its first word stands; what was found in a part is remembered, for most parts come again.
 */

import { createRemembered } from './remembered.ts'

export type Shown = {
  /** The values that stand in the text, by their place among all. A value has no line breaks. */
  in(text: string): readonly number[]
  /** The same of a text in parts of whole lines; the words of each part are remembered. */
  inParts(parts: readonly string[]): Set<number>
}

const inWord = /[\p{L}\p{N}_]/u
const none: readonly never[] = Object.freeze([])

/** Of each character of one unit whether it is part of a word, once it was asked for. */
const kinds = new Uint8Array(65_536)
const [YES, NO] = [1, 2]

function isWord(code: number): boolean {
  if (kinds[code] === 0) kinds[code] = inWord.test(String.fromCharCode(code)) ? YES : NO
  return kinds[code] === YES
}

/** The first word of a text from `from` on: from where to where; at its end where there is none. */
function wordFrom(text: string, from: number): { start: number; end: number } {
  let start = from
  while (start < text.length && !isWord(text.charCodeAt(start))) start += 1
  let end = start
  while (end < text.length && isWord(text.charCodeAt(end))) end += 1
  return { start, end }
}

/** The words of a text and where each begins. */
type Words = { words: string[]; starts: number[] }

/** Characters of parts that are remembered with their words: most memories are shown in more than one envelope. */
const MAX_CHARS = 4_000_000
/** Of longer ones the text is gone through again. */
const MAX_PART = 4_000
const wordsOfParts = createRemembered<Words>(MAX_CHARS)

function wordsOf(text: string): Words {
  const found: Words = { words: [], starts: [] }
  for (let { start, end } = wordFrom(text, 0); start < end; { start, end } = wordFrom(text, end)) {
    found.words.push(text.slice(start, end))
    found.starts.push(start)
  }
  return found
}

function wordsOfPart(part: string): Words {
  if (part.length > MAX_PART) return wordsOf(part)
  return wordsOfParts.find(part) ?? wordsOfParts.keep(part, wordsOf(part), part.length)
}

type Wanted = { place: number; value: string; at: number }

export function createShown(values: readonly string[]): Shown {
  const byWord = new Map<string, Wanted[]>()
  const wordless: Wanted[] = []
  for (const [place, value] of values.entries()) {
    const { start, end } = wordFrom(value, 0)
    const wanted = { place, value, at: start }
    if (start === end) {
      wordless.push(wanted)
      continue
    }
    const word = value.slice(start, end)
    const others = byWord.get(word)
    if (others) others.push(wanted)
    else byWord.set(word, [wanted])
  }
  const look = (text: string, { words, starts }: Words): readonly number[] => {
    const found = new Set<number>()
    for (const [index, word] of words.entries())
      for (const { place, value, at } of byWord.get(word) ?? none)
        if (!found.has(place) && standsAt(text, value, (starts[index] ?? 0) - at)) found.add(place)
    for (const { place, value } of wordless) if (standsIn(text, value)) found.add(place)
    return found.size === 0 ? none : [...found]
  }
  const known = new Map<string, readonly number[]>()
  const inPart = (part: string): readonly number[] => {
    const before = known.get(part)
    if (before) return before
    const found = look(part, wordsOfPart(part))
    known.set(part, found)
    return found
  }
  return Object.freeze({
    in: (text: string) => look(text, wordsOf(text)),
    inParts: (parts: readonly string[]) => {
      const found = new Set<number>()
      for (const part of parts) for (const place of inPart(part)) found.add(place)
      return found
    },
  })
}

/** Whether a text has this value, as a whole. */
export function standsIn(text: string, value: string): boolean {
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1))
    if (standsAt(text, value, at)) return true
  return false
}

function standsAt(text: string, value: string, at: number): boolean {
  if (at < 0 || !text.startsWith(value, at)) return false
  const end = at + value.length
  const goesOn = (left: number, right: number) =>
    left >= 0 && right < text.length && isWord(text.charCodeAt(left)) && isWord(text.charCodeAt(right))
  return !goesOn(at - 1, at) && !goesOn(end - 1, end)
}
