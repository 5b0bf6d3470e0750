/** A sender's wait for one delivery: until it is where the sender wants it, or cannot get there any more. */

import { SpineError, spineError } from '../protocol/errors.ts'
import type { Row } from '../store/database.ts'
import { noteTimeout } from '../store/deliveries.ts'
import type { Caller, Service } from './context.ts'
import type { Senders } from './senders.ts'

export type Goal = 'accepted' | 'completed'

const pendingFor: Record<Goal, readonly string[]> = {
  accepted: ['ready', 'leased'],
  completed: ['ready', 'leased', 'accepted'],
}

export const isPending = (row: Row, goal: Goal): boolean => pendingFor[goal].includes(String(row.state))

export type WaitCall = { row: Row; goal: Goal; timeout_ms: number; look(): Promise<Row> }

/** Throws ACK_TIMEOUT, which the delivery records, or SHUTTING_DOWN; the delivery stays where it is. */
export async function waitForDelivery(
  service: Service,
  senders: Senders,
  call: WaitCall,
  caller: Caller,
): Promise<Row> {
  const { row, goal, timeout_ms, look } = call
  if (!isPending(row, goal)) return row
  const { database, clock } = service
  const { ns, signal } = caller
  const id = String(row.id)
  const { promise, resolve, reject } = Promise.withResolvers<Row>()
  const moved = (now: Row) => void (!isPending(now, goal) && resolve(now))
  const stopWatching = senders.watch(ns, id, { moved, look })
  const timeOut = () => {
    const said = `${row.target} did not get to ${goal} within ${timeout_ms} ms; the delivery stays and can be waited for again.`
    const timeout = spineError('ACK_TIMEOUT', said, { delivery_id: id, timeout_ms })
    // The record is a courtesy: if it cannot be written, the caller still hears of the timeout.
    const noted = database.write([noteTimeout(database.dialect, { ns, id, now: clock.now() })])
    noted.then(
      () => reject(timeout),
      () => reject(timeout),
    )
  }
  const abort = () =>
    reject(new SpineError('SHUTTING_DOWN', 'The wait was ended; the delivery stays as it is.', { delivery_id: id }))
  const stopTimer = clock.after(timeout_ms, timeOut)
  signal?.addEventListener('abort', abort, { once: true })
  // It may have ended while the send was under way.
  if (signal?.aborted) abort()
  // A rejection while `look` is under way is handled below.
  promise.catch(() => {})
  try {
    // It may have moved between the commit and the watch.
    const now = await look()
    return isPending(now, goal) ? await promise : now
  } finally {
    stopWatching()
    stopTimer()
    signal?.removeEventListener('abort', abort)
  }
}
