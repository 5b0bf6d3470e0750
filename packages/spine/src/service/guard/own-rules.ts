/**
 * The rules of this house for secrets that the preset misses or whose place it tells wrongly: AWS pairs, PEM blocks,
 * bearer tokens, passwords in addresses, and values under a name that says what they are. Each pattern has the secret
 * as its first group. All are linear: what repeats is bounded or cannot overlap with what follows.
 */

import { limits } from '../../protocol/limits.ts'

export type OwnRule = {
  kind: string
  pattern: RegExp
  /** What a text must have for the pattern to find something in it; without flags, or with `i` alone. */
  head: RegExp
  /** Whether what the pattern found is one; without it, it is. */
  isSecret?: (value: string) => boolean
}

/** Names that say that what follows is secret. */
const names =
  'pass(?:word|wd|phrase)|pwd|secret|token|credentials?|api[_-]?key|access[_-]?key|account[_-]?key|auth[_-]?key|signing[_-]?key|encryption[_-]?key|private[_-]?key|client[_-]?secret'
const secretName = new RegExp(`(?:${names})(?:[_-]?(?:key|base|value|hash))?$`, 'i')
/** Such a name, up to what says that its value follows. */
const named = String.raw`(?:${names})(?:[_-]?(?:key|base|value|hash))?["'\]]{0,2}\s{0,5}`
const awsNamed = String.raw`(?:aws|secret)[\w.-]{0,40}["']?\s{0,5}`
const before = `(?:${named}|${awsNamed})`
/** Looked for from its end: signs are rarer than what names may begin with, and found several times as fast. */
const assigned = new RegExp(String.raw`[:=](?<=${before}[:=])|s\b(?<=${before}\b(?:is|was))`, 'i')

const MAX_JUDGED = 1_000
const judged = new Map<string, boolean>()

/** Whether a member of this name holds something secret. Documents have the same few names, which are judged once. */
export function isSecretName(name: string): boolean {
  const known = judged.get(name)
  if (known !== undefined) return known
  const is_secret = secretName.test(name)
  if (judged.size < MAX_JUDGED && name.length <= limits.id_chars) judged.set(name, is_secret)
  return is_secret
}

const classesOf = (value: string) =>
  [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((characters) => characters.test(value)).length

/** Bits a character, after Shannon. */
function entropyOf(value: string): number {
  const counts = new Map<string, number>()
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1)
  return [...counts.values()].reduce((sum, times) => {
    const share = times / value.length
    return sum - share * Math.log2(share)
  }, 0)
}

const placeholder = /^[<{[$%*]|\$\{|\{\{|^(.)\1*$|example|changeme|placeholder|redacted|your[_-]/i
/** `config.api.token`, `getToken(user)`, `path/to/file.ts`: code, not a value. */
const code = /^[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)+$|[()[\]{}]|^\.{0,2}\/|=>|::/
const word = /^(?:[a-z]+|[A-Z]+|[A-Z]?[a-z]+(?:[A-Z][a-z]+)*)(?:[_-](?:[a-z]+|[A-Z]+))*\d?$/

/** A value that somebody made up or drew, not a word, a variable or a path. */
export function looksDrawn(value: string): boolean {
  if (value.length < 8 || placeholder.test(value) || code.test(value) || word.test(value)) return false
  if (!/\d/.test(value) && classesOf(value) < 3) return false
  if (/^[\d.,:+-]+$/.test(value)) return false
  return classesOf(value) >= 3 ? entropyOf(value) >= 2.5 : value.length >= 16 && entropyOf(value) >= 3
}

/** Base64 of random bytes has all three; the hash of a commit has no capitals. */
const isAwsSecret = (value: string) => /[a-z]/.test(value) && /[A-Z]/.test(value) && /\d/.test(value)

const notPlaceholder = (value: string) => !placeholder.test(value)

export const ownRules: readonly OwnRule[] = Object.freeze([
  {
    kind: 'private_key',
    head: /PRIVATE KEY/,
    pattern:
      /(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){0,8}(?:[A-Za-z-]{1,20}: [^\n]{0,100}\n){0,4}(?:\s|\\[nr]){0,4}[A-Za-z0-9+/=]{16,}[A-Za-z0-9+/=\s\\]{0,20000}(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?)/g,
  },
  {
    kind: 'aws_access_key',
    head: /A3T|AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA/,
    pattern: /(?<![A-Za-z0-9])((?:A3T[A-Z0-9]|AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA)[A-Z0-9]{16})(?![A-Za-z0-9])/g,
    isSecret: notPlaceholder,
  },
  {
    // The secret half of a pair: forty characters of base64 soon after the half that has a form.
    kind: 'aws_secret_key',
    head: /AKIA|ASIA/,
    pattern:
      /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])[\s\S]{1,200}?(?<![A-Za-z0-9/+=])([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/g,
    isSecret: isAwsSecret,
  },
  {
    kind: 'aws_secret_key',
    head: assigned,
    pattern: new RegExp(
      String.raw`${awsNamed}(?:=>|[:=]|\bis\b)\s{0,5}["'${'`'}]?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])`,
      'gi',
    ),
    isSecret: isAwsSecret,
  },
  {
    kind: 'bearer_token',
    head: /\b(?:bearer|basic)\s/i,
    pattern: /\b(?:bearer|basic)\s{1,5}([A-Za-z0-9._~+/=-]{16,4000})/gi,
    isSecret: (value) => /\d/.test(value) && entropyOf(value) >= 3 && !code.test(value) && notPlaceholder(value),
  },
  {
    kind: 'jwt',
    head: /eyJ/,
    pattern: /(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{10,2000})/g,
  },
  {
    kind: 'password_in_url',
    head: /:\/\/[^\s/]{1,310}@/,
    pattern: /(?<=[a-z0-9+]):\/\/[^\s:/@'"`<>]{0,100}:([^\s/@'"`<>]{3,200})@(?=[A-Za-z0-9[])/g,
    isSecret: (value) => notPlaceholder(value) && !/^(?:pass(?:word)?|pw|secret)$/i.test(value),
  },
  { kind: 'npm_token', head: /npm_/, pattern: /(?<![A-Za-z0-9_])(npm_[A-Za-z0-9]{36})(?![A-Za-z0-9_])/g },
  { kind: 'npm_token', head: /_authToken/, pattern: /_authToken\s?=\s?["']?([^\s$"'][^\s"']{7,500})/g },
  { kind: 'google_api_key', head: /AIza/, pattern: /(?<![A-Za-z0-9_-])(AIza[A-Za-z0-9_-]{35})(?![A-Za-z0-9_-])/g },
  {
    kind: 'assigned_secret',
    head: assigned,
    pattern: new RegExp(
      String.raw`${named}(?:=>|:=|[:=]|\s(?:is|was)\s)\s{0,5}["'${'`'}]?([^\s"'${'`'},;<>|]{8,500})`,
      'gi',
    ),
    isSecret: looksDrawn,
  },
])
