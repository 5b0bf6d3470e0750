/** Work that comes back by itself: each round starts a while after the last one ended, so there are never two at once. */

import type { Trouble } from '../protocol/trouble.ts'
import type { Clock } from './clock.ts'

export type RoundsParts = {
  readonly clock: Clock
  /** Hears of each round that fails. Never throws. */
  readonly onTrouble: (trouble: Trouble) => void
}

export type Rounds = {
  /** No round starts any more, and the one that runs takes no further step; resolves when it has ended. */
  stop(): Promise<void>
}

/**
 * The first round is `every_ms` from now. One that fails is told as trouble of `work`, and followed by the next. A round
 * of many steps looks at `signal` between them.
 */
export function startRounds(
  { clock, onTrouble }: RoundsParts,
  { work, every_ms }: { work: string; every_ms: number },
  round: (signal: AbortSignal) => Promise<unknown>,
): Rounds {
  let stopTimer = () => {}
  const stopping = new AbortController()
  let failures = 0
  let running: Promise<unknown> = Promise.resolve()
  const attempt = async () => {
    try {
      await round(stopping.signal)
      failures = 0
    } catch (error) {
      // What was cut short did not fail.
      if (stopping.signal.aborted) return
      failures += 1
      onTrouble({ work, error, failures })
    }
  }
  const schedule = () => {
    if (stopping.signal.aborted) return
    stopTimer = clock.after(every_ms, () => {
      running = attempt().finally(schedule)
    })
  }
  schedule()
  return Object.freeze({
    async stop() {
      stopping.abort()
      stopTimer()
      await running
    },
  })
}
