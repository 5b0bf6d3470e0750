/**
 * A memory as the passages that are ranked and excerpted: a short one is one passage, a long one is cut at sentence
 * bounds into passages of about a hundred tokens. Passages are found by weighing characters, not by counting tokens,
 * so that the same text is cut alike whatever tokenizer an envelope is counted with.
 */

import { marksOf } from './marks.ts'
import { type Span, sentenceSpans, wordSpans } from './sentences.ts'

export type Passage = Span & {
  /** Its share of the tokens of the memory. */
  tokens: number
  /** `marks` of its text. */
  marks: number
}

/** A memory up to this stays whole. */
const WHOLE_TOKENS = 140
const PASSAGE_TOKENS = 100
/** Passages of one memory; in a longer one each is larger. */
export const MAX_PASSAGES = 1_000

/** Together the passages are the whole content. `tokens`: of the content. */
export function passagesOf(content: string, tokens: number): Passage[] {
  if (tokens <= WHOLE_TOKENS) return [{ start: 0, end: content.length, tokens, marks: marksOf(content) }]
  const weight = weightOf(content, { start: 0, end: content.length })
  const limit = (weight * Math.max(PASSAGE_TOKENS, tokens / (MAX_PASSAGES / 2))) / tokens
  const spans: (Span & { weight: number })[] = []
  const add = (span: Span) => {
    const own = weightOf(content, span)
    const last = spans.at(-1)
    if (last && last.weight + own <= limit) {
      last.end = span.end
      last.weight += own
    } else spans.push({ ...span, weight: own })
  }
  for (const span of sentenceSpans(content))
    if (weightOf(content, span) <= limit) add(span)
    else for (const piece of wordSpans(content, span)) add(piece)
  return shared(content, tokens, spans)
}

/** Gives each span its share of the tokens; rounding loses none. */
function shared(content: string, tokens: number, spans: readonly (Span & { weight: number })[]): Passage[] {
  const whole = spans.reduce((sum, span) => sum + span.weight, 0)
  let weight = 0
  let given = 0
  return spans.map(({ start, end, weight: own }) => {
    weight += own
    const upTo = Math.round((tokens * weight) / whole)
    const passage = { start, end, tokens: upTo - given, marks: marksOf(content.slice(start, end)) }
    given = upTo
    return passage
  })
}

/** About four letters are a token, or one character of most other scripts. */
function weightOf(text: string, { start, end }: Span): number {
  let weight = 0
  for (let at = start; at < end; at += 1) weight += text.charCodeAt(at) < 0x250 ? 1 : 3
  return weight
}

/** The passages in a few characters, as they are kept with the memory. */
export const outlineOf = (passages: readonly Passage[]): string =>
  passages.map(({ end, tokens, marks: seen }) => `${end},${tokens},${seen}`).join(' ')

export function passagesIn(outline: string): Passage[] {
  let start = 0
  return outline.split(' ').map((part) => {
    const [end = 0, tokens = 0, seen = 0] = part.split(',').map(Number)
    const passage = { start, end, tokens, marks: seen }
    start = end
    return passage
  })
}
