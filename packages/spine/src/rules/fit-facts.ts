/**
 * The list of exact values that an envelope carries beside its texts: the best that fit, none that already stands
 * elsewhere in the text, each with one text it is from. Few texts are named rather than many, for names cost tokens.
 */

import type { CountTokens } from '../protocol/agent.ts'
import type { Fact } from '../protocol/envelope.ts'
import { factLines } from '../protocol/render.ts'
import type { RankedFact } from './facts.ts'

export type FactRoom = { tokens: number; chars: number }

const MAX_FACTS = 400
/** What a value costs beside its own tokens: what separates it from the next one. */
const BETWEEN = 1

/** Those that do not stand in `shown`, within the room. */
export function fitFacts(ranked: readonly RankedFact[], shown: string, room: FactRoom, count: CountTokens): Fact[] {
  const chosen = choose(ranked, shown, room, count)
  while (chosen.length > 0) {
    const facts = withOrigins(chosen)
    const lines = factLines(facts)
    const tokens = lines.reduce((sum, line) => sum + count(line) + 1, 0)
    const chars = lines.reduce((sum, line) => sum + line.length + 1, 0)
    if (tokens <= room.tokens && chars <= room.chars) return facts
    const over = Math.max((tokens - room.tokens) / Math.max(1, tokens), (chars - room.chars) / Math.max(1, chars))
    chosen.length -= Math.max(1, Math.floor(chosen.length * over * 0.7))
  }
  return []
}

/** Best first, as many as could fit if hardly any text had to be named. */
function choose(ranked: readonly RankedFact[], shown: string, room: FactRoom, count: CountTokens): RankedFact[] {
  const chosen: RankedFact[] = []
  let listed = ''
  let left = room.tokens
  for (const fact of ranked) {
    if (chosen.length >= MAX_FACTS || left < 3) break
    if (standsIn(shown, fact.value) || standsIn(listed, fact.value)) continue
    const tokens = count(` ${fact.value}`) + BETWEEN
    if (tokens > left) continue
    left -= tokens
    listed += `\n${fact.key ?? ''} ${fact.value}`
    chosen.push(fact)
  }
  return chosen.filter((fact) => !chosen.some((other) => other !== fact && standsIn(other.value, fact.value)))
}

/** Each value under the text that has most of the values; the user's first, those of tools and strangers last. */
function withOrigins(chosen: readonly RankedFact[]): Fact[] {
  const held = new Map<string, number>()
  for (const { sources } of chosen) for (const from of sources) held.set(from, (held.get(from) ?? 0) + 1)
  const originOf = (fact: RankedFact) =>
    fact.sources.reduce((best, from) => ((held.get(from) ?? 0) > (held.get(best) ?? 0) ? from : best))
  const groups = new Map<string, Fact[]>()
  for (const ranked of chosen) {
    const { value, kind, key, trust, uses } = ranked
    const from = originOf(ranked)
    const group = `${order.indexOf(trust)}\n${from}`
    const facts = groups.get(group) ?? []
    facts.push({ value, kind, ...(key === undefined ? {} : { key }), from, trust, uses })
    groups.set(group, facts)
  }
  return [...groups].sort(([left], [right]) => Number(left[0]) - Number(right[0])).flatMap(([, facts]) => byKey(facts))
}

const order: readonly Fact['trust'][] = ['user', 'agent', 'tool', 'external']

/** Values of one key stand together, at the place of the first. */
function byKey(facts: readonly Fact[]): Fact[] {
  const keys = new Map<unknown, Fact[]>()
  for (const fact of facts) {
    const key = fact.key ?? fact
    keys.set(key, [...(keys.get(key) ?? []), fact])
  }
  return [...keys.values()].flat()
}

const inWord = /[\p{L}\p{N}_]/u

/** Whether a text has this value, as a whole. */
export function standsIn(text: string, value: string): boolean {
  const [first = '', last = ''] = [value[0], value.at(-1)]
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) {
    const before = text[at - 1] ?? ' '
    const after = text[at + value.length] ?? ' '
    if (!(inWord.test(before) && inWord.test(first)) && !(inWord.test(after) && inWord.test(last))) return true
  }
  return false
}
