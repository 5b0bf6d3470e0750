/**
 * The way most chains hand over today: a free-text summary, and a summary of that at the next step. This one is a plain
 * extractive summariser, SumBasic, so that it runs without a model and everybody can see why it chose what it chose. It
 * keeps the first sentence, which is the task itself; then always the sentence whose words are the most frequent on
 * average, where the words of a chosen sentence count less from then on, so that it does not say the same thing twice.
 * They stand in the order in which they stood, and it stops at a length, as people do. What is said once is the first
 * to go, and a constraint is said once. A model summarises better than this and fails the same way, less often.
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
export const characters_per_sentence = 160

export function summarise(text: string, sentences: number): string {
  const all = sentencesOf(text).map((sentence) => ({ sentence, words: wordsOf(sentence) }))
  const total = all.reduce((sum, { words }) => sum + words.length, 0)
  const shares = new Map<string, number>()
  for (const word of all.flatMap(({ words }) => words)) shares.set(word, (shares.get(word) ?? 0) + 1 / total)
  const score = (words: readonly string[]) =>
    words.reduce((sum, word) => sum + (shares.get(word) ?? 0), 0) / (words.length || 1)

  const chosen = new Set(all.slice(0, 1))
  while (chosen.size < Math.min(sentences, all.length)) {
    const others = all.filter((one) => !chosen.has(one)).map((one) => ({ one, score: score(one.words) }))
    const [best] = others.sort((a, b) => b.score - a.score)
    if (!best) break
    chosen.add(best.one)
    for (const word of best.one.words) shares.set(word, (shares.get(word) ?? 0) ** 2)
  }
  return all
    .filter((one) => chosen.has(one))
    .map(({ sentence }) => sentence)
    .join(' ')
    .slice(0, sentences * characters_per_sentence)
}
