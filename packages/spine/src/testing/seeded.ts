/** Chance that can be foretold: the same seed draws the same numbers, on every machine and every database. */

import type { Chance } from '../service/clock.ts'

export type Seeded = Chance & {
  /** A whole number from 0 up to, but not including, `below`. */
  int(below: number): number
  pick<T>(from: readonly T[]): T
  /** True in `percent` of a hundred. */
  happens(percent: number): boolean
}

/** FNV-1a: spreads the parts of a seed over 32 bits. */
function spread(parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5
  for (const char of parts.join('/')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  return hash >>> 0
}

/** mulberry32: small, fast, and good enough to choose what a simulation does next. */
export function seeded(...parts: readonly (string | number)[]): Seeded {
  let state = spread(parts)
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const int = (below: number): number => Math.floor(uniform() * below)
  const hex = (digits: number): string => {
    let drawn = ''
    while (drawn.length < digits) drawn += int(0x1_0000_0000).toString(16).padStart(8, '0')
    return drawn.slice(0, digits)
  }
  return Object.freeze({
    uniform,
    hex,
    int,
    pick: <T>(from: readonly T[]): T => from[int(from.length)] as T,
    happens: (percent: number) => int(100) < percent,
  })
}
