/**
 * The list of exact values that an envelope carries beside its texts: the best that fit, none that already stands
 * elsewhere in the text, each with one text it is from. Few texts are named rather than many, for names cost tokens.
 */

import type { CountTokens } from '../protocol/agent.ts'
import type { Fact } from '../protocol/envelope.ts'
import { factLines } from '../protocol/render.ts'
import type { RankedFact } from './facts.ts'
import { createShown } from './shown.ts'

export type FactRoom = { tokens: number; chars: number }

const MAX_FACTS = 400
/** What a value costs beside its own tokens: what separates it from the next one. */
const BETWEEN = 1
/** About what the name of a text costs. */
const LABEL_TOKENS = 6

/** What fits of a list of facts beside the text that is shown, which comes in parts of whole lines. */
export type FactList = {
  /** About what those take that do not stand in `shown`, at most `tokens`. */
  wants(shown: readonly string[], tokens: number): number
  /** Those that do not stand in `shown`, within the room, each under one text. */
  fit(shown: readonly string[], room: FactRoom): Fact[]
  /** Which of the values of a text do not stand in what is shown of it, best first. */
  hidden(text: string, shown: string): string[]
}

/** `ranked`: best first. */
export function createFactList(ranked: readonly RankedFact[], count: CountTokens): FactList {
  const shown = createShown(ranked.map(({ value }) => value))
  const costs = new Map<RankedFact, number>()
  const costOf = (fact: RankedFact): number => {
    const known = costs.get(fact)
    if (known !== undefined) return known
    const cost = count(` ${fact.value}`) + BETWEEN
    costs.set(fact, cost)
    return cost
  }

  /** Best first, as many as could fit if hardly any text had to be named. */
  const choose = (text: readonly string[], room: FactRoom): RankedFact[] => {
    const said = shown.inParts(text)
    const chosen: { place: number; fact: RankedFact }[] = []
    let left = room.tokens
    for (const [place, fact] of ranked.entries()) {
      if (chosen.length >= MAX_FACTS || left < 3) break
      if (said.has(place)) continue
      const tokens = costOf(fact)
      if (tokens > left) continue
      left -= tokens
      for (const other of shown.in(`${fact.key ?? ''} ${fact.value}`)) said.add(other)
      chosen.push({ place, fact })
    }
    const within = new Set(chosen.flatMap(({ place, fact }) => shown.in(fact.value).filter((other) => other !== place)))
    return chosen.filter(({ place }) => !within.has(place)).map(({ fact }) => fact)
  }

  const fit = (text: readonly string[], room: FactRoom): Fact[] => {
    const chosen = choose(text, room)
    while (chosen.length > 0) {
      const origins = originsOf(chosen)
      const fitting = howManyFit(chosen, origins, room, { costOf, count })
      if (fitting < chosen.length) {
        // Fewer values, fewer texts: each may be named under another one now.
        chosen.length = fitting
        continue
      }
      const facts = grouped(chosen, origins)
      const lines = factLines(facts)
      const tokens = lines.reduce((sum, line) => sum + count(line) + 1, 0)
      const chars = lines.reduce((sum, line) => sum + line.length + 1, 0)
      if (tokens <= room.tokens && chars <= room.chars) return facts
      chosen.length -= 1
    }
    return []
  }

  const wants = (text: readonly string[], tokens: number): number => {
    const said = shown.inParts(text)
    const named = new Set<string>()
    let wanted = 0
    for (const [place, fact] of ranked.entries()) {
      if (wanted >= tokens) return tokens
      if (said.has(place)) continue
      const label = fact.sources.some((from) => named.has(from)) ? undefined : fact.sources[0]
      if (label !== undefined) named.add(label)
      wanted += costOf(fact) + (label === undefined ? 0 : LABEL_TOKENS)
    }
    return Math.min(tokens, wanted)
  }

  return Object.freeze({
    wants,
    fit,
    hidden: (text: string, part: string) => {
      const said = new Set(shown.in(part))
      const places = new Set(shown.in(text))
      const values: string[] = []
      for (const [place, { value }] of ranked.entries()) {
        if (!places.has(place) || said.has(place)) continue
        for (const other of shown.in(value)) said.add(other)
        values.push(value)
      }
      return values
    },
  })
}

/** How many of them have room, best first, if each stands under its text: about what their lines will cost. */
function howManyFit(
  chosen: readonly RankedFact[],
  origins: ReadonlyMap<RankedFact, string>,
  room: FactRoom,
  { costOf, count }: { costOf(fact: RankedFact): number; count: CountTokens },
): number {
  const named = new Set<string>()
  let { tokens, chars } = room
  for (const [place, fact] of chosen.entries()) {
    const from = origins.get(fact) ?? ''
    const label = `${from} (${fact.trust}): `
    if (!named.has(label)) {
      named.add(label)
      tokens -= count(label)
      chars -= label.length
    }
    tokens -= costOf(fact)
    chars -= fact.value.length + 2
    if (tokens < 0 || chars < 0) return place
  }
  return chosen.length
}

/** Of each value the text that has most of the values. */
function originsOf(chosen: readonly RankedFact[]): Map<RankedFact, string> {
  const held = new Map<string, number>()
  for (const { sources } of chosen) for (const from of sources) held.set(from, (held.get(from) ?? 0) + 1)
  const most = (sources: readonly string[]) =>
    sources.reduce((best, from) => ((held.get(from) ?? 0) > (held.get(best) ?? 0) ? from : best))
  return new Map(chosen.map((fact) => [fact, most(fact.sources)]))
}

/** Each value under its text; the user's first, those of tools and strangers last. */
function grouped(chosen: readonly RankedFact[], origins: ReadonlyMap<RankedFact, string>): Fact[] {
  const groups = new Map<string, Fact[]>()
  for (const ranked of chosen) {
    const { value, kind, key, trust, uses } = ranked
    const from = origins.get(ranked) ?? ''
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
  return [...Map.groupBy(facts, (fact) => fact.key ?? fact).values()].flat()
}
