/** A database that tells when it is at rest, for clocks that stand still until it is. */

import type { Database } from '../store/database.ts'

/** Counts what is under way in the database, which lives in another thread and not in promises alone. */
export function watched(database: Database): { database: Database; idle: () => Promise<void> } {
  let under_way = 0
  const counted = async <T>(work: Promise<T>): Promise<T> => {
    under_way += 1
    return work.finally(() => {
      under_way -= 1
    })
  }
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    database: {
      ...database,
      write: (batch) => counted(database.write(batch)),
      read: (statement) => counted(database.read(statement)),
    },
    async idle() {
      for (let quiet = 0; quiet < 3; quiet = under_way === 0 ? quiet + 1 : 0) await turn()
    },
  }
}
