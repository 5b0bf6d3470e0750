/**
 * Which exact values the next agent is likely to need: those that many texts use, of late, by several hands, in the
 * words of the task or of what is to be done next, and what the user said. One score, explained by its weights; what a
 * tool or a stranger wrote comes after what the user and the agents said.
 */

import type { Fact } from '../protocol/envelope.ts'
import type { Memory } from '../protocol/memory.ts'
import type { Value } from './values.ts'

type Trust = Memory['trust']

/** A text that values were taken from. */
export type FactSource = {
  /** `intent`, `summary`, `history`, the id of a memory, or of an envelope for its summary. */
  from: string
  by: string
  trust: Trust
  values: readonly Value[]
}

export type RankedFact = Value & {
  trust: Trust
  /** The texts of this trust that have it, newest first. */
  sources: string[]
  /** In how many texts it stands. */
  uses: number
  /** Log of how likely it is needed, less its length: more is better. */
  worth: number
}

/** Log odds, rounded from a logistic regression over recorded runs of several kinds; see docs/retention.md. */
const weight = {
  bias: -2.9,
  /** Natural logarithms: of the texts that have it, of their authors, of its characters. */
  uses: 0.4,
  authors: 0.8,
  length: 0.5,
  by_user: 1,
  only_tools: -0.7,
  /** Shares of its words. */
  words_of_summary: 1.1,
  words_of_intent: 2,
  /** Logarithms: of the texts since it was last seen, of the values beside it there. */
  texts_since: -0.4,
  values_beside: -0.4,
  behind_a_key: 0.35,
  plain_number: -0.9,
}
/** How much the length of a value counts against it: 1 would be worth per character. */
const PRICE = 0.7

const standing: Record<Trust, number> = { user: 0, agent: 1, tool: 2, external: 3 }

type Seen = Value & { at: number; by: Set<string>; sources: FactSource[]; beside: number; uses: number }

/** Best first. Sources come oldest first; the same sources give the same order. */
export function rankFacts(
  sources: readonly FactSource[],
  inherited: readonly Fact[],
  about: { intent: string; summary: string },
): RankedFact[] {
  const seen = new Map<string, Seen>()
  const known = new Set(sources.map(({ from }) => from))
  for (const [at, source] of [...carriedSources(inherited, known), ...sources].entries())
    for (const value of source.values) {
      const key = keyOf(value)
      const before = seen.get(key) ?? { ...value, at, by: new Set<string>(), sources: [], beside: 0, uses: 0 }
      before.by.add(source.by)
      before.sources.push(source)
      before.uses += 1
      before.at = at
      before.beside = source.values.length
      if (value.key !== undefined) before.key = value.key
      seen.set(key, before)
    }
  for (const fact of inherited) {
    const again = seen.get(keyOf(fact as Value))
    if (again && typeof fact.uses === 'number') again.uses = Math.max(again.uses, fact.uses)
  }
  const words = { intent: wordsOf(about.intent), summary: wordsOf(about.summary) }
  const newest = Math.max(0, ...[...seen.values()].map(({ at }) => at))
  return [...seen.values()]
    .map((value) => factOf(value, newest, words))
    .sort((left, right) => right.worth - left.worth || (left.value < right.value ? -1 : 1))
}

/** A value of an earlier envelope competes again, with the origin it had. */
function carriedSources(inherited: readonly Fact[], known: ReadonlySet<string>): FactSource[] {
  return inherited
    .filter(({ from }) => !known.has(from))
    .map(({ from, trust, value, kind, key }) => ({
      from,
      by: from,
      trust: trust ?? 'agent',
      values: [{ value, kind: kind as Value['kind'], ...(typeof key === 'string' ? { key } : {}) }],
    }))
}

/** Case matters in code, not in names and quotations. */
const keyOf = ({ value, kind }: Value) => (kind === 'name' || kind === 'quoted' ? value.toLowerCase() : value)

function factOf(seen: Seen, newest: number, words: Record<'intent' | 'summary', ReadonlySet<string>>): RankedFact {
  const { value, kind, key, at, by, sources, beside, uses } = seen
  const best = Math.min(...sources.map((source) => standing[source.trust]))
  const own = [...wordsOf(value)]
  const share = (of: ReadonlySet<string>) => own.filter((word) => of.has(word)).length / Math.max(1, own.length)
  const odds =
    weight.bias +
    weight.uses * Math.log(uses) +
    weight.authors * Math.log(by.size) +
    weight.length * Math.log(value.length) +
    (best === standing.user ? weight.by_user : 0) +
    (best >= standing.tool ? weight.only_tools : 0) +
    weight.words_of_summary * share(words.summary) +
    weight.words_of_intent * share(words.intent) +
    weight.texts_since * Math.log(1 + newest - at) +
    weight.values_beside * Math.log(1 + beside) +
    (key === undefined ? 0 : weight.behind_a_key) +
    (kind === 'number' ? weight.plain_number : 0)
  const worth = -Math.log1p(Math.exp(-odds)) - PRICE * Math.log(4 + value.length)
  const of_best = sources.filter((source) => standing[source.trust] === best)
  return {
    value,
    kind,
    ...(key === undefined ? {} : { key }),
    trust: of_best[0]?.trust ?? 'agent',
    sources: [...new Set(of_best.map(({ from }) => from).reverse())],
    uses,
    worth: Math.round(worth * 1e6) / 1e6,
  }
}

/** Words of three letters or digits and more: what a value and a text can have in common. */
const wordsOf = (text: string): Set<string> => new Set(text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [])
