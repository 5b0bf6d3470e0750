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

type Seen = {
  value: Value
  form: Form
  key: string | undefined
  at: number
  /** Distinct: they are few. */
  by: string[]
  sources: FactSource[]
  beside: number
  uses: number
}

/** Best first. Sources come oldest first; the same sources give the same order. */
export function rankFacts(
  sources: readonly FactSource[],
  inherited: readonly Fact[],
  about: { intent: string; summary: string },
): RankedFact[] {
  const seen = new Map<string, Seen>()
  const known = new Set(sources.map(({ from }) => from))
  for (const [at, source] of [...carriedSources(inherited, known), ...sources].entries())
    for (const value of source.values) see(seen, value, source, at)
  for (const fact of inherited) {
    const again = seen.get(formOf(fact as Value).key)
    if (again && typeof fact.uses === 'number') again.uses = Math.max(again.uses, fact.uses)
  }
  const words = { intent: wordsOf(about.intent), summary: wordsOf(about.summary) }
  let newest = 0
  for (const { at } of seen.values()) newest = Math.max(newest, at)
  return [...seen.values()]
    .map((value) => factOf(value, newest, words))
    .sort((left, right) => right.worth - left.worth || (left.value < right.value ? -1 : 1))
}

function see(seen: Map<string, Seen>, value: Value, source: FactSource, at: number): void {
  const form = formOf(value)
  const beside = source.values.length
  const before = seen.get(form.key)
  if (!before) {
    seen.set(form.key, { value, form, key: value.key, at, by: [source.by], sources: [source], beside, uses: 1 })
    return
  }
  if (!before.by.includes(source.by)) before.by.push(source.by)
  before.sources.push(source)
  before.uses += 1
  before.at = at
  before.beside = beside
  if (value.key !== undefined) before.key = value.key
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

/** What is the same of a value in every envelope: what it is known by, and its words. */
type Form = { key: string; words: readonly string[] }

const forms = new WeakMap<Value, Form>()

function formOf(value: Value): Form {
  const known = forms.get(value)
  if (known) return known
  const form = { key: keyOf(value), words: [...wordsOf(value.value)] }
  forms.set(value, form)
  return form
}

/** Case matters in code, not in names and quotations. */
const keyOf = ({ value, kind }: Value) => (kind === 'name' || kind === 'quoted' ? value.toLowerCase() : value)

function factOf(seen: Seen, newest: number, words: Record<'intent' | 'summary', ReadonlySet<string>>): RankedFact {
  const { form, key, at, by, sources, beside, uses } = seen
  const { value, kind } = seen.value
  const best = sources.reduce((least, { trust }) => Math.min(least, standing[trust]), standing.external)
  const share = (of: ReadonlySet<string>) => shareOf(form.words, of)
  const odds =
    weight.bias +
    weight.uses * Math.log(uses) +
    weight.authors * Math.log(by.length) +
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

function shareOf(words: readonly string[], of: ReadonlySet<string>): number {
  let shared = 0
  for (const word of words) if (of.has(word)) shared += 1
  return shared / Math.max(1, words.length)
}

/** Words of three letters or digits and more: what a value and a text can have in common. */
const wordsOf = (text: string): Set<string> => new Set(text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [])
