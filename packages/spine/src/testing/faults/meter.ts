/** Counts acknowledged sends, and how long after a fault they come again as they did before all faults. */

import type { Traffic } from './traffic.ts'

/** Throughput is counted in steps of this, and compared over the last second. */
const STEP_MS = 200
const STEPS_PER_S = 1_000 / STEP_MS

export type Meter = ReturnType<typeof startMeter>

/** Begins to measure what is usual. */
export function startMeter(traffic: Traffic) {
  const counts: number[] = [traffic.acknowledged()]
  const recoveries_ms: number[] = []
  let usual = 0
  let waiting_since: number | undefined
  const rate = () => (counts.at(-1) ?? 0) - (counts.at(-1 - STEPS_PER_S) ?? 0)
  const timer = setInterval(() => {
    counts.push(traffic.acknowledged())
    if (waiting_since === undefined || rate() < usual * 0.95) return
    recoveries_ms.push(performance.now() - waiting_since)
    waiting_since = undefined
  }, STEP_MS)
  return {
    /** What there was so far was the usual, on average. */
    settle() {
      usual = (((counts.at(-1) ?? 0) - (counts[0] ?? 0)) / Math.max(1, counts.length - 1)) * STEPS_PER_S
    },
    /** The database is there again. */
    back() {
      waiting_since ??= performance.now()
    },
    stop() {
      clearInterval(timer)
      // One that did not come back counts as long as it was waited for.
      if (waiting_since !== undefined) recoveries_ms.push(performance.now() - waiting_since)
    },
    figures: () => {
      const sorted = recoveries_ms.toSorted((left, right) => left - right)
      return {
        usual_sends_per_s: usual,
        recoveries: sorted.length,
        recovery_p50_ms: sorted[Math.floor(sorted.length / 2)] ?? 0,
        slowest_recovery_ms: sorted.at(-1) ?? 0,
        recoveries_over_5_s: sorted.filter((ms) => ms > 5_000).length,
      }
    },
  }
}
