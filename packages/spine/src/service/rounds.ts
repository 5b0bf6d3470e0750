/** Work that comes back by itself: each round starts a while after the last one ended, so there are never two at once. */

import type { Clock } from './clock.ts'

export type Rounds = {
  /** No round starts any more; resolves when the one that runs has ended. */
  stop(): Promise<void>
}

/** The first round is `every_ms` from now. One that fails is followed by the next: callers hear of trouble themselves. */
export function startRounds(clock: Clock, every_ms: number, round: () => Promise<unknown>): Rounds {
  let stopTimer = () => {}
  let stopped = false
  let running: Promise<unknown> = Promise.resolve()
  const schedule = () => {
    if (stopped) return
    stopTimer = clock.after(every_ms, () => {
      running = round()
        .catch(() => {})
        .finally(schedule)
    })
  }
  schedule()
  return Object.freeze({
    async stop() {
      stopped = true
      stopTimer()
      await running
    },
  })
}
