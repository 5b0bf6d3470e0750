/** Time, timers and chance as the service sees them: passed in, so that everything above can be simulated. */

import { randomBytes } from 'node:crypto'
import type { Database } from '../store/database.ts'

export type Clock = {
  /** Milliseconds since 1970. Never goes back: the wall clock at start plus what has passed since. */
  now(): number
  /** Calls once after `ms`; the answer takes it back. */
  after(ms: number, call: () => void): () => void
}

export type Chance = {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Lower-case hex digits, unguessable. */
  hex(digits: number): string
}

/** A jump of the wall clock after the start changes nothing here. */
export function systemClock(): Clock {
  const start = Date.now() - performance.now()
  return Object.freeze({
    now: () => Math.floor(start + performance.now()),
    after: (ms: number, call: () => void) => {
      const timer = setTimeout(call, ms)
      return () => clearTimeout(timer)
    },
  })
}

/** The time that the database keeps for all its nodes, where it does. */
export function clockOf({ clock }: Database): Clock {
  const system = systemClock()
  return clock ? Object.freeze({ ...system, now: clock.now }) : system
}

/** Random bytes are drawn in blocks: one call into the system for many ids. */
export function systemChance(): Chance {
  let block = ''
  const hex = (digits: number): string => {
    if (block.length < digits) block = randomBytes(4_096).toString('hex')
    const drawn = block.slice(0, digits)
    block = block.slice(digits)
    return drawn
  }
  return Object.freeze({ uniform: Math.random, hex })
}

/** Ids in the order of their making: `env_` + 12 hex digits of time, 4 of a counter, 12 of chance. */
export function idMaker(clock: Clock, chance: Chance): (prefix: string) => string {
  let last = 0
  let counter = 0
  return (prefix) => {
    const now = clock.now()
    counter = now > last ? 0 : counter + 1
    last = Math.max(now, last)
    if (counter > 0xffff) {
      last += 1
      counter = 0
    }
    return `${prefix}_${last.toString(16).padStart(12, '0')}${counter.toString(16).padStart(4, '0')}${chance.hex(12)}`
  }
}
