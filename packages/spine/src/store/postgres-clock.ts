/**
 * The time of the database, as this node knows it: monotonic time here plus an offset measured there, every 10 s. All
 * nodes so agree on when a lease ends, whatever their own wall clocks say.
 */

import { SpineError } from '../protocol/errors.ts'
import type { SharedClock } from './database.ts'

const MEASURE_EVERY_MS = 10_000
/** A node that has not heard the database's time for so long takes nothing away from anybody. */
const TRUSTED_FOR_MS = 30_000
/** A step back of less than this is waited out, so that time never runs backwards for it. */
const WAITED_OUT_MS = 1_000
/** Two clocks drift apart by at most this part of the time that passes: ten times what usual ones do. */
const DRIFT = 200e-6

export type PostgresClock = SharedClock & { stop(): void }

export type PostgresClockOptions = {
  /** Asks the database for its time, in milliseconds since 1970. */
  ask(): Promise<number>
  /** Milliseconds that have passed, from any start: a wall clock will not do. */
  monotonic?: () => number
}

type Bounds = { low: number; high: number }

/** What both measurements allow; if nothing is left, one of the clocks was set, and the new one holds. */
function narrowed(known: Bounds, measured: Bounds): Bounds {
  const low = Math.max(known.low, measured.low)
  const high = Math.min(known.high, measured.high)
  return low <= high ? { low, high } : measured
}

/** Resolves after the first measurement. */
export async function startPostgresClock({ ask, monotonic }: PostgresClockOptions): Promise<PostgresClock> {
  const passed = monotonic ?? (() => performance.now())
  let bounds = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
  let offset = 0
  let measured_at = Number.NEGATIVE_INFINITY
  let last = 0

  const measure = async (): Promise<void> => {
    const before = passed()
    const theirs = await ask()
    const after = passed()
    // The answer was given somewhere on the way, and in whole milliseconds: a quick one says more than a slow one.
    const drift = (after - measured_at) * DRIFT
    bounds = narrowed(
      { low: bounds.low - drift, high: bounds.high + drift },
      { low: theirs - after, high: theirs + 1 - before },
    )
    offset = (bounds.low + bounds.high) / 2
    measured_at = after
    const now = Math.floor(after + offset)
    // Its clock was set back: every node follows, or leases would live on by a time that nobody else has.
    if (last - now > WAITED_OUT_MS) last = now
  }

  await measure()
  const timer = setInterval(() => void measure().catch(() => {}), MEASURE_EVERY_MS)
  timer.unref()

  return Object.freeze({
    now() {
      last = Math.max(last, Math.floor(passed() + offset))
      return last
    },
    check() {
      const age_ms = Math.round(passed() - measured_at)
      if (age_ms <= TRUSTED_FOR_MS) return
      throw new SpineError(
        'STORE_UNAVAILABLE',
        `This node heard the time of the database ${age_ms} ms ago, and does not hand out or take back leases by it.`,
        { retry_after_ms: 1_000 },
      )
    },
    stop: () => clearInterval(timer),
  })
}
