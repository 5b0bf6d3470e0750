/** Senders that wait for their delivery to be accepted or completed, on this node or on another one. */

import type { Hints, Row } from '../store/database.ts'

export type Senders = ReturnType<typeof createSenders>

export type Watcher = {
  moved(row: Row): void
  /** Where the delivery is now, when another node says that it moved. */
  look(): Promise<Row>
}

const ABOUT = 'delivery'

/** `node` is a name of this node that no other one has. */
export function createSenders(hints: Hints, node: string) {
  const waiting = new Map<string, Set<Watcher>>()
  const keyOf = (ns: unknown, id: unknown) => `${ns}\n${id}`

  hints.listen((topic) => {
    const [about, teller, ns, id] = topic.split('\n')
    if (about !== ABOUT || teller === node) return
    for (const watcher of waiting.get(keyOf(ns, id)) ?? [])
      watcher.look().then(watcher.moved, () => {
        // The next look is half a second away.
      })
  })

  return Object.freeze({
    /** Hears of every move of the delivery until the answer is called. */
    watch(ns: string, id: string, watcher: Watcher): () => void {
      const key = keyOf(ns, id)
      const watchers = waiting.get(key) ?? new Set()
      waiting.set(key, watchers.add(watcher))
      return () => {
        watchers.delete(watcher)
        if (watchers.size === 0) waiting.delete(key)
      }
    },

    /** Tells those who wait here where the delivery is now. */
    moved(row: Row): void {
      for (const watcher of waiting.get(keyOf(row.ns, row.id)) ?? []) watcher.moved(row)
    },

    /** Tells the other nodes that it moved. */
    tell: (row: Row): void => hints.send([`${ABOUT}\n${node}\n${keyOf(row.ns, row.id)}`]),

    /** The deliveries that somebody waits for. */
    watched: (): { ns: string; id: string }[] =>
      [...waiting.keys()].map((key) => ({ ns: key.slice(0, key.indexOf('\n')), id: key.slice(key.indexOf('\n') + 1) })),
  })
}
