/** Word that something was stored, for those who wait for events: a hint to look, never the event itself. */

import type { Batch, Database } from '../store/database.ts'

export type News = {
  /** Calls once at the next write of this node; the answer takes it back. */
  next(hear: () => void): () => void
}

/** The same database, whose writes are told. */
export function withNews(database: Database): { database: Database; news: News } {
  const waiting = new Set<() => void>()
  const tell = () => {
    if (waiting.size === 0) return
    const hearers = [...waiting]
    waiting.clear()
    for (const hear of hearers) hear()
  }
  return {
    database: {
      ...database,
      write: async (batch: Batch) => {
        const tables = await database.write(batch)
        tell()
        return tables
      },
    },
    news: Object.freeze({
      next(hear: () => void) {
        waiting.add(hear)
        return () => void waiting.delete(hear)
      },
    }),
  }
}
