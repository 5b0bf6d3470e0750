/**
 * The stem of an English word: M. F. Porter, "An algorithm for suffix stripping" (1980). For words of a to z only.
 * Part of the index: raise `TOK_VERSION` with any change.
 */

function isVowel(word: string, at: number): boolean {
  const letter = word.charAt(at)
  return 'aeiou'.includes(letter) || (letter === 'y' && at > 0 && !isVowel(word, at - 1))
}

/** How often a vowel is followed by a consonant: the m of the paper. */
function measure(word: string): number {
  let count = 0
  let vowelBefore = false
  for (let at = 0; at < word.length; at += 1) {
    const vowel = isVowel(word, at)
    if (vowelBefore && !vowel) count += 1
    vowelBefore = vowel
  }
  return count
}

const hasVowel = (word: string): boolean => [...word].some((_, at) => isVowel(word, at))

const endsDouble = (word: string): boolean => {
  const last = word.length - 1
  return last > 0 && word[last] === word[last - 1] && !isVowel(word, last)
}

/** Consonant, vowel, consonant at the end, the last not w, x or y: "hop", not "snow". */
const endsShort = (word: string): boolean => {
  const last = word.length - 1
  return (
    last >= 2 &&
    !isVowel(word, last) &&
    isVowel(word, last - 1) &&
    !isVowel(word, last - 2) &&
    !'wxy'.includes(word.charAt(last))
  )
}

const pairs = (text: string): [string, string][] =>
  text.split(' ').map((pair) => {
    const [from = '', to = ''] = pair.split('>')
    return [from, to]
  })

const step2 = pairs(
  'ational>ate tional>tion enci>ence anci>ance izer>ize abli>able alli>al entli>ent eli>e ousli>ous ization>ize ation>ate ator>ate alism>al iveness>ive fulness>ful ousness>ous aliti>al iviti>ive biliti>ble',
)
const step3 = pairs('icate>ic ative> alize>al iciti>ic ical>ic ful> ness>')
const step4 = 'al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize'.split(' ')

/** Replaces the longest of the suffixes that the word has, if enough word is left before it. */
function replaced(word: string, suffixes: readonly (readonly [string, string])[]): string {
  let found: readonly [string, string] | undefined
  for (const pair of suffixes) if (word.endsWith(pair[0]) && pair[0].length > (found?.[0].length ?? 0)) found = pair
  if (!found) return word
  const rest = word.slice(0, word.length - found[0].length)
  return measure(rest) > 0 ? rest + found[1] : word
}

function withoutPlural(word: string): string {
  if (word.endsWith('sses') || word.endsWith('ies')) return word.slice(0, -2)
  return word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word
}

function withoutTense(word: string): string {
  if (word.endsWith('eed')) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word
  const suffix = word.endsWith('ed') ? 'ed' : word.endsWith('ing') ? 'ing' : undefined
  if (!suffix) return word
  const rest = word.slice(0, word.length - suffix.length)
  if (!hasVowel(rest)) return word
  if (/(at|bl|iz)$/.test(rest)) return `${rest}e`
  if (endsDouble(rest) && !/[lsz]$/.test(rest)) return rest.slice(0, -1)
  return measure(rest) === 1 && endsShort(rest) ? `${rest}e` : rest
}

function withoutSuffix(word: string): string {
  let found = ''
  for (const suffix of step4) if (word.endsWith(suffix) && suffix.length > found.length) found = suffix
  if (found === '') return word
  const rest = word.slice(0, word.length - found.length)
  if (measure(rest) <= 1 || (found === 'ion' && !/[st]$/.test(rest))) return word
  return rest
}

function tidied(word: string): string {
  let tidy = word
  if (tidy.endsWith('e')) {
    const rest = tidy.slice(0, -1)
    if (measure(rest) > 1 || (measure(rest) === 1 && !endsShort(rest))) tidy = rest
  }
  return tidy.endsWith('ll') && measure(tidy) > 1 ? tidy.slice(0, -1) : tidy
}

/** Lower case in, the stem out. */
export function stemOf(word: string): string {
  if (word.length <= 2) return word
  let stem = withoutTense(withoutPlural(word))
  if (stem.endsWith('y') && hasVowel(stem.slice(0, -1))) stem = `${stem.slice(0, -1)}i`
  return tidied(withoutSuffix(replaced(replaced(stem, step2), step3)))
}
