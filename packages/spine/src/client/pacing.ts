/** Time and chance of the client, in one place, so that tests turn the clock by hand. */

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
  sleep: (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal?.aborted) return resolve()
      const wake = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      signal?.addEventListener('abort', wake, { once: true })
    }),
  random: Math.random,
})
