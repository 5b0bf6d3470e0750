/** A clock that stands still until it is moved by hand, so that a day of leases takes a moment. */

import type { Clock } from '../service/clock.ts'

export type ManualClock = Clock & {
  /** Moves time step by step: every timer that falls due is called at its own time, in order. */
  advance(ms: number): Promise<void>
  /** Moves time at once, as after a suspended process: what fell due in between is called late, each timer once. */
  jump(ms: number): Promise<void>
}

export type ManualClockOptions = {
  /** Milliseconds since 1970. */
  start?: number
  /** Waits for what a timer set in motion outside of promises, such as a database in another thread. */
  idle?: () => Promise<void>
}

type Timer = { due: number; order: number; call: () => void }

/** Lets everything that is ready run. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

export function manualClock({ start = Date.UTC(2026, 0, 5, 10), idle = turn }: ManualClockOptions = {}): ManualClock {
  const timers = new Set<Timer>()
  let now = start
  let order = 0

  const inOrder = () => [...timers].sort((left, right) => left.due - right.due || left.order - right.order)
  const fire = async (timer: Timer) => {
    if (!timers.delete(timer)) return
    now = Math.max(now, timer.due)
    timer.call()
    await idle()
  }

  return Object.freeze({
    now: () => now,
    after(ms: number, call: () => void) {
      order += 1
      const timer = { due: now + Math.max(0, ms), order, call }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async advance(ms: number) {
      const until = now + ms
      await idle()
      for (let [next] = inOrder(); next && next.due <= until; [next] = inOrder()) await fire(next)
      now = until
      await idle()
    },
    async jump(ms: number) {
      await idle()
      now += ms
      for (const timer of inOrder()) if (timer.due <= now) await fire(timer)
      await idle()
    },
  })
}
