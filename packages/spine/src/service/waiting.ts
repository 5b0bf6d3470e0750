/** A sender's wait for one delivery: until it is where the sender wants it, or cannot get there any more. */

import { SpineError, spineError } from '../protocol/errors.ts'
import { agentByName } from '../store/agents.ts'
import type { Row } from '../store/database.ts'
import { noteTimeout } from '../store/deliveries.ts'
import type { Caller, Service } from './context.ts'
import type { Senders } from './senders.ts'
import { isUnseen } from './unseen.ts'

export type Goal = 'accepted' | 'completed'

const pendingFor: Record<Goal, readonly string[]> = {
  accepted: ['ready', 'leased'],
  completed: ['ready', 'leased', 'accepted'],
}

/** Whether it is where the sender wants it, or further. */
export const hasArrived = ({ state }: Row, goal: Goal): boolean =>
  state === 'completed' || (goal === 'accepted' && state === 'accepted')

const isPending = (row: Row, goal: Goal): boolean => pendingFor[goal].includes(String(row.state))

export type WaitCall = { row: Row; goal: Goal; timeout_ms: number; look(): Promise<Row> }

function timeoutWords(target: string, goal: Goal, timeout_ms: number, unseen: boolean): string {
  const did = goal === 'accepted' ? 'accept' : 'complete'
  const limit = timeout_ms % 1_000 === 0 ? `${timeout_ms / 1_000} s` : `${timeout_ms} ms`
  const late = `${target} did not ${did} the handoff within ${limit}.`
  return unseen
    ? `${late} No agent called ${target} has asked for work yet: start its receiver, or see whether the name is misspelt.`
    : late
}

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
  const target = String(row.target)
  const timeOut = async () => {
    // Record and reason are a courtesy: without them the caller still hears of the timeout.
    const [, agents] = await Promise.allSettled([
      database.write([noteTimeout(database.dialect, { ns, id, now: clock.now() })]),
      database.read(agentByName(database.dialect, { ns, name: target })),
    ])
    const unseen = agents.status === 'fulfilled' && agents.value.some(isUnseen)
    reject(spineError('ACK_TIMEOUT', timeoutWords(target, goal, timeout_ms, unseen), { delivery_id: id, timeout_ms }))
  }
  const abort = () =>
    reject(new SpineError('SHUTTING_DOWN', 'The wait was ended; the delivery stays as it is.', { delivery_id: id }))
  const stopTimer = clock.after(timeout_ms, () => void timeOut())
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
