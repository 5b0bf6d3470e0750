/**
 * Memory ids that a text names: single ids ("see ms-12") and ranges ("ms-4821 through ms-4825"). Whether a single id
 * in prose is one is only known when it exists; what stands in a range was meant.
 */

/** Ids in one range; a wider one is read as its two ends. */
const MAX_RANGE = 200
const MAX_MENTIONS = 500

export type Mention = {
  id: string
  /** Part of a range: a gap when it does not exist. */
  certain: boolean
}

const idLike = /[\p{L}\p{N}](?:[\p{L}\p{N}._:@/+-]{0,126}[\p{L}\p{N}])?/gu
const connector = /^\s{0,3}(?:through|thru|to|until|up to|–|—|\.{2,3}|…|->|→)\s{0,3}$/iu
const numbered = /^(.*?)(\d{1,9})$/su

/** All mentions in the order they stand, ranges expanded in place, each id once. */
export function mentionsOf(text: string): Mention[] {
  const words: { word: string; start: number; end: number }[] = []
  for (const match of text.matchAll(idLike)) {
    const word = match[0]
    if (/\d/.test(word) || /[-_:@/]/.test(word))
      words.push({ word, start: match.index, end: match.index + word.length })
    if (words.length >= MAX_MENTIONS) break
  }
  const mentions = new Map<string, Mention>()
  const add = (id: string, certain: boolean) => {
    const known = mentions.get(id)
    if (known) known.certain ||= certain
    else mentions.set(id, { id, certain })
  }
  for (let index = 0; index < words.length; index += 1) {
    const from = words[index]
    const to = words[index + 1]
    if (!from) continue
    const ids = to && connector.test(text.slice(from.end, to.start)) ? rangeOf(from.word, to.word) : undefined
    if (ids) {
      for (const id of ids) add(id, true)
      index += 1
    } else add(from.word, false)
  }
  return [...mentions.values()]
}

/** The ids from one to the other, if they share a prefix and are not too far apart. */
function rangeOf(from: string, to: string): string[] | undefined {
  const [, prefix, start] = numbered.exec(from) ?? []
  const [, prefixTo, end] = numbered.exec(to) ?? []
  // Letters are what makes it an id: "10 to 20" are numbers, "2024-05-27 to 2024-05-30" are days.
  if (!prefix || !/\p{L}/u.test(prefix) || start === undefined || end === undefined) return undefined
  if (prefixTo !== prefix && prefixTo !== '') return undefined
  const count = Number(end) - Number(start) + 1
  if (count < 2 || count > MAX_RANGE) return undefined
  const width = start.startsWith('0') ? start.length : 0
  return Array.from({ length: count }, (_, index) => prefix + String(Number(start) + index).padStart(width, '0'))
}
