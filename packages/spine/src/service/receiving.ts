/**
 * Receiving: take what is there, else wait for a place in a send's commit or a hint. What could not be handed over
 * (the caller went away, the bytes are damaged) is given back or parked at once, not left to its lease.
 */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import type { Delivery } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import type { ReceivedDelivery, settleItem } from '../protocol/operations/deliveries.ts'
import type { Row, Statement } from '../store/database.ts'
import { claimDeliveries, claimedDeliveries } from '../store/deliveries.ts'
import type { Agents } from './agents.ts'
import type { Breakers } from './breakers.ts'
import type { Caller, Service } from './context.ts'
import { toDelivery } from './documents.ts'
import type { Envelopes } from './envelopes.ts'
import type { Inbox } from './inbox.ts'
import { untilKnown } from './unknown.ts'

type Wanted = Omit<z.output<(typeof contract.deliveries)['receive']['input']>, 'agent'>
type Settle = (settler: { ns: string }, item: z.output<typeof settleItem>) => Promise<Delivery>

/** Tokens of one claim statement; more are claimed by several. */
const CLAIM_ROWS = 32

/** `retry_after_ms`: the breaker is open, ask again then. */
export type Received = { deliveries: ReceivedDelivery[]; retry_after_ms?: number }
type Taken = { rows: Row[]; retry_after_ms?: number }

export type Receiving = ReturnType<typeof createReceiving>

export function createReceiving(
  service: Service,
  { envelopes, agents, inbox, breakers }: { envelopes: Envelopes; agents: Agents; inbox: Inbox; breakers: Breakers },
  settle: Settle,
) {
  const { database, clock, chance } = service
  const newToken = () => `lt_${chance.hex(32)}`

  const claim = async (ns: string, target: string, { max, lease_ms }: Wanted): Promise<Row[]> => {
    database.clock?.check()
    const statements: Statement[] = []
    const tokens: { token: string }[] = []
    for (let left = max; left > 0; left -= CLAIM_ROWS) {
      const slots = Array.from({ length: Math.min(left, CLAIM_ROWS) }, (_, index) => ({
        k: index + 1,
        token: newToken(),
      }))
      const named = { ns, target, now: clock.now(), lease_ms, limit: slots.length, probe: null }
      statements.push(...claimDeliveries(database.dialect, slots, named))
      tokens.push(...slots)
    }
    const claimAll = async () => (await database.write(statements)).flat()
    return untilKnown(service, claimAll, () => claimedBefore(ns, target, tokens))
  }

  /** Looked for by token: to claim once more would leave the first ones to their leases. */
  const claimedBefore = async (ns: string, target: string, tokens: readonly { token: string }[]): Promise<Row[]> => {
    const looks = claimedDeliveries(database.dialect, tokens, { ns, target })
    return (await Promise.all(looks.map((look) => database.read(look)))).flat()
  }

  /** The one delivery that is handed out to see whether the target is well again. */
  const claimProbe = async (ns: string, target: string, { lease_ms }: Wanted): Promise<Row[]> => {
    database.clock?.check()
    const token = newToken()
    const { before, after } = breakers.probe(ns, target, token)
    const named = { ns, target, now: clock.now(), lease_ms, limit: 1, probe: token }
    const claims = claimDeliveries(database.dialect, [{ k: 1, token }], named)
    const [, claimed = [], known = []] = await database.write([before, ...claims, after])
    breakers.learn(known)
    return claimed
  }

  /** What a send leased to this receiver, or nothing when it is worth looking again. */
  const waitOnce = async (
    ns: string,
    target: string,
    { max, lease_ms }: Wanted,
    wait_ms: number,
    signal: AbortSignal | undefined,
  ): Promise<Row[]> => {
    const { promise, resolve } = Promise.withResolvers<readonly Row[]>()
    const leave = inbox.wait(ns, target, { max, lease_ms, newToken, wake: resolve })
    // A place that a send has reserved is waited for: its commit is under way.
    const stop = () => void (leave() && resolve([]))
    const stopTimer = clock.after(wait_ms, stop)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      return [...(await promise)]
    } finally {
      stopTimer()
      signal?.removeEventListener('abort', stop)
    }
  }

  const take = async (target: string, wanted: Wanted, { ns, signal }: Caller): Promise<Taken> => {
    const until = clock.now() + wanted.wait_ms
    for (;;) {
      const closed_for = breakers.openFor(ns, target)
      if (closed_for !== undefined && closed_for > 0) return { rows: [], retry_after_ms: closed_for }
      const version = inbox.version(ns, target)
      const rows = await (closed_for === 0 ? claimProbe(ns, target, wanted) : claim(ns, target, wanted))
      const left = until - clock.now()
      if (rows.length > 0 || left <= 0 || signal?.aborted) return { rows }
      if (inbox.version(ns, target) !== version) continue
      const leased = await waitOnce(ns, target, wanted, left, signal)
      if (leased.length > 0) return { rows: leased }
    }
  }

  const giveBack = async (ns: string, rows: readonly Row[]): Promise<void> => {
    await Promise.allSettled(
      rows.map((row) => settle({ ns }, { action: 'release', id: String(row.id), lease_token: String(row.token) })),
    )
  }

  const open = async ({ ns, opaque }: Caller, row: Row): Promise<ReceivedDelivery | undefined> => {
    try {
      const accepts = (await agents.profile(ns, String(row.target)))?.accepts_versions
      const envelope = await envelopes.forReader(ns, String(row.envelope_id), accepts, opaque)
      return {
        ...toDelivery(row),
        attempt: Number(row.attempts) + 1,
        lease_token: String(row.token),
        envelope,
      } as ReceivedDelivery
    } catch (error) {
      if (!(error instanceof SpineError && error.code === 'INTEGRITY')) throw error
      const lease = { id: String(row.id), lease_token: String(row.token) }
      await settle({ ns }, { action: 'nack', kind: 'fatal', reason: error.message, ...lease })
      return undefined
    }
  }

  return {
    async receive(target: string, wanted: Wanted, caller: Caller): Promise<Received> {
      const { ns, signal } = caller
      const { rows, ...later } = await take(target, wanted, caller)
      if (signal?.aborted) {
        await giveBack(ns, rows)
        return { deliveries: [] }
      }
      const order = rows.toSorted(
        (left, right) =>
          Number(right.priority) - Number(left.priority) || (String(left.id) < String(right.id) ? -1 : 1),
      )
      const opened = await Promise.allSettled(order.map((row) => open(caller, row)))
      const failed = opened.find((one) => one.status === 'rejected')
      if (failed) {
        await giveBack(ns, rows)
        throw failed.reason
      }
      return { deliveries: opened.flatMap((one) => (one.status === 'fulfilled' && one.value) || []), ...later }
    },
  }
}
