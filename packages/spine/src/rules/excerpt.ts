/** Excerpts: the sentences of a long text that matter, in its own order, cut at sentence bounds, never inside a character. */

import type { CountTokens } from '../protocol/agent.ts'

const GAP = '…'

/** Sentences and lines, with the white space that follows them. */
function sentencesOf(text: string): string[] {
  return (
    text.match(/[^\n.!?。！？]*(?:[.!?。！？]+(?=\s|$)\s*|[.!?。！？]+|\n+|$)/gu)?.filter((part) => part !== '') ?? []
  )
}

/** The sentences that share most words with `wanted`, as many as fit; undefined when not even one does. */
export function excerptOf(
  text: string,
  wanted: ReadonlySet<string>,
  terms: (text: string) => string[],
  max_tokens: number,
  count: CountTokens,
): string | undefined {
  const sentences = joinFragments(sentencesOf(text))
  const scored = sentences.map((sentence, index) => {
    const own = new Set(terms(sentence))
    const shared = [...own].filter((term) => wanted.has(term)).length
    return { index, score: shared / Math.sqrt(own.size + 1) - index * 1e-6 }
  })
  const chosen = new Set<number>()
  let used = 0
  for (const { index } of scored.toSorted((left, right) => right.score - left.score)) {
    const tokens = count(sentences[index] ?? '') + 2
    if (used + tokens > max_tokens) continue
    used += tokens
    chosen.add(index)
  }
  if (chosen.size === 0) return undefined
  return joined(sentences, chosen)
}

/** The head and the tail of a text within `max_tokens`, with a mark where the middle was. */
export function headAndTail(text: string, max_tokens: number, count: CountTokens): string {
  const sentences = joinFragments(sentencesOf(text)).flatMap((sentence) =>
    count(sentence) > max_tokens / 4 ? pieces(sentence) : [sentence],
  )
  const chosen = new Set<number>()
  let left = max_tokens
  const take = (order: readonly number[], share: number) => {
    let room = Math.floor(max_tokens * share)
    for (const index of order) {
      const tokens = count(sentences[index] ?? '') + 1
      if (tokens > room || tokens > left) break
      room -= tokens
      left -= tokens
      chosen.add(index)
    }
  }
  const order = sentences.map((_, index) => index)
  take(order, 0.6)
  take(
    order.toReversed().filter((index) => !chosen.has(index)),
    0.4,
  )
  return joined(sentences, chosen)
}

function joined(sentences: readonly string[], chosen: ReadonlySet<number>): string {
  let text = ''
  let last = -1
  for (const [index, sentence] of sentences.entries()) {
    if (!chosen.has(index)) continue
    if (index !== last + 1) text = `${text.trimEnd()} ${GAP} `
    text += sentence
    last = index
  }
  return (last === sentences.length - 1 ? text : `${text.trimEnd()} ${GAP}`).trim()
}

/** A full stop inside "e.g." or a number makes fragments; short ones go with their neighbour. */
function joinFragments(parts: readonly string[]): string[] {
  const sentences: string[] = []
  for (const part of parts) {
    const last = sentences.at(-1)
    if (last !== undefined && last.length < 20 && !last.endsWith('\n')) sentences[sentences.length - 1] = last + part
    else sentences.push(part)
  }
  return sentences
}

/** A text without sentences, in pieces of some words; whole characters also where it has no spaces. */
const pieces = (text: string): string[] => text.match(/\s*(?:\S{1,40}\s*){1,8}/gu) ?? [text]
