/**
 * The way most chains hand over today: a free-text summary, and a summary of that at the next step. This one is a plain
 * extractive summariser, so that it can run without a model and everybody can see why it chose what it chose. It keeps
 * the first sentence, which is the task itself, then those whose words are the most frequent in the text (Luhn's
 * measure, damped by length), in the order in which they stood; and it stops at a length, as people do. It drops what
 * is said once, and a constraint is said once. A model summarises better than this and fails the same way, less often.
 */

const stopWords: ReadonlySet<string> = new Set(
  'a an and are as at be by for from has have in is it its no not of on or so that the this to was what which will with'.split(
    ' ',
  ),
)

const wordsOf = (text: string) =>
  (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !stopWords.has(word))

/** A line is at least one sentence; a full stop inside a number, a path or a quotation does not end one. */
export const sentencesOf = (text: string): string[] =>
  text
    .split(/\n+|(?<=[.!?])\s+(?=[A-Z])/)
    .map((sentence) => sentence.trim())
    .filter(Boolean)

/** Characters that a sentence of a summary has on average. */
const characters_per_sentence = 160

export function summarise(text: string, sentences: number): string {
  const all = sentencesOf(text)
  const counts = new Map<string, number>()
  for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const score = (sentence: string) => {
    const words = wordsOf(sentence)
    return words.reduce((sum, word) => sum + (counts.get(word) ?? 0), 0) / Math.sqrt(words.length || 1)
  }
  const [lead, ...others] = all.map((sentence, index) => ({ sentence, index, score: score(sentence) }))
  if (!lead) return ''
  const best = others.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, Math.max(0, sentences - 1))
  return [lead, ...best.sort((a, b) => a.index - b.index)]
    .map(({ sentence }) => sentence)
    .join(' ')
    .slice(0, sentences * characters_per_sentence)
}
