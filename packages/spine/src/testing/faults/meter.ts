/** Counts acknowledged sends, and how long after a fault they come again as they did before all faults. */

import type { Traffic } from './traffic.ts'

/** Throughput is counted in steps of this, and compared over the last five of them. */
const STEP_MS = 200

export type Meter = ReturnType<typeof startMeter>

export function startMeter(traffic: Traffic) {
  const counts: number[] = [traffic.acknowledged()]
  const recoveries_ms: number[] = []
  let usual = 0
  let waiting_since: number | undefined
  const rate = () => (counts.at(-1) ?? 0) - (counts.at(-6) ?? 0)
  const timer = setInterval(() => {
    counts.push(traffic.acknowledged())
    if (waiting_since === undefined || rate() < usual * 0.95) return
    recoveries_ms.push(performance.now() - waiting_since)
    waiting_since = undefined
  }, STEP_MS)
  return {
    /** What there was so far was the usual. */
    settle() {
      usual = rate()
    },
    /** The database is there again. */
    back() {
      waiting_since ??= performance.now()
    },
    stop() {
      clearInterval(timer)
    },
    figures: () => ({
      usual_sends_per_s: usual,
      slowest_recovery_ms: Math.max(0, ...recoveries_ms),
      recoveries: recoveries_ms.length,
    }),
  }
}
