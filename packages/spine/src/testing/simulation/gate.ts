/**
 * A gate between the engine and its database. Calls of the engine wait here until the simulation lets one through, so
 * that chance decides which of several concurrent operations comes first, the same way on every database; and so that
 * the server can die right before or right after any of them. After that nobody hears of anything any more.
 */

import type { Batch, Database, Row, Statement } from '../../store/database.ts'
import { createLocalHints } from '../../store/hints.ts'

export type Gate = {
  /** What the engine is given. */
  readonly database: Database
  /** The server dies with the `nth` write from now on: before it is stored, or once it is stored and not answered. */
  crashAt(nth: number, stored: boolean): void
  /** Lets everything through, one at a time, until nothing is under way; false when the server died. */
  settle(): Promise<boolean>
}

type Waiting = {
  writes: boolean
  run(): Promise<unknown>
  resolve(answer: unknown): void
  reject(error: unknown): void
}

/** What an answer sets in motion asks for more within this many turns of the event loop. */
const TURNS = 2
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

export function createGate(inner: Database, draw: (below: number) => number): Gate {
  let queue: Waiting[] = []
  let crash: { after: number; stored: boolean } | undefined
  let dead = false

  const enter = <T>(writes: boolean, run: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (!dead) queue.push({ writes, run, resolve: resolve as (answer: unknown) => void, reject })
    })

  const die = () => {
    dead = true
    queue = []
  }

  const carryOut = async ({ writes, run, resolve, reject }: Waiting): Promise<void> => {
    if (writes && crash) crash.after -= 1
    const dies = writes && crash?.after === 0
    if (dies && !crash?.stored) return die()
    try {
      const answer = await run()
      if (dies) return die()
      resolve(answer)
    } catch (error) {
      if (dies) return die()
      reject(error)
    }
  }

  return Object.freeze({
    database: Object.freeze({
      write: (batch: Batch): Promise<Row[][]> => enter(true, () => inner.write(batch)),
      read: (statement: Statement): Promise<Row[]> => enter(false, () => inner.read(statement)),
      // Of this life alone: who waits in an earlier one would hear of everything, for ever.
      hints: createLocalHints(),
      close: async () => {},
      dialect: inner.dialect,
    }),
    crashAt(nth: number, stored: boolean) {
      crash = { after: nth, stored }
    },
    async settle() {
      for (let quiet = 0; quiet <= TURNS; quiet += 1) {
        await turn()
        if (quiet < TURNS || queue.length === 0) continue
        const [next] = queue.splice(draw(queue.length), 1)
        await carryOut(next as Waiting)
        quiet = -1
      }
      crash = undefined
      return !dead
    },
  })
}
