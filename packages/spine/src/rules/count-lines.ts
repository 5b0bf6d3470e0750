/**
 * Counting a text by its lines, and remembering them. A line break between two characters that can be seen is always
 * the end of a token, so the lines of a text have exactly its tokens; and between two renderings of an envelope only a
 * few lines change.
 */

import type { CountTokens } from '../protocol/agent.ts'

/** Some tokenizers join a slash with the line break and the mark before it. */
const lineEnd = /(?<=\S\n)(?=[^\s/])/

/** Characters of lines that are remembered at most; then it starts anew. */
const MAX_CHARS = 8_000_000

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
    for (const line of text.split(lineEnd)) tokens += counted(line)
    return tokens
  }
}
