/** Time and chance of the client, in one place, so that tests turn the clock by hand. */

import { setTimeout as timeout } from 'node:timers/promises'

export type Pacing = {
  /** Milliseconds that only grow. */
  now: () => number
  /** Resolves after `ms`, or as soon as `signal` is aborted. Never rejects. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** From 0 up to, but not including, 1. */
  random: () => number
}

export const systemPacing: Pacing = Object.freeze({
  now: () => performance.now(),
  sleep: async (ms: number, signal?: AbortSignal) => {
    try {
      await timeout(ms, undefined, signal ? { signal } : {})
    } catch {
      // Woken early: whoever aborted looks at the signal.
    }
  },
  random: Math.random,
})
