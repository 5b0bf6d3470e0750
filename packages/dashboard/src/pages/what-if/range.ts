/** Which budgets the map shows, and how the levels of a memory run over them. */

import type { Level } from '../../../../spine/src/protocol/envelope.ts'
import type { PreviewVariant } from '../../../../spine/src/protocol/preview.ts'

export type Range = { low: number; high: number; budgets: readonly number[] }

const points = 44

/** From below the smallest possible budget to well above the sealed one, in round numbers. */
export function rangeOf(smallest: number, sealed: number): Range {
  const unit = sealed > 40_000 ? 1_000 : sealed > 4_000 ? 100 : 50
  const low = Math.max(unit, Math.floor((smallest * 0.75) / unit) * unit)
  const high = Math.ceil((Math.max(sealed, smallest) * 1.25) / unit) * unit
  const budgets = Array.from({ length: points }, (_, index) => Math.round(low + ((high - low) * index) / (points - 1)))
  return { low, high, budgets: [...new Set(budgets)] }
}

export type Stretch = { level: Level; from: number; to: number }

/** Budgets from which on a memory travels at a level; each change lies somewhere between two budgets of the map. */
export function stretchesOf(id: string, variants: readonly PreviewVariant[], high: number): Stretch[] {
  const stretches: Stretch[] = []
  for (const { max_tokens, levels } of variants) {
    const level = levels.find((one) => one.id === id)?.level
    const last = stretches.at(-1)
    const goesOn = last && last.to === max_tokens && last.level === level
    const next = variants.find((other) => other.max_tokens > max_tokens)?.max_tokens ?? high
    if (goesOn) last.to = next
    else if (level) stretches.push({ level, from: max_tokens, to: next })
  }
  return stretches
}

/** The variant of the map for a budget: that of the largest budget not above it. */
export const nearest = (variants: readonly PreviewVariant[], budget: number): PreviewVariant | undefined =>
  variants.findLast(({ max_tokens }) => max_tokens <= budget) ?? variants[0]
