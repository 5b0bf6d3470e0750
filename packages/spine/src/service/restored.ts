/**
 * A dump that is read into another PostgreSQL brings events whose transactions are still to come there: nobody would see
 * them before then, and what happens from now on would be older. A start puts them where they belong, before everything
 * that happens here. Cursors of readers from before do not lead there.
 */

import type { Database } from '../store/database.ts'
import { lastFromElsewhere, moveEventsHere, moveFoldsHere } from '../store/events.ts'

const BATCH = 2_000

/** Safe on several nodes that start at once, and after a start that was ended in the middle. */
export async function takeEventsIn(database: Database): Promise<void> {
  const { dialect } = database
  if (dialect.name !== 'postgres') return
  const [ahead] = await database.read(lastFromElsewhere(dialect))
  if (!ahead) return
  const last = Number(ahead.seq)
  // The readers first: an event that has moved is one that they have read.
  await database.write([moveFoldsHere(dialect, { last })])
  for (let moved = BATCH; moved === BATCH; ) {
    const [rows = []] = await database.write([moveEventsHere(dialect, { last, limit: BATCH })])
    moved = rows.length
  }
}
