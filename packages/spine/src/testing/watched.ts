/** A database that tells when it is at rest, for clocks that stand still until it is. */

import type { Database } from '../store/database.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Nothing goes on any more when so many turns have passed in which nobody asked the database or waited for it. */
const QUIET_TURNS = 4

/** Counts what is asked and what is under way in the database, which may live in another thread, not in promises alone. */
export function watched(database: Database): { database: Database; idle(): Promise<void> } {
  let asked = 0
  let under_way = 0
  const counted =
    <A, B>(call: (input: A) => Promise<B>) =>
    (input: A) => {
      asked += 1
      under_way += 1
      return call(input).finally(() => {
        under_way -= 1
      })
    }
  const idle = async () => {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
      const before = asked
      await turn()
      if (asked !== before || under_way > 0) quiet = -1
    }
  }
  return { database: { ...database, write: counted(database.write), read: counted(database.read) }, idle }
}
