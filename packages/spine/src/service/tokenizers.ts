/**
 * Token counting. A tokenizer is loaded when it is first needed. Byte pair encoding takes quadratic time on a run
 * without bounds (131,072 times the same letter took 27 s here), so longer runs are counted in pieces; every text
 * without such a run is counted exactly as the tokenizer does.
 */

import type { CountTokens, TokenizerName } from '../protocol/agent.ts'
import { byLines } from '../rules/count-lines.ts'

export const DEFAULT_TOKENIZER: TokenizerName = 'o200k_base'

const MAX_RUN = 512
/** What the patterns of the tokenizers leave in one piece. Line ends and slashes belong to the sign before them. */
const longRun = /[\p{L}\p{M}]{513,}|\s{513,}|[\r\n/]{513,}|[^\s\p{L}\p{N}]{513,}/gu
/** The older ones do not take digits by threes. */
const longRunOrDigits = new RegExp(`${longRun.source}|\\p{N}{513,}`, 'gu')
/** Texts up to this are counted at once; longer ones in pieces, between which others get their turn. */
const PIECE_CHARS = 8_192

const loaders = {
  o200k_base: () => import('gpt-tokenizer/encoding/o200k_base'),
  cl100k_base: () => import('gpt-tokenizer/encoding/cl100k_base'),
  p50k_base: () => import('gpt-tokenizer/encoding/p50k_base'),
  r50k_base: () => import('gpt-tokenizer/encoding/r50k_base'),
} satisfies Record<TokenizerName, unknown>

const loaded = new Map<TokenizerName, CountTokens>()

/** The counter of a tokenizer. What looks like a special token is counted as the text it is. */
export async function tokenizer(name: TokenizerName): Promise<CountTokens> {
  const known = loaded.get(name)
  if (known) return known
  const { countTokens } = await loaders[name]()
  const plain = { disallowedSpecial: new Set<string>() }
  const runs = name === 'p50k_base' || name === 'r50k_base' ? longRunOrDigits : longRun
  // What is rendered again and again differs in few lines.
  const count = byLines((text) => countTokens(text.length > MAX_RUN ? broken(text, runs) : text, plain))
  loaded.set(name, count)
  return count
}

/** Counts a text of any length without keeping the others waiting. */
export async function countLong(text: string, count: CountTokens): Promise<number> {
  let tokens = 0
  for (let start = 0; start < text.length; ) {
    const end = start + PIECE_CHARS >= text.length ? text.length : cut(text, start + PIECE_CHARS)
    tokens += count(text.slice(start, end))
    start = end
    if (start < text.length) await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return tokens
}

/** Before a single space, where a token starts anyway; else before a whole character. */
function cut(text: string, limit: number): number {
  for (let at = limit; at > limit - 1_000; at -= 1)
    if (text[at] === ' ' && /\S/.test(text[at - 1] ?? ' ') && /[\p{L}\p{N}]/u.test(text[at + 1] ?? ' ')) return at
  const code = text.charCodeAt(limit)
  return code >= 0xdc00 && code <= 0xdfff ? limit - 1 : limit
}

/** A separator every 512 characters of a run; it adds a token for each, which keeps the count on the safe side. */
const broken = (text: string, runs: RegExp): string =>
  text.replace(runs, (run) => {
    const separator = /\p{N}/u.test(run) ? 'a' : '1'
    return [...run].reduce((parts, char, at) => parts + (at > 0 && at % MAX_RUN === 0 ? separator : '') + char, '')
  })
