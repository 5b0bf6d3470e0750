/**
 * How long to wait before the next try: full jitter, so that those who failed together do not return together
 * ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */

/** Milliseconds between 0 and `min(cap, 2^attempt s)`; `chance` is uniform in [0, 1). */
export const backoffMs = (attempt: number, cap_ms: number, chance: number): number =>
  Math.floor(Math.min(cap_ms, 1_000 * 2 ** Math.min(attempt, 30)) * chance)
