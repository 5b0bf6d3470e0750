/**
 * Counting a text by its lines, and remembering them. A line break between two characters that can be seen is always
 * the end of a token, so the lines of a text have exactly its tokens; and between two renderings of an envelope only a
 * few lines change.
 */

import type { CountTokens } from '../protocol/agent.ts'

const BREAK = 10
/** White space as tokenizers see it, and the slash: some join it with the line break and the mark before it. */
const joins = /[\s/]/

/** Characters of lines that are remembered at most; then it starts anew. */
const MAX_CHARS = 8_000_000

/** Whether the line break at this place is the end of a token: what can be seen stands before and behind it. */
function ends(text: string, at: number): boolean {
  return text.charCodeAt(at - 1) !== BREAK && !/\s/.test(text.charAt(at - 1)) && !joins.test(text.charAt(at + 1))
}

/** Counts as `count` does. */
export function byLines(count: CountTokens): CountTokens {
  const known = new Map<string, number>()
  let held = 0
  const counted = (line: string): number => {
    const before = known.get(line)
    if (before !== undefined) return before
    held += line.length
    if (held > MAX_CHARS) {
      known.clear()
      held = line.length
    }
    const tokens = count(line)
    known.set(line, tokens)
    return tokens
  }
  return (text) => {
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
