/**
 * What happens by itself as time passes: leases end, deadlines pass, and whoever waits looks again, in case a hint was
 * lost. In small batches, at most half a second apart, on every node at once.
 */

import type { Row, Statement } from '../store/database.ts'
import { endLeases, expireDeliveries, readyInboxes } from '../store/sweeps.ts'
import { type Breakers, outcomeOf } from './breakers.ts'
import type { Service } from './context.ts'
import type { Deliveries } from './deliveries.ts'
import type { Inbox } from './inbox.ts'
import { expireMemories } from './indexing.ts'
import { type Rounds, startRounds } from './rounds.ts'
import type { Senders } from './senders.ts'

const EVERY_MS = 500
const BATCH = 500

export function startSweeper(
  service: Service,
  {
    deliveries,
    inbox,
    senders,
    breakers,
  }: { deliveries: Deliveries; inbox: Inbox; senders: Senders; breakers: Breakers },
): Rounds {
  const { database, clock } = service
  const { dialect } = database

  const sweep = async (
    signal: AbortSignal,
    statement: () => Statement,
    seen?: (rows: readonly Row[]) => Promise<void>,
  ): Promise<void> => {
    for (;;) {
      signal.throwIfAborted()
      const rows: Row[] = (await database.write([statement()])).flat()
      await seen?.(rows)
      for (const row of rows) deliveries.moved(row)
      if (rows.length < BATCH) return
    }
  }

  const reason = 'the lease ended without an answer'
  const turn = async (signal: AbortSignal): Promise<void> => {
    await breakers.refresh()
    database.clock?.check()
    await sweep(
      signal,
      () => endLeases(dialect, { now: clock.now(), limit: BATCH, reason, reason_json: JSON.stringify(reason) }),
      (rows) => breakers.observe(rows.map((row) => ({ row, outcome: outcomeOf(row, 'lease_end') ?? 'retry' }))),
    )
    await sweep(signal, () => expireDeliveries(dialect, { now: clock.now(), limit: BATCH }))
    await expireMemories(service)
    const inboxes = await Promise.all(
      readyInboxes(dialect, inbox.waiting(), { now: clock.now() }).map((statement) => database.read(statement)),
    )
    for (const row of inboxes.flat()) inbox.hint(String(row.ns), String(row.target))
    const watched = senders.watched()
    if (watched.length > 0) for (const row of (await deliveries.rowsById(watched)).values()) senders.moved(row)
  }

  return startRounds(service, { work: 'sweep', every_ms: EVERY_MS }, turn)
}
