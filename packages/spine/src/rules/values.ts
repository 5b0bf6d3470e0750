/**
 * The exact values in a text: what a reader must have letter by letter, because another word for it is wrong. They are
 * told by their form alone, in any script: no list of words is asked. Every pattern is linear in the length of the text:
 * what repeats is bounded, or begins only where nothing of its kind stands before it.
 */

/** `named`: what stands behind a key, in JSON or in the arguments of a call. */
export type ValueKind = 'url' | 'path' | 'date' | 'money' | 'number' | 'id' | 'code' | 'quoted' | 'named' | 'name'

export type Value = {
  value: string
  kind: ValueKind
  /** The key that it stood behind. */
  key?: string
}

/** Values of one text, and how much of a long one is looked at. */
const MAX_VALUES = 2_000
const MAX_TEXT = 60_000
const MAX_CHARS = 120
/** What is longer before its ends are trimmed is no value. */
const MAX_RAW = 4 * MAX_CHARS

const url = /\b[a-z][a-z0-9+.-]{1,12}:\/\/[^\s<>"'`|\\^{}[\]]+/giu
const email = /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63})+/gu
/** A key and what it is set to: `"port": 8788`, `path="a/b.ts"`, `user_id: 7`. */
const named =
  /(?<![\p{L}\p{N}_./\\-])(["']?)([\p{L}_][\p{L}\p{N}_-]{0,40})\1[ \t]{0,2}[:=][ \t]{0,2}(?:"([^"\n\\]{1,120})"|'([^'\n\\]{1,120})'|(-?\d[\d.,]{0,20})(?![\p{L}\p{N}_]))/gu
const quoted =
  /"([^"\n]{2,120})"|“([^”\n]{2,120})”|«([^»\n]{2,120})»|「([^」\n]{2,120})」|`([^`\n]{1,120})`|(?<![\p{L}\p{N}])'([^'\n]{2,120})'(?![\p{L}\p{N}])/gu
/** The text of a link, in Markdown. */
const link = /\[([^\]\n]{2,120})\]\(/gu
const date =
  /\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b(?:\d{1,2}\.? )?\p{Lu}\p{Ll}{2,9}\.? (?:\d{1,2}(?:st|nd|rd|th)?,? )?\d{4}\b/gu
const money =
  /(?:\p{Sc}|\b(?:USD|EUR|GBP|JPY|CHF|CNY|INR)) ?\d[\d.,]{0,30}(?: ?[kMB]\b)?|(?<![\d.,])\d[\d.,]{0,30} ?(?:\p{Sc}|(?:USD|EUR|GBP|JPY|CHF|CNY|INR)\b)/gu
/** Words held together by what does not hold words of a language together, or with capitals or digits inside. */
const word = /[\p{L}\p{N}_$~](?:[\p{L}\p{N}_$@#%+~]|[./\\:-](?=[\p{L}\p{N}_$@#*~]))*[/%]?/gu
const number = /^[+-]?\d[\d.,:]*%?$/u
const name =
  /\p{Lu}(?:\.|[\p{L}\p{M}\p{N}'’&-]{0,60})(?:[ \t](?:\p{Ll}{1,3}[ \t]){0,2}\p{Lu}(?:\.(?=[ \t]\p{Lu})|[\p{L}\p{M}\p{N}'’&-]{0,60}))+/gu

/** What a text must have for a pattern to find anything in it: most have little of it, and this is soon seen. */
const has = { setting: /[:=]/, quote: /["“«「`']/, digit: /\d/ } as const
/** A word as every language has them. */
const plainWord = /^\p{L}\p{Ll}*$/u

/** The values of a text in the order they stand, each once. */
export function valuesOf(whole: string): Value[] {
  const text = whole.slice(0, MAX_TEXT).toWellFormed()
  const found = new Map<string, Value & { at: number }>()
  const add = (at: number, raw: string, kind: ValueKind, key?: string) => {
    if (raw.length > MAX_RAW) return
    const value = raw
      .trim()
      .replace(/[.,;:!?)\]}'’]+$/u, '')
      .replace(/\s+/gu, ' ')
    if (value.length > MAX_CHARS || found.size >= MAX_VALUES || !/[\p{L}\p{N}]/u.test(value)) return
    const known = found.get(value)
    if (!known) found.set(value, { value, kind, ...(key ? { key } : {}), at })
    else if (key && !known.key) known.key = key
  }
  const matches = (pattern: RegExp, possible: boolean) => (possible ? text.matchAll(pattern) : [])
  for (const match of matches(url, text.includes('://'))) add(match.index, match[0], 'url')
  for (const match of matches(email, text.includes('@'))) add(match.index, match[0], 'id')
  for (const match of matches(named, has.setting.test(text))) {
    const [, , key, double, single, bare] = match
    add(match.index, double ?? single ?? bare ?? '', 'named', key)
  }
  for (const match of matches(quoted, has.quote.test(text))) {
    const inner = match.slice(1).find((part) => part !== undefined) ?? ''
    if (wordsIn(inner) <= 8 && !isKey(text, match.index + match[0].length - 1))
      add(match.index, inner, match[5] === undefined ? 'quoted' : 'code')
  }
  for (const match of matches(link, text.includes('](')))
    if (wordsIn(match[1] ?? '') <= 12) add(match.index, match[1] ?? '', 'quoted')
  for (const match of matches(date, has.digit.test(text))) add(match.index, match[0], 'date')
  for (const match of matches(money, has.digit.test(text))) add(match.index, match[0], 'money')
  for (const match of text.matchAll(word)) {
    if (plainWord.test(match[0])) continue
    const kind = kindOfWord(match[0])
    if (kind && !isKey(text, match.index + match[0].length)) add(match.index, match[0], kind)
  }
  for (const match of text.matchAll(name)) add(match.index, match[0], 'name')
  return [...found.values()].sort((left, right) => left.at - right.at).map(({ at: _at, ...value }) => value)
}

/** A key of JSON names what stands behind it; it is no value itself. */
const isKey = (text: string, end: number) => text[end] === '"' && /^"[ \t]{0,2}:/.test(text.slice(end, end + 4))

const wordsIn = (text: string) => text.split(/\s+/u).length

function kindOfWord(text: string): ValueKind | undefined {
  if (number.test(text)) return text.length > 1 ? 'number' : undefined
  if (/[/\\]/u.test(text)) return /^\p{L}+\/\p{L}+$/u.test(text) && text.length < 8 ? undefined : 'path'
  if (/\.\p{Ll}{1,5}\d?$/u.test(text)) return 'path'
  if (/[_.:@#$]/u.test(text.slice(1))) return 'code'
  if (/\p{N}/u.test(text)) return 'id'
  if (/\p{Ll}\p{Lu}/u.test(text)) return 'code'
  if (/^\p{Lu}{2,}$/u.test(text)) return 'id'
  return undefined
}
