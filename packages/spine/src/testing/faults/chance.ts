/** Chance from a seed: the same seed, the same run. Mulberry32, which is small and good enough to spread tests. */

import type { Chance } from '../../service/clock.ts'

export type SeededChance = Chance & {
  /** A whole number from 0 up to, but not including, `limit`. */
  below(limit: number): number
  pick<T>(items: readonly T[]): T
}

export function seededChance(seed: number): SeededChance {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(uniform() * limit)
  return Object.freeze({
    uniform,
    below,
    hex: (digits: number) => Array.from({ length: digits }, () => below(16).toString(16)).join(''),
    pick: <T>(items: readonly T[]) => items[below(items.length)] as T,
  })
}
