/** Excerpts: the sentences of a long text that matter, in its own order, cut at sentence bounds, never inside a character. */

import type { CountTokens } from '../protocol/agent.ts'
import { type Span, sentenceSpans, wordSpans } from './sentences.ts'

const GAP = '…'

/** Sentences, and where one has more than `most` tokens, the words of it in pieces. */
function piecesOf(text: string, most: number, count: CountTokens): string[] {
  const slice = ({ start, end }: Span) => text.slice(start, end)
  return sentenceSpans(text).flatMap((span) =>
    count(slice(span)) > most ? wordSpans(text, span).map(slice) : [slice(span)],
  )
}

/** These passages of a text, in its order, with a mark where something was left out. */
export const passagesText = (text: string, passages: readonly Span[], chosen: ReadonlySet<number>): string =>
  joined(
    passages.map(({ start, end }) => text.slice(start, end)),
    chosen,
  )

/** The sentences that share most words with `wanted`, as many as fit; undefined when not even one does. */
export function excerptOf(
  text: string,
  wanted: ReadonlySet<string>,
  terms: (text: string) => string[],
  max_tokens: number,
  count: CountTokens,
): string | undefined {
  const sentences = piecesOf(text, max_tokens, count)
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
  const sentences = piecesOf(text, max_tokens / 4, count)
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
