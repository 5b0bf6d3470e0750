/**
 * Which of many values stand in a text, as a whole. A text is gone through once, word by word, and a value is thought of
 * where its first word stands; what was found in a line is remembered, for most lines come again.
 */

export type Shown = {
  /** The values that stand in the text, by their place among all. A value has no line breaks. */
  in(text: string): readonly number[]
}

const inWord = /[\p{L}\p{N}_]/u
const none: readonly number[] = Object.freeze([])

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
  const known = new Map<string, readonly number[]>()
  const look = (line: string): readonly number[] => {
    const found = new Set<number>()
    for (let { start, end } = wordFrom(line, 0); start < end; { start, end } = wordFrom(line, end))
      for (const { place, value, at } of byWord.get(line.slice(start, end)) ?? [])
        if (!found.has(place) && standsAt(line, value, start - at)) found.add(place)
    for (const { place, value } of wordless) if (standsIn(line, value)) found.add(place)
    return found.size === 0 ? none : [...found]
  }
  const inLine = (line: string): readonly number[] => {
    const before = known.get(line)
    if (before) return before
    const found = look(line)
    known.set(line, found)
    return found
  }
  return Object.freeze({
    in: (text: string) => (text.includes('\n') ? text.split('\n').flatMap(inLine) : inLine(text)),
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
