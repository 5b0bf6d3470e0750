/**
 * Time of a simulation. It outlives the engine: each life of the server gets a clock of its own, whose timers die with
 * it, and a restart may find that the wall clock was set an hour forward or back.
 */

import type { Clock } from '../../service/clock.ts'

type Timer = { due: number; order: number; call: () => void }

export type SimTime = {
  /** What a clock shows, in milliseconds since 1970. */
  now(): number
  /** What has really passed since the start, in milliseconds: no setting of a clock changes it. */
  passed(): number
  /** Time goes on, and no timer is called: as in a process that is suspended. */
  creep(ms: number): void
  /** Somebody sets the wall clock; only a new life of the server sees it. */
  set(ms: number): void
  /** Calls each timer that is due, once and in order; false when there was none. */
  fire(): boolean
  /** A clock for one life; the timers of the life before are gone. */
  begin(): Clock
}

export function createSimTime(start: number): SimTime {
  let now = start
  let passed = 0
  let order = 0
  let timers = new Set<Timer>()

  return Object.freeze({
    now: () => now,
    passed: () => passed,
    creep(ms: number) {
      now += ms
      passed += ms
    },
    set(ms: number) {
      now += ms
    },
    fire() {
      const due = [...timers].filter((timer) => timer.due <= now)
      for (const timer of due.sort((left, right) => left.due - right.due || left.order - right.order))
        if (timers.delete(timer)) timer.call()
      return due.length > 0
    },
    begin(): Clock {
      const own = new Set<Timer>()
      timers = own
      return Object.freeze({
        now: () => now,
        after(ms: number, call: () => void) {
          order += 1
          const timer = { due: now + Math.max(0, ms), order, call }
          own.add(timer)
          return () => void own.delete(timer)
        },
      })
    },
  })
}
