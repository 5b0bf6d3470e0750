/** Hints within one process: for a store that no other process writes to. */
import type { Hints } from './database.ts'

/** Listeners run after the sender's own code, never inside it. */
export function createLocalHints(): Hints {
  const listeners = new Set<(topic: string) => void>()
  return Object.freeze({
    send: (topics: readonly string[]) => {
      if (listeners.size > 0) queueMicrotask(() => topics.forEach((topic) => listeners.forEach((hear) => hear(topic))))
    },
    listen: (hear: (topic: string) => void) => {
      const listener = (topic: string) => hear(topic)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  })
}
