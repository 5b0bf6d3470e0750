/**
 * Receivers that wait. A send reserves a place of a waiting receiver before it is committed, so that the delivery is
 * born leased; everything else is told by a hint that there may be something new. A hint is only a hint: who waits
 * looks again at least once a second.
 */

import type { Hints, Row } from '../store/database.ts'

export type Place = {
  readonly token: string
  readonly lease_ms: number
  /** Once the commit is known: the row that was leased to this place, or nothing. */
  settle(row: Row | undefined): void
}

export type Waiter = {
  readonly max: number
  readonly lease_ms: number
  newToken(): string
  /** Called with what was leased to it, or with nothing when it is worth looking again. */
  wake(rows: readonly Row[]): void
}

type Waiting = Waiter & { reserved: number; open: number; rows: Row[] }

export type Inbox = ReturnType<typeof createInbox>

const ABOUT = 'inbox'

export function createInbox(hints: Hints) {
  const waiting = new Map<string, Waiting[]>()
  const versions = new Map<string, number>()
  const keyOf = (ns: string, target: string) => `${ns}\n${target}`

  const leave = (key: string, waiter: Waiting) => {
    const queue = waiting.get(key)?.filter((other) => other !== waiter) ?? []
    if (queue.length) waiting.set(key, queue)
    else waiting.delete(key)
  }

  const hint = (ns: string, target: string): void => {
    const key = keyOf(ns, target)
    if (versions.size > 100_000) versions.clear()
    versions.set(key, (versions.get(key) ?? 0) + 1)
    const waiter = waiting.get(key)?.find((candidate) => candidate.open === 0)
    if (!waiter) return
    leave(key, waiter)
    waiter.wake([])
  }

  hints.listen((topic) => {
    const [about, ns, target] = topic.split('\n')
    if (about === ABOUT && ns !== undefined && target !== undefined) hint(ns, target)
  })

  return Object.freeze({
    /** Changes when something was sent to the target: compare before and after a look that found nothing. */
    version: (ns: string, target: string): number => versions.get(keyOf(ns, target)) ?? 0,

    /** Waits for the target's next delivery; the answer takes it back, and is false when it is too late for that. */
    wait(ns: string, target: string, waiter: Waiter): () => boolean {
      const key = keyOf(ns, target)
      const one: Waiting = { ...waiter, reserved: 0, open: 0, rows: [] }
      waiting.set(key, [...(waiting.get(key) ?? []), one])
      return () => {
        if (one.open > 0) return false
        leave(key, one)
        return true
      }
    },

    /** A place with a waiting receiver, if there is one. It must be settled. */
    reserve(ns: string, target: string): Place | undefined {
      const key = keyOf(ns, target)
      const waiter = waiting.get(key)?.find((candidate) => candidate.reserved < candidate.max)
      if (!waiter) return undefined
      waiter.reserved += 1
      waiter.open += 1
      return {
        token: waiter.newToken(),
        lease_ms: waiter.lease_ms,
        settle(row) {
          waiter.open -= 1
          if (row) waiter.rows.push(row)
          if (waiter.open > 0) return
          // With nothing, too: its time may be over, and a hint may have come, while it was bound to this commit.
          leave(key, waiter)
          waiter.wake(waiter.rows)
        },
      }
    },

    /** Something may be there for the target. One who waits is enough: the others look when it took what there was. */
    hint,

    /** The same for those who wait on any node. */
    tell: (ns: string, target: string): void => hints.send([`${ABOUT}\n${keyOf(ns, target)}`]),

    /** Whose inboxes somebody waits for. */
    waiting: (): { ns: string; target: string }[] =>
      [...waiting.keys()].map((key) => ({
        ns: key.slice(0, key.indexOf('\n')),
        target: key.slice(key.indexOf('\n') + 1),
      })),
  })
}
