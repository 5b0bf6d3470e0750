/** How late the event loop of this process is: what every call here has to wait beside its own work. */

import { monitorEventLoopDelay } from 'node:perf_hooks'

const resolution_ms = 10
const window_ms = 10_000

export type EventLoopDelay = {
  /** Of the last ten to twenty seconds, in ms. */
  p99(): number
  stop(): void
}

export function watchEventLoop(): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolution_ms })
  // The histogram measures from timer to timer, so the time between them is taken off.
  const measured = () => (histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(99) / 1e6 - resolution_ms))
  let before = 0
  const timer = setInterval(() => {
    before = measured()
    histogram.reset()
  }, window_ms)
  timer.unref()
  histogram.enable()
  return Object.freeze({
    p99: () => Math.round(Math.max(before, measured()) * 10) / 10,
    stop: () => {
      clearInterval(timer)
      histogram.disable()
    },
  })
}
