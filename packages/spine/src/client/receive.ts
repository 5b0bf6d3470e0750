/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The receive loop of an agent: long polls, one handler call per delivery, never more leases than it can start work
 * on, and never a busy loop while the server is away.
 */

import { deliveryDefaults } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import type { Spine } from '../protocol/spine.ts'
import { backoffMs } from '../rules/backoff.ts'
import { type HeldLease, holdLease } from './lease.ts'
import { type Pacing, systemPacing } from './pacing.ts'
import type { Handler } from './received.ts'
import { wordsOf, work } from './work.ts'

export type ReceiveOptions = {
  /** Deliveries taken in one poll, 1 to 256. Default 1. */
  max?: number
  /** Handlers that run at the same time; a poll never takes more than are free. Default: `max`. */
  concurrency?: number
  /** How long a delivery stays ours without a heartbeat, in ms, 1,000 to 3,600,000. Default 60,000. */
  lease_ms?: number
  /** How long the server holds an empty poll, in ms, at most 60,000. Default 20,000. */
  wait_ms?: number
  /** Stops the loop, as `stop()` does. */
  signal?: AbortSignal
  /**
   * Hears of every failure: of polls, handlers, heartbeats and settlements. Default: a warning of the process, which
   * Node prints.
   */
  onError?: (error: unknown, delivery?: ReceivedDelivery) => void
  /** Clock, timer and dice. Default: those of the system. */
  pacing?: Pacing
}

export type StopOptions = {
  /** How long running handlers may go on before their signal is aborted, in ms. Default 0. */
  grace_ms?: number
}

export type Receiver = AsyncDisposable & {
  /** Resolves when the loop has stopped and its handlers are done; rejects with what made it give up. */
  readonly closed: Promise<void>
  /** Takes nothing new, aborts the signals of running handlers, waits for them, releases what was not started. */
  stop(options?: StopOptions): Promise<void>
}

/** Also between two failures whose jitter says "at once". */
const LEAST_PAUSE_MS = 100
/** An empty answer faster than this was not a long poll: pause before the next. */
const QUICK_POLL_MS = 1_000
/** How long a breaker is waited for until the next look. */
const OPEN_POLL_MS = 5_000

/**
 * Whether the last receiver that began with it was never heard of again: it may have crashed it, and would crash what
 * is handled beside it as well.
 */
function isSuspect({ attempts, history }: ReceivedDelivery): boolean {
  const ends = ['lease_end', 'nack_retry', 'redrive']
  return attempts > 0 && history.findLast(({ event }) => ends.includes(event))?.event === 'lease_end'
}

/** Says what went wrong where a person looks first: a handler with a bug must not look like an empty inbox. */
const warnOf =
  (agent: string): NonNullable<ReceiveOptions['onError']> =>
  (error, delivery) => {
    const about = delivery ? `, delivery ${delivery.id}, attempt ${delivery.attempt}` : ''
    const why = error instanceof Error && error.stack && !(error instanceof SpineError) ? error.stack : wordsOf(error)
    process.emitWarning(`${agent}${about}: ${why}`, 'MemorySpineReceiver')
  }

/** Starts to receive. Errors that no repeat can heal (a wrong key, a bad option) end the loop and reject `closed`. */
export function receive(
  spine: Spine,
  agent: string,
  handler: Handler,
  options: ReceiveOptions = {},
  onClosed: () => void = () => {},
): Receiver {
  const { max = 1, lease_ms = deliveryDefaults.lease_ms, wait_ms = deliveryDefaults.wait_ms } = options
  const { concurrency = max, pacing = systemPacing, onError = warnOf(agent) } = options
  if (!(Number.isSafeInteger(concurrency) && concurrency >= 1))
    throw new SpineError('INVALID_INPUT', 'concurrency is a whole number of at least 1.')

  const stopping = new AbortController()
  const halting = new AbortController()
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  let wake = () => {}
  /** A suspect that waits until nothing else runs, and whether one is running: nothing is begun beside it. */
  let suspect: { delivery: ReceivedDelivery; held: HeldLease } | undefined
  let alone = false

  function start(delivery: ReceivedDelivery): void {
    const report = (error: unknown) => onError(error, delivery)
    const parts = {
      spine,
      agent,
      delivery,
      handler,
      lease_ms,
      pacing,
      stopping: stopping.signal,
      halting: halting.signal,
    }
    const task = work({ ...parts, report })
      .catch((error: unknown) => {
        // Only `onError` itself can get here.
        failure ??= { error }
        stopping.abort()
      })
      .finally(() => {
        running.delete(task)
        if (running.size === 0) alone = false
        wake()
      })
    running.add(task)
  }

  function hold({ id, lease_token }: ReceivedDelivery): HeldLease {
    const report = (error: unknown) => onError(error)
    return holdLease(spine, { id, lease_token }, { lease_ms, pacing, report })
  }

  async function release({ id, lease_token }: ReceivedDelivery): Promise<void> {
    await spine.deliveries.release({ id, lease_token }).catch((error) => onError(error))
  }

  function startSuspect(): void {
    if (!suspect) return
    const { delivery, held } = suspect
    suspect = undefined
    held.end()
    if (held.lost.aborted) return
    alone = true
    start(delivery)
  }

  async function poll(free: number): Promise<void> {
    const began = pacing.now()
    const { signal } = stopping
    const answer = await spine.deliveries.receive({ agent, max: Math.min(max, free), wait_ms, lease_ms }, { signal })
    for (const delivery of answer.deliveries) {
      if (concurrency === 1 || !isSuspect(delivery)) start(delivery)
      else if (suspect) await release(delivery)
      else suspect = { delivery, held: hold(delivery) }
    }
    if (answer.deliveries.length > 0) return
    // A little more than the breaker asked for, so that the receivers of a target do not all come back together; and
    // never long, because it may be closed by hand.
    const asked = Math.min(Number(answer.retry_after_ms ?? 0), OPEN_POLL_MS) * (1 + pacing.random() / 10)
    const quick = pacing.now() - began < QUICK_POLL_MS ? (QUICK_POLL_MS * (1 + pacing.random())) / 2 : 0
    if (asked > 0 || quick > 0) await pacing.sleep(Math.max(asked, quick), signal)
  }

  async function loop(): Promise<void> {
    let failures = 0
    while (!stopping.signal.aborted) {
      const full = alone || suspect ? running.size > 0 : running.size >= concurrency
      if (full) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      if (suspect) {
        startSuspect()
        continue
      }
      try {
        await poll(concurrency - running.size)
        failures = 0
      } catch (error) {
        if (stopping.signal.aborted) return
        onError(error)
        if (!(error instanceof SpineError && error.retryable) || error.extra.closed) throw error
        failures += 1
        const jitter = backoffMs(failures, deliveryDefaults.backoff_cap_ms, pacing.random())
        const pause = Math.max(LEAST_PAUSE_MS, jitter, Number(error.extra.retry_after_ms ?? 0))
        await pacing.sleep(pause, stopping.signal)
      }
    }
  }

  async function run(): Promise<void> {
    try {
      await loop()
    } finally {
      stopping.abort()
      suspect?.held.end()
      if (suspect) await release(suspect.delivery)
      await Promise.all(running)
      options.signal?.removeEventListener('abort', onAbort)
      onClosed()
    }
    if (failure) throw failure.error
  }

  async function stop({ grace_ms = 0 }: StopOptions = {}): Promise<void> {
    stopping.abort()
    const drained = new AbortController()
    const ended = closed.then(
      () => drained.abort(),
      () => drained.abort(),
    )
    if (grace_ms > 0) await pacing.sleep(grace_ms, drained.signal)
    halting.abort(new SpineError('SHUTTING_DOWN', 'The receiver stops.'))
    await ended
  }

  const onAbort = () => void stop()
  if (options.signal?.aborted) stopping.abort()
  else options.signal?.addEventListener('abort', onAbort, { once: true })
  const closed = run()
  // Whoever listens for errors has heard; without a listener an unobserved failure should be loud.
  if (options.onError) closed.catch(() => {})

  return Object.freeze({ closed, stop, [Symbol.asyncDispose]: () => stop() })
}
