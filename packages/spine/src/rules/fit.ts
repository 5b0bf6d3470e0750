/**
 * Fits an envelope to its token budget. Must-keep parts first, then history, then memories at the best level each can
 * afford: full, excerpt, reference, or a receipt that says what was left out and why. The count at the end is the
 * tokenizer's own, on the whole rendered text.
 */

import type { CountTokens } from '../protocol/agent.ts'
import type { CompactedEntry, Draft, EnvelopeMemory, Level, Strategy, Trimmed } from '../protocol/envelope.ts'
import { memoryLine, render } from '../protocol/render.ts'
import { excerptOf } from './excerpt.ts'
import { fitHistory, type HistoryPart } from './history.ts'
import { fitMustKeep, tooSmall } from './must-keep.ts'
import type { RankedPassage } from './rank.ts'
import { termsOf } from './terms.ts'

export type FitMemory = {
  /** As it would stand in the envelope, with its whole content. */
  memory: EnvelopeMemory & { content: string }
  /** The logarithm of its value per token. */
  score: number
  /** The order in which memories came: of two with the same score the newer one wins. */
  seq: number
  /** In the order of the text; together they are the whole content. */
  passages: readonly RankedPassage[]
  /** Asked for by id, in a range, in the history, or pinned: carried at least as a reference. */
  requested: boolean
}

export type FitCall = {
  /** Without history, memories and receipts. */
  draft: Draft
  history: readonly HistoryPart[]
  compacted: CompactedEntry | undefined
  /** Best first. */
  memories: readonly FitMemory[]
  strategy: Strategy
  count: CountTokens
  require_full_intent: boolean
}

/** Receipts that an envelope lists one by one; the others are counted. */
const MAX_RECEIPTS = 50
const MAX_EXTRA_REFS = 10
const MIN_EXCERPT_TOKENS = 24
const SUMMARY_TOKENS = 60
/** Raw messages longer than this are shown as excerpts. */
const MESSAGE_TOKENS = 200
/** What the heading and fence of a section, and the count of what was left out, can cost. */
const SECTION_TOKENS = 14
const LEFT_OUT_TOKENS = 16

type Choice = FitMemory & { level: Level | 'receipt'; shown: EnvelopeMemory; cost: number }

/** The draft with history, memories and receipts, rendered within `max_tokens`, and the exact tokens of its text. */
export function fitEnvelope(call: FitCall): { draft: Draft; tokens: number } {
  const { count, strategy } = call
  const { max_tokens } = call.draft.budget
  const draft = withHistory(call, fitMustKeep(call))
  const choices = chooseLevels(call, draft, max_tokens - count(render(draft)) - SECTION_TOKENS - LEFT_OUT_TOKENS)
  if (strategy === 'full_dump' && choices.some((choice) => choice.level !== 'full'))
    throw tooSmall(draft, count, { memories: call.memories.reduce((sum, { memory }) => sum + memory.tokens, 0) })
  return settle(call, draft, choices)
}

/** As much history as there is room for; where there is hardly any, the one entry that says where it is. */
function withHistory({ history, compacted, count }: FitCall, draft: Draft): Draft {
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

/** Pins, then what was asked for or is important, then the rest; each by its score. */
function inOrder(memories: readonly FitMemory[]): FitMemory[] {
  return memories.toSorted((left, right) => tierOf(left) - tierOf(right) || right.score - left.score)
}

const tierOf = ({ memory, requested }: FitMemory): 0 | 1 | 2 =>
  memory.pinned || memory.priority === 'critical' ? 0 : requested || memory.priority === 'high' ? 1 : 2

function chooseLevels(call: FitCall, draft: Draft, free: number): Choice[] {
  const { count, strategy } = call
  const wanted = new Set(termsOf(`${draft.task.summary} ${draft.task.intent}`))
  const settled = (draft.task.state.decisions?.length ?? 0) > 0
  let left = free
  const at = (item: FitMemory, level: Level, content?: string): Choice => {
    const { content: _content, ...rest } = item.memory
    const shown = content === undefined ? { ...rest, level } : { ...rest, level, content }
    return { ...item, level, shown, cost: count(memoryLine(shown)) + 1 }
  }
  const best = (item: FitMemory, room: number): Choice | undefined => {
    const { memory } = item
    const pinned = memory.pinned || memory.priority === 'critical'
    if (!pinned && (strategy === 'lazy' || (settled && memory.kind === 'reasoning'))) return undefined
    const short = !pinned && strategy === 'summary_refs'
    const message = !pinned && strategy === 'priority' && memory.kind === 'message' && memory.tokens > MESSAGE_TOKENS
    const full = at(item, 'full', memory.content)
    if (full.cost <= room && !message && (!short || memory.tokens <= SUMMARY_TOKENS)) return full
    const label = count(memoryLine({ ...full.shown, content: '' })) + 2
    const allowance = Math.min(
      room - label,
      short ? SUMMARY_TOKENS : message ? MESSAGE_TOKENS : Number.POSITIVE_INFINITY,
    )
    if (strategy === 'full_dump' || allowance < MIN_EXCERPT_TOKENS) return undefined
    const excerpt = excerptOf(memory.content, wanted, termsOf, allowance, count)
    const choice = excerpt === undefined ? undefined : at(item, 'excerpt', excerpt)
    return choice && choice.cost <= room ? choice : undefined
  }

  const items = inOrder(call.memories)
  const choices = new Map<FitMemory, Choice>()
  const set = (choice: Choice, item: FitMemory) => {
    left += (choices.get(item)?.cost ?? 0) - choice.cost
    choices.set(item, choice)
  }
  const reference = (item: FitMemory) => {
    const choice = at(item, 'ref')
    if (choice.cost <= left) set(choice, item)
  }
  for (const item of items) if (item.requested || item.memory.priority === 'high') reference(item)
  const waiting = items.some((item) => item.memory.priority === 'high' && !choices.has(item))
  for (const item of items) {
    // What nobody asked for takes no room while something important has none.
    if (waiting && tierOf(item) === 2) continue
    const choice = best(item, left + (choices.get(item)?.cost ?? 0))
    if (choice) set(choice, item)
  }
  const others = items.filter((item) => !choices.has(item))
  for (const item of strategy === 'lazy' ? others : others.slice(0, MAX_EXTRA_REFS)) reference(item)
  return items.map((item) => choices.get(item) ?? { ...at(item, 'ref'), level: 'receipt' })
}

/** Counts the whole text, and takes away from the end until it fits. */
function settle(call: FitCall, draft: Draft, choices: readonly Choice[]): { draft: Draft; tokens: number } {
  const { count } = call
  const { max_tokens } = draft.budget
  const kept = [...choices]
  for (;;) {
    const fitted = withMemories(draft, kept)
    const tokens = count(render(fitted))
    if (tokens <= max_tokens) return { draft: fitted, tokens }
    const last = kept.findLastIndex((choice) => choice.level !== 'receipt')
    const choice = kept[last]
    if (!choice) return settleHistory(call, fitted)
    const { content: _content, ...shown } = choice.shown
    const level = choice.level === 'ref' ? 'receipt' : 'ref'
    kept[last] = { ...choice, level, shown: { ...shown, level: 'ref' } }
  }
}

/** The list of what was left out gives way first, then the history. */
function settleHistory(call: FitCall, draft: Draft): { draft: Draft; tokens: number } {
  const { count } = call
  const { trimmed, omitted_count } = draft.receipts
  const receipts = { ...draft.receipts, trimmed: [], omitted_count: omitted_count + trimmed.length }
  const fitted = withHistory(call, { ...draft, receipts })
  const tokens = count(render(fitted))
  if (tokens > draft.budget.max_tokens) throw tooSmall(fitted, count)
  return { draft: fitted, tokens }
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

function receiptOf({ memory, level, score }: Choice): Trimmed {
  const reason = { full: '', excerpt: 'shown as an excerpt', ref: 'shown as a reference', receipt: 'did not fit' }[
    level
  ]
  return { id: memory.id, level, tokens: memory.tokens, score, reason }
}
