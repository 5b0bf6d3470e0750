/**
 * Fits an envelope to its token budget. Must-keep parts first, then history, then memories at the best level each can
 * afford: full, excerpt, reference, or a receipt that says what was left out and why. The count at the end is the
 * tokenizer's own, on the whole rendered text.
 */

import type { CountTokens } from '../protocol/agent.ts'
import type { CompactedEntry, Draft, EnvelopeMemory, Strategy, Trimmed } from '../protocol/envelope.ts'
import { render, renderedParts } from '../protocol/render.ts'
import { countParts } from './count-lines.ts'
import type { RankedFact } from './facts.ts'
import { createFactList, type FactList } from './fit-facts.ts'
import { fitHistory, type HistoryPart } from './history.ts'
import { type Choice, chooseLevels, type FitMemory, type Levels } from './levels.ts'
import { fitMustKeep, tooSmall } from './must-keep.ts'

export type { FitMemory } from './levels.ts'

export type FitCall = {
  /** Without history, memories and receipts. */
  draft: Draft
  history: readonly HistoryPart[]
  compacted: CompactedEntry | undefined
  /** Best first. */
  memories: readonly FitMemory[]
  /** Exact values, best first. */
  facts: readonly RankedFact[]
  strategy: Strategy
  count: CountTokens
  require_full_intent: boolean
}

type Fitted = { draft: Draft; tokens: number }
/** A call whose facts have been looked at. */
type Fitting = Omit<FitCall, 'facts'> & { facts: FactList }

/** Receipts that an envelope lists one by one; the others are counted. */
const MAX_RECEIPTS = 50
/** What the heading and fence of a section, and the count of what was left out, can cost. */
const SECTION_TOKENS = 14
const LEFT_OUT_TOKENS = 16
const SECTION_CHARS = 24
/** Of what is free after the parts that must be kept, the share that facts may take from memories. */
const FACTS_OF_FREE = 0.7
const MIN_FACT_TOKENS = 12
/** Rounds in which what facts leave of their room is given to memories, and what is not worth a round. */
const GIVEN_OUT = 2
const MIN_REST_TOKENS = 24
const MIN_REST = 0.01
/** Rounds in which references are given what those before them did not take. */
const REFERRED = 2
/** What a heading or a longer list of what is left out may take of it. */
const REST_MARGIN = 6
/** About what a reference costs. */
const REFERENCE_TOKENS = 12

/** The draft with history, memories, facts and receipts, rendered within `max_tokens`, and the exact tokens of its text. */
export function fitEnvelope(given: FitCall): Fitted {
  const { count, strategy } = given
  const { max_tokens } = given.draft.budget
  const call: Fitting = { ...given, facts: createFactList(given.facts, count) }
  const draft = withHistory(call, fitMustKeep(call))
  const text = renderedParts(draft)
  const free = max_tokens - countParts(text, count) - SECTION_TOKENS - LEFT_OUT_TOKENS
  const facts = factTokens(call, text, { free: free * FACTS_OF_FREE, max_tokens })
  const levels = chooseLevels(call, draft, free - facts)
  const fitted = withRest(call, draft, levels)
  if (strategy === 'full_dump' && fitted.choices.some((choice) => choice.level !== 'full'))
    throw tooSmall(draft, count, {
      extra: { memories: call.memories.reduce((sum, { memory }) => sum + memory.tokens, 0) },
    })
  return explained(call, settle(call, draft, fitted))
}

/** Says of what is listed why it is there. No text shows it, so that it can be asked for at the end. */
function explained({ memories }: Fitting, { draft, tokens }: Fitted): Fitted {
  const known = new Map(memories.map((item) => [item.memory.id, item]))
  const reasons = new Map<string, string[]>()
  const withReasons = <T extends Trimmed | EnvelopeMemory>(listed: T): T => {
    const { id } = listed
    const explain = listed.explain ?? reasons.get(id) ?? known.get(id)?.explain?.() ?? []
    reasons.set(id, explain)
    return explain.length > 0 ? { ...listed, explain } : listed
  }
  const { receipts } = draft
  const trimmed = receipts.trimmed.map(withReasons)
  return { draft: { ...draft, memories: draft.memories.map(withReasons), receipts: { ...receipts, trimmed } }, tokens }
}

/** What the list of facts wants beside this text, at most a quarter of the budget and what is free. */
function factTokens(
  { facts }: Fitting,
  text: readonly string[],
  { free, max_tokens }: { free: number; max_tokens: number },
): number {
  const most = Math.floor(Math.min(max_tokens / 4, free)) - SECTION_TOKENS
  const wanted = most < MIN_FACT_TOKENS ? 0 : facts.wants(text, most)
  return wanted === 0 ? 0 : wanted + SECTION_TOKENS
}

/**
 * Gives out what facts leave of their room: a value that stands in a memory needs none. More memories show more values,
 * so that less is left from round to round.
 */
function withRest(call: Fitting, draft: Draft, levels: Levels): Fitted & { choices: Choice[] } {
  const { max_tokens } = draft.budget
  const small = Math.max(MIN_REST_TOKENS, max_tokens * MIN_REST)
  const rest = () => {
    const text = renderedParts(withMemories(draft, levels.choices()))
    const left = max_tokens - countParts(text, call.count) - REST_MARGIN
    // Who can be asked for the rest of it serves more than some values of it.
    return left - factTokens(call, text, { free: left - levels.kept(), max_tokens })
  }
  let left = rest()
  for (let round = 0; round < GIVEN_OUT && left >= small && levels.giveOut(left); round += 1) left = rest()
  levels.finish(Math.max(0, left))
  for (let round = 0; round < REFERRED && levels.kept() > 0; round += 1) levels.refer(Math.max(0, rest()))
  const choices = levels.choices()
  return { ...fittedWith(call, draft, choices), choices }
}

function fittedWith(call: Fitting, draft: Draft, choices: readonly Choice[]): Fitted {
  const fitted = withFacts(call, withMemories(draft, choices))
  return { draft: fitted, tokens: countParts(renderedParts(fitted), call.count) }
}

/** The facts that what is shown does not have, in what is left, at most a quarter of the text. */
function withFacts({ facts, count }: Fitting, draft: Draft): Draft {
  const { max_tokens } = draft.budget
  const without = renderedParts({ ...draft, facts: [] })
  const tokens = Math.floor(Math.min(max_tokens / 4, max_tokens - countParts(without, count))) - SECTION_TOKENS
  if (tokens < MIN_FACT_TOKENS) return { ...draft, facts: [] }
  // A quarter of the text is a third of the rest.
  const chars = Math.floor(without.reduce((sum, part) => sum + part.length, 0) / 3) - SECTION_CHARS
  return { ...draft, facts: facts.fit(without, { tokens, chars }) }
}

/** As much history as there is room for; where there is hardly any, the one entry that says where it is. */
function withHistory({ history, compacted, count }: Fitting, draft: Draft): Draft {
  const { max_tokens } = draft.budget
  const without = { ...draft, execution_history: [] }
  const free = max_tokens - count(render(without))
  for (let share = Math.max(0, Math.min(max_tokens, free * 5)); ; ) {
    const fitted = { ...draft, execution_history: fitHistory(history, compacted, share, count) }
    const over = count(render(fitted)) - max_tokens
    if (over <= 0) return fitted
    if (share === 0) return without
    share = Math.max(0, share - over * 5)
  }
}

/** Takes away from the end until the whole text fits. */
function settle(call: Fitting, draft: Draft, { choices, ...first }: Fitted & { choices: readonly Choice[] }): Fitted {
  const { max_tokens } = draft.budget
  const kept = [...choices]
  for (let fitted: Fitted = first; ; fitted = fittedWith(call, draft, kept)) {
    if (fitted.tokens <= max_tokens) return fitted
    // As much as is over by what each costs; the next count says whether that was enough.
    for (let over = fitted.tokens - max_tokens; over > 0; ) {
      const last = kept.findLastIndex((choice) => choice.level !== 'receipt')
      const choice = kept[last]
      if (!choice) return settleHistory(call, withMemories(draft, kept))
      const { content: _content, ...shown } = choice.shown
      const level = choice.level === 'ref' ? 'receipt' : 'ref'
      const cost = level === 'ref' ? Math.min(choice.cost, REFERENCE_TOKENS) : 0
      over -= Math.max(1, choice.cost - cost)
      kept[last] = { ...choice, level, cost, shown: { ...shown, level: 'ref' } }
    }
  }
}

/** The list of what was left out gives way first, then the history, and at last the word that there is such a list. */
function settleHistory(call: Fitting, draft: Draft): Fitted {
  const { count } = call
  const { trimmed, omitted_count } = draft.receipts
  const receipts = { ...draft.receipts, trimmed: [], omitted_count: omitted_count + trimmed.length }
  const saying = (list: Draft['receipts']): Fitted => {
    const fitted = withHistory(call, { ...draft, receipts: list })
    return { draft: fitted, tokens: count(render(fitted)) }
  }
  const listed = saying(receipts)
  if (listed.tokens <= draft.budget.max_tokens) return listed
  const unlisted = saying({ ...receipts, unlisted: true })
  if (unlisted.tokens > draft.budget.max_tokens) throw tooSmall(unlisted.draft, count)
  return unlisted
}

function withMemories(draft: Draft, choices: readonly Choice[]): Draft {
  const carried = choices.filter((choice) => choice.level !== 'receipt')
  const trimmed = choices.filter((choice) => choice.level !== 'full').map(receiptOf)
  return {
    ...draft,
    memories: carried.map((choice) => choice.shown),
    receipts: {
      ...draft.receipts,
      trimmed: trimmed.slice(0, MAX_RECEIPTS),
      omitted_count: Math.max(0, trimmed.length - MAX_RECEIPTS),
    },
  }
}

function receiptOf({ memory, level, score, why, instead, full_needs }: Choice): Trimmed {
  const reason = { full: '', excerpt: 'shown as an excerpt', ref: 'shown as a reference', receipt: 'did not fit' }[
    level
  ]
  return {
    id: memory.id,
    level,
    tokens: memory.tokens,
    score,
    reason: why ?? reason,
    ...(instead === undefined ? {} : { instead }),
    ...(full_needs === undefined ? {} : { full_needs }),
    ...(memory.explain === undefined ? {} : { explain: memory.explain }),
  }
}
