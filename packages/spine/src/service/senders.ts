/** Senders that wait for their delivery to be accepted or completed. */

import type { Row } from '../store/database.ts'

export type Senders = ReturnType<typeof createSenders>

export function createSenders() {
  const waiting = new Map<string, Set<(row: Row) => void>>()
  const keyOf = (ns: unknown, id: unknown) => `${ns}\n${id}`

  return Object.freeze({
    /** Hears of every move of the delivery until the answer is called. */
    watch(ns: string, id: string, hear: (row: Row) => void): () => void {
      const key = keyOf(ns, id)
      const listeners = waiting.get(key) ?? new Set()
      waiting.set(key, listeners.add(hear))
      return () => {
        listeners.delete(hear)
        if (listeners.size === 0) waiting.delete(key)
      }
    },

    /** Tells those who wait where the delivery is now. */
    moved(row: Row): void {
      for (const hear of waiting.get(keyOf(row.ns, row.id)) ?? []) hear(row)
    },

    /** The deliveries that somebody waits for. */
    watched: (): { ns: string; id: string }[] =>
      [...waiting.keys()].map((key) => ({ ns: key.slice(0, key.indexOf('\n')), id: key.slice(key.indexOf('\n') + 1) })),
  })
}
