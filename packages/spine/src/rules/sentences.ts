/** Where a text may be cut: between sentences and lines, and where there are none, between words or characters. */

/** A piece of a text, from `start` up to `end`, in UTF-16 units. */
export type Span = { start: number; end: number }

const sentence = /[^\n.!?。！？]*(?:[.!?。！？]+["'”’)\]]*(?=\s|$)\s*|[.!?。！？]+|\n+|$)/gu
/** A full stop inside "e.g." or a number makes fragments; shorter ones than this go with their neighbour. */
const FRAGMENT_CHARS = 20

/** Sentences and lines with the white space behind them; together they are the whole text. */
export function sentenceSpans(text: string): Span[] {
  const spans: Span[] = []
  for (const match of text.matchAll(sentence)) {
    if (match[0] === '') continue
    const span = { start: match.index, end: match.index + match[0].length }
    const last = spans.at(-1)
    if (last && last.end - last.start < FRAGMENT_CHARS && text[last.end - 1] !== '\n') last.end = span.end
    else spans.push(span)
  }
  return spans
}

/** Some words each, whole characters also where there are no spaces. */
export function wordSpans(text: string, { start, end }: Span): Span[] {
  const spans: Span[] = []
  for (const match of text.slice(start, end).matchAll(/\s*(?:\S{1,40}\s*){1,8}|\s+/gu))
    spans.push({ start: start + match.index, end: start + match.index + match[0].length })
  return spans
}
