/** One variant of a what-if: what a fit made of the candidates, in numbers that can be compared with other variants. */

import type { CountTokens } from '../protocol/agent.ts'
import type { Draft, Strategy } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import type { PreviewVariant } from '../protocol/preview.ts'
import { memoryLine, render, sectionsOf } from '../protocol/render.ts'
import { type FitCall, type FitMemory, fitEnvelope } from './fit.ts'

/** All that a fit needs but its budget, strategy and tokenizer. */
export type Candidates = Omit<FitCall, 'strategy' | 'count'>

export type VariantCall = { max_tokens: number; strategy: Strategy; count: CountTokens }

type Carried = { id: string; tokens: number }

/** Share of each memory in the relevance of all: its score is the logarithm of its worth per token. */
export function weightsOf(memories: readonly FitMemory[]): Map<string, number> {
  const best = Math.max(...memories.map(({ score }) => score))
  const worth = memories.map(({ memory, score }) => ({
    id: memory.id,
    worth: Math.exp(score - best) * Math.max(1, memory.tokens),
  }))
  const all = worth.reduce((sum, one) => sum + one.worth, 0)
  return new Map(worth.map((one) => [one.id, one.worth / all]))
}

/** What `max_tokens` and `strategy` make of the candidates. A budget that is too small is an answer too. */
export function variantOf(candidates: Candidates, call: VariantCall): { variant: PreviewVariant; draft?: Draft } {
  const { max_tokens, strategy, count } = call
  const { draft, memories } = candidates
  const budget = { ...draft.budget, max_tokens, strategy }
  try {
    const fitted = fitEnvelope({ ...candidates, draft: { ...draft, budget }, strategy, count })
    const variant = described(fitted.draft, fitted.tokens, memories, count)
    return { variant, draft: fitted.draft }
  } catch (error) {
    if (!(error instanceof SpineError && error.code === 'BUDGET_TOO_SMALL')) throw error
    return { variant: tooSmall(error, budget, memories.length) }
  }
}

/** An envelope, fitted or sealed, among the candidates that it was chosen from. */
export function described(
  draft: Draft,
  token_count: number,
  memories: readonly FitMemory[],
  count: CountTokens,
): PreviewVariant {
  const { max_tokens, tokenizer, strategy } = draft.budget
  const { trimmed } = draft.receipts
  const reasons = new Map(trimmed.map(({ id, reason }) => [id, reason]))
  const levels = draft.memories.map((memory) => {
    const reason = reasons.get(memory.id)
    const tokens = count(memoryLine(memory)) + 1
    return { id: memory.id, level: memory.level, tokens, ...(reason === undefined ? {} : { reason }) }
  })
  const of = (level: string) => levels.filter((one) => one.level === level).length
  return {
    max_tokens,
    ...(strategy === undefined ? {} : { strategy }),
    tokenizer,
    fits: true,
    token_count,
    relevance: relevanceOf(draft, memories, count),
    levels,
    left_out: trimmed.flatMap(({ id, level, reason }) => (level === 'receipt' ? [{ id, reason }] : [])),
    counts: { full: of('full'), excerpt: of('excerpt'), ref: of('ref'), receipt: memories.length - levels.length },
    parts: sectionsOf(draft).map(({ heading, body }) => ({
      part: heading.slice(3).toLowerCase(),
      tokens: count(`${heading}\n${body}\n\n`),
    })),
    facts: draft.facts.length,
  }
}

/** The share of all relevance whose text travels. */
function relevanceOf(draft: Draft, memories: readonly FitMemory[], count: CountTokens): number {
  if (memories.length === 0) return 1
  const weights = weightsOf(memories)
  const whole = new Map(memories.map(({ memory }): [string, Carried] => [memory.id, memory]))
  const carried = draft.memories.reduce((sum, { id, level, content }) => {
    const tokens = whole.get(id)?.tokens ?? 0
    const share = level === 'full' ? 1 : content === undefined ? 0 : Math.min(1, count(content) / Math.max(1, tokens))
    return sum + (weights.get(id) ?? 0) * share
  }, 0)
  return Math.round(Math.min(1, carried) * 10_000) / 10_000
}

function tooSmall(error: SpineError, budget: Draft['budget'], memories: number): PreviewVariant {
  const parts = (error.extra.parts ?? {}) as Record<string, number>
  return {
    max_tokens: budget.max_tokens,
    ...(budget.strategy === undefined ? {} : { strategy: budget.strategy }),
    tokenizer: budget.tokenizer,
    fits: false,
    problem: {
      code: 'BUDGET_TOO_SMALL',
      detail: error.message,
      needed_tokens: Number(error.extra.needed_tokens),
    },
    token_count: 0,
    relevance: 0,
    levels: [],
    left_out: [],
    counts: { full: 0, excerpt: 0, ref: 0, receipt: memories },
    parts: Object.entries(parts).map(([part, tokens]) => ({ part, tokens })),
    facts: 0,
  }
}

/** The text of a variant. */
export const textOf = (draft: Draft | undefined) => (draft ? { text: render(draft) } : {})
