/** What is different between the sealed envelope and a variant of it. */

import type { PreviewVariant } from '../../../../spine/src/protocol/preview.ts'
import type { Ink } from '../../pieces/glyphs.tsx'

export type Change = { id: string; from: Ink; to: Ink; tokens_from: number; tokens_to: number }

const weight: Partial<Record<Ink, number>> = { receipt: 0, ref: 1, excerpt: 2, full: 3 }

export function changesOf(sealed: PreviewVariant, variant: PreviewVariant) {
  const was = new Map(sealed.levels.map((one) => [one.id, one]))
  const is = new Map(variant.levels.map((one) => [one.id, one]))
  const all = [...new Set([...was.keys(), ...is.keys()])].map((id): Change => {
    const [before, after] = [was.get(id), is.get(id)]
    return {
      id,
      from: before?.level ?? 'receipt',
      to: after?.level ?? 'receipt',
      tokens_from: before?.tokens ?? 0,
      tokens_to: after?.tokens ?? 0,
    }
  })
  const ink = (change: Change) =>
    (weight[change.to] ?? 0) - (weight[change.from] ?? 0) || change.tokens_to - change.tokens_from
  return {
    less: all.filter((change) => ink(change) < 0),
    more: all.filter((change) => ink(change) > 0),
  }
}

export type NextStep = { budget: number; change: Change }

const most_steps = 2

/** The next budgets of the map with which a memory gets to a better level. */
export function stepsAbove(from: PreviewVariant, variants: readonly PreviewVariant[]): NextStep[] {
  const steps: NextStep[] = []
  let last = from
  for (const variant of variants) {
    if (variant.max_tokens <= from.max_tokens || !variant.fits || steps.length === most_steps) continue
    const change = changesOf(last, variant).more.find((one) => one.from !== one.to)
    if (!change) continue
    steps.push({ budget: variant.max_tokens, change })
    last = variant
  }
  return steps
}
