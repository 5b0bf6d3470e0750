/**
 * One delivery from its lease to its settlement: verified, accepted right before the handler, kept by heartbeats,
 * completed or handed back. Never throws: what goes wrong is reported, and the lease end covers what cannot be said.
 */

import { deliveryDefaults } from '../protocol/delivery.ts'
import { type ErrorCode, SpineError } from '../protocol/errors.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import type { Spine } from '../protocol/spine.ts'
import { readEnvelope } from '../protocol/versions.ts'
import { backoffMs } from '../rules/backoff.ts'
import { type ForwardInput, forwardCall } from './forward.ts'
import { holdLease, saysLost } from './lease.ts'
import { type Nack, nackCall } from './nack.ts'
import type { Pacing } from './pacing.ts'
import { type Handler, makeReceived } from './received.ts'

export type Work = {
  spine: Spine
  agent: string
  delivery: ReceivedDelivery
  handler: Handler
  lease_ms: number
  pacing: Pacing
  /** No new handlers. */
  stopping: AbortSignal
  /** Running handlers should end. */
  halting: AbortSignal
  report: (error: unknown) => void
}

const SETTLE_TRIES = 8

/** The same envelope would fail the same way again. */
const fatalCodes: ReadonlySet<ErrorCode> = new Set(['UNSUPPORTED_VERSION', 'DIGEST_MISMATCH', 'HOP_LIMIT', 'CYCLE'])

/** A forward that is refused with one of these has parked the delivery. */
const endsTheWay: ReadonlySet<ErrorCode> = new Set(['HOP_LIMIT', 'CYCLE'])

const nackKindOf = (error: unknown) => (error instanceof SpineError && fatalCodes.has(error.code) ? 'fatal' : 'retry')

/** What was thrown in words. Anything can be thrown, also what has none. */
export function wordsOf(error: unknown): string {
  try {
    return error instanceof SpineError ? `${error.code}: ${error.message}` : String(error)
  } catch {
    return 'what was thrown has no words'
  }
}

/** An error in words that the wire carries: well-formed, without NUL, at most 2,000 characters. */
export function reasonOf(error: unknown): string {
  return wordsOf(error).replaceAll('\0', '\uFFFD').slice(0, 2_000).toWellFormed() || 'unknown'
}

/** What JSON keeps of a value, so that an output is the same embedded and over HTTP. */
function toJson(value: unknown): unknown {
  const text = JSON.stringify(value)
  return text === undefined ? undefined : JSON.parse(text)
}

export async function work({
  spine,
  agent,
  delivery,
  handler,
  lease_ms,
  pacing,
  stopping,
  halting,
  report,
}: Work): Promise<void> {
  const { deliveries } = spine
  const lease = { id: delivery.id, lease_token: delivery.lease_token }
  const quietly = (settling: Promise<unknown>) => settling.then(() => {}, report)
  const nackWith = (nack: Nack) => deliveries.nack({ ...lease, ...nackCall(nack) })

  if (stopping.aborted) return quietly(deliveries.release(lease))
  try {
    readEnvelope(delivery.envelope)
  } catch (error) {
    report(error)
    return quietly(nackWith({ kind: 'fatal', reason: reasonOf(error) }))
  }
  try {
    await deliveries.accept({ ...lease, lease_ms })
  } catch (error) {
    return report(error)
  }

  if (stopping.aborted) return quietly(nackWith({ reason: 'the receiver stopped before it began', delay_ms: 0 }))

  const held = holdLease(spine, lease, { lease_ms, pacing, report })
  let settling: Promise<unknown> | undefined
  /** Settled, or parked by a forward that was refused: nothing is left to say. */
  let ended = false

  /** Work that is done is not thrown away because the server is away for a moment. */
  async function persist<T>(call: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await call()
      } catch (error) {
        const again = error instanceof SpineError && error.retryable && !error.extra.closed && tries < SETTLE_TRIES
        if (!again || stopping.aborted) throw error
        await pacing.sleep(backoffMs(tries, deliveryDefaults.backoff_cap_ms, pacing.random()), stopping)
      }
    }
  }
  /** A settlement that failed leaves room for another one. */
  function settle<T>(call: () => Promise<T>): Promise<T> {
    const attempt = persist(call)
    settling = attempt
    attempt.then(end, () => {
      if (settling === attempt) settling = undefined
    })
    return attempt
  }
  function end(): void {
    ended = true
    held.end()
  }
  const nack = (given: Nack) => settle(() => nackWith(given))
  const complete = (output?: unknown) =>
    settle(async () => {
      const json = toJson(await withGaps(output))
      return deliveries.complete({ ...lease, ...(json === undefined ? {} : { output: json as never }) })
    })

  const forward = (input: ForwardInput) =>
    settle(async () => {
      const output = toJson(await withGaps(input.output))
      try {
        return await deliveries.forward(forwardCall(lease, input, output))
      } catch (error) {
        if (error instanceof SpineError && endsTheWay.has(error.code)) end()
        throw error
      }
    })

  const signal = AbortSignal.any([held.lost, halting])
  const { received, withGaps } = makeReceived({ spine, agent, delivery, signal, complete, nack, forward })
  try {
    const value = await handler(received)
    if (settling) await settling
    if (!ended && !overtaken(held.lost)) await finish(value)
  } catch (error) {
    report(error)
    // Settled by the handler before it threw, or no longer ours: nothing is left to say.
    if (settling) await quietly(settling)
    else if (!ended && !held.lost.aborted && !saysLost(error))
      await quietly(nack({ kind: nackKindOf(error), reason: reasonOf(error) }))
  } finally {
    held.end()
  }

  /** An output that the server refuses would be refused again: a person has to look. */
  async function finish(value: unknown): Promise<void> {
    try {
      await complete(value)
    } catch (error) {
      report(error)
      if (saysLost(error) || (error instanceof SpineError && error.retryable)) return
      await quietly(nack({ kind: 'fatal', reason: reasonOf(`the output was refused: ${reasonOf(error)}`) }))
    }
  }
}

/** A newer lease exists; after any other loss, a late completion may still count. */
const overtaken = (lost: AbortSignal) => lost.aborted && (lost.reason as SpineError).code === 'LEASE_LOST'
