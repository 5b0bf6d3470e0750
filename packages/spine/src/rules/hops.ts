/**
 * How far a chain may go, and when it goes in circles: the same pair of agents for the third time with nothing changed
 * between them. Work that goes back and forth and changes something is not a circle.
 */

import type { Chain, CycleRule } from '../protocol/envelope.ts'

const TIMES_IN_A_CIRCLE = 3

/** One hop as the rule remembers it: who to whom, and a fingerprint of what could have changed. */
export type Step = { from: string; to: string; fingerprint: string }

export type HopCall = {
  max_hops: number | undefined
  cycle: CycleRule | undefined
}

const strictness: Record<CycleRule, number> = { stop: 2, warn: 1, off: 0 }

/** The limits of the next hop: a child may only tighten what its chain has. */
export function nextLimits(
  previous: readonly Chain[],
  call: HopCall,
  defaults: { max_hops: number },
): { hop: number; max_hops: number; cycle: CycleRule } {
  const hop = Math.max(0, ...previous.map((chain) => chain.hop)) + 1
  const inherited = previous.map((chain) => chain.max_hops)
  const max_hops = inherited.length
    ? Math.min(...inherited, call.max_hops ?? Number.POSITIVE_INFINITY)
    : (call.max_hops ?? defaults.max_hops)
  const rules = [...previous.map((chain) => chain.cycle), ...(call.cycle ? [call.cycle] : [])]
  const cycle = rules.toSorted((left, right) => strictness[right] - strictness[left])[0] ?? 'stop'
  return { hop, max_hops, cycle }
}

/** Whether this step closes a circle. */
export function isCircle(trail: readonly Step[], next: Step): boolean {
  const same = trail.filter(
    (step) => step.from === next.from && step.to === next.to && step.fingerprint === next.fingerprint,
  )
  return same.length + 1 >= TIMES_IN_A_CIRCLE
}
