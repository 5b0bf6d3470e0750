/**
 * Counting a text by its lines and their words, and remembering both. A line break between two characters that can be
 * seen is always the end of a token, and before a space that follows such a character a token always ends, so the parts
 * of a text have exactly its tokens. Between two renderings of an envelope only a few lines change; and most words of a
 * new text were seen before, which is several times as fast as merging their bytes again.
 */

import type { CountTokens } from '../protocol/agent.ts'
import { createRemembered } from './remembered.ts'

const BREAK = 10
const SPACE = 32
const DELETE = 127
/** White space as tokenizers see it, and the slash: some join it with the line break and the mark before it. */
const joins = /[\s/]/

/** Characters of lines, and words, that are remembered at most; then it starts anew. Longer words are not. */
const MAX_CHARS = 2_000_000
const MAX_WORDS = 100_000
const MAX_WORD = 32

/** Whether the line break at this place is the end of a token: what can be seen stands before and behind it. */
function ends(text: string, at: number): boolean {
  return text.charCodeAt(at - 1) !== BREAK && !/\s/.test(text.charAt(at - 1)) && !joins.test(text.charAt(at + 1))
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code <= SPACE || (code > DELETE && /\s/.test(text.charAt(at)))
}

/** Counts as `count` does, each word with the space before it. */
function byWords(count: CountTokens): CountTokens {
  const known = createRemembered<number>(MAX_WORDS)
  const counted = (word: string): number =>
    word.length > MAX_WORD ? count(word) : (known.find(word) ?? known.keep(word, count(word), 1))
  return (text) => {
    let tokens = 0
    let start = 0
    for (let at = text.indexOf(' ', 1); at > 0; at = text.indexOf(' ', at + 1)) {
      if (isSpace(text, at - 1)) continue
      tokens += counted(text.slice(start, at))
      start = at
    }
    return start < text.length ? tokens + counted(text.slice(start)) : tokens
  }
}

/** Counts as `count` does. */
export function byLines(count: CountTokens): CountTokens {
  const words = byWords(count)
  const known = createRemembered<number>(MAX_CHARS)
  const counted = (line: string): number => known.find(line) ?? known.keep(line, words(line), line.length)
  return (text) => {
    if (text.length <= MAX_WORD) return words(text)
    let tokens = 0
    let start = 0
    for (let at = text.indexOf('\n'); at >= 0 && at + 1 < text.length; at = text.indexOf('\n', at + 1)) {
      if (at === 0 || !ends(text, at)) continue
      tokens += counted(text.slice(start, at + 1))
      start = at + 1
    }
    return start < text.length ? tokens + counted(text.slice(start)) : tokens
  }
}

/** The tokens of a text that comes in parts of whole lines: each is counted alone where a token ends with it. */
export function countParts(parts: readonly string[], count: CountTokens): number {
  let tokens = 0
  let open = ''
  for (const [at, part] of parts.entries()) {
    if (part === '') continue
    open = open === '' ? part : open + part
    const next = parts[at + 1]
    if (next !== undefined && (next === '' || !endsBefore(open, next))) continue
    tokens += count(open)
    open = ''
  }
  return open === '' ? tokens : tokens + count(open)
}

/** As `ends`, of a text and what comes behind it. */
function endsBefore(text: string, next: string): boolean {
  const end = text.length - 1
  return end > 0 && text.charCodeAt(end) === BREAK && !/\s/.test(text.charAt(end - 1)) && !joins.test(next.charAt(0))
}
