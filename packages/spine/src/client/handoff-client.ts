/**
 * The sender's policy for a direct handoff: several waits, pauses of random length between them, then the fallback
 * agent, then the dead-letter box. Breakers are kept by the server, one per target and shared by all senders.
 */

import { type Delivery, deliveryDefaults } from '../protocol/delivery.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { CircuitOpenError, HandoffTimeoutError, SpineError, spineError } from '../protocol/errors.ts'
import { backoffMs } from '../rules/backoff.ts'
import { failedCode } from './failed.ts'
import type { MemorySpine } from './memory-spine.ts'
import { type Pacing, systemPacing } from './pacing.ts'

export type HandoffClientOptions = {
  /** Waits for the target before it is given up, at least 1. Default 3. */
  max_retries?: number
  /** How long one wait for accepted lasts, in ms, at most 600,000. Default 15,000. */
  timeout_ms?: number
  /** Whether the target's fallback agent is tried, when nobody accepts or its breaker is open. Default true. */
  fallback?: boolean
  /** Longest pause between two waits, in ms: each is a random part of min(this, 2^n s). Default 30,000. */
  backoff_cap_ms?: number
  /** Clock, timer and dice. Default: those of the system. */
  pacing?: Pacing
}

export type SendOptions = {
  /** Ends the waits and pauses; the delivery stays as it is. Default: nothing does. */
  signal?: AbortSignal
}

type GivenUp = HandoffTimeoutError | CircuitOpenError

/** The target did not come. Everything else is no reason to bother another agent. */
const isGivenUp = (error: unknown): error is GivenUp =>
  error instanceof HandoffTimeoutError || error instanceof CircuitOpenError

/** There is nobody to reroute to, or the delivery moved on meanwhile. */
const stays = new Set<unknown>(['NO_FALLBACK', 'WRONG_STATE'])

export class HandoffClient {
  readonly #memory: MemorySpine
  readonly #max_retries: number
  readonly #timeout_ms: number
  readonly #fallback: boolean
  readonly #backoff_cap_ms: number
  readonly #pacing: Pacing

  constructor(memory: MemorySpine, options: HandoffClientOptions = {}) {
    const { max_retries = 3, timeout_ms = deliveryDefaults.ack_timeout_ms, fallback = true } = options
    const { backoff_cap_ms = deliveryDefaults.backoff_cap_ms, pacing = systemPacing } = options
    if (!(Number.isSafeInteger(max_retries) && max_retries >= 1))
      throw new SpineError('INVALID_INPUT', 'max_retries is a whole number of at least 1.')
    if (!(Number.isFinite(backoff_cap_ms) && backoff_cap_ms >= 0))
      throw new SpineError('INVALID_INPUT', 'backoff_cap_ms is a number of milliseconds, 0 or more.')
    this.#memory = memory
    this.#max_retries = max_retries
    this.#timeout_ms = timeout_ms
    this.#fallback = fallback
    this.#backoff_cap_ms = backoff_cap_ms
    this.#pacing = pacing
  }

  /**
   * Delivers an envelope to `target_agent`, by default its own, and returns the delivery when it is accepted, also by
   * the fallback agent. Throws HandoffError when nobody accepted and it is parked, or cannot arrive any more;
   * CircuitOpenError when a breaker is open: it then stays queued, and calling again waits for the same delivery. When
   * the spine itself does not answer, its error is thrown and nothing is parked.
   */
  async sendHandoff(
    envelope: Envelope,
    target_agent: string = envelope.target_agent,
    options: SendOptions = {},
  ): Promise<Delivery> {
    let failure: GivenUp
    try {
      return await this.#waitRepeatedly(envelope, target_agent, options)
    } catch (error) {
      if (!isGivenUp(error)) throw error
      failure = error
    }
    const next = this.#fallback ? await this.#reroute(envelope, target_agent, failure, options) : undefined
    const holder = next?.target ?? target_agent
    if (next) {
      try {
        return await this.#waitOnce(envelope, holder, options)
      } catch (error) {
        if (!isGivenUp(error)) throw error
        failure = error
      }
    }
    if (failure instanceof CircuitOpenError) throw failure
    return this.#park(envelope, holder, failure, options)
  }

  #waitOnce(envelope: Envelope, target: string, options: SendOptions): Promise<Delivery> {
    return this.#memory.deliverHandoff(envelope, { target, timeout_ms: this.#timeout_ms, ...options })
  }

  /** Throws what the last wait threw, at once where waiting again is of no use. */
  async #waitRepeatedly(envelope: Envelope, target: string, options: SendOptions): Promise<Delivery> {
    const { signal } = options
    for (let tries = 1; ; tries += 1) {
      signal?.throwIfAborted()
      try {
        return await this.#waitOnce(envelope, target, options)
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof SpineError && error.retryable) || error.extra.closed) throw error
        if (error instanceof CircuitOpenError || tries >= this.#max_retries) throw error
      }
      await this.#pacing.sleep(backoffMs(tries, this.#backoff_cap_ms, this.#pacing.random()), signal)
    }
  }

  /** The delivery to the fallback agent; undefined when there is none that could take it. */
  async #reroute(
    envelope: Envelope,
    target: string,
    failure: GivenUp,
    { signal }: SendOptions,
  ): Promise<Delivery | undefined> {
    const { deliveries } = this.#memory
    const call = signal ? { signal } : {}
    // One row per envelope and receiver: it was stored before anybody waited for it.
    const [delivery] = (await deliveries.list({ envelope_id: envelope.id, target, limit: 1 }, call)).deliveries
    if (!delivery) return undefined
    try {
      const reason = failure.message.slice(0, 2_000)
      return (await deliveries.reroute({ id: delivery.id, reason }, call)).next
    } catch (error) {
      if (error instanceof SpineError && stays.has(error.code)) return undefined
      throw error
    }
  }

  /** Whoever was faster than the parking has it: that is an acknowledgement too. */
  async #park(envelope: Envelope, target: string, failure: GivenUp, options: SendOptions): Promise<Delivery> {
    const said = `Handoff ${envelope.id} to ${target} was given up after ${this.#max_retries} waits: ${failure.message}`
    const delivery = await this.#memory.parkEnvelope(envelope, { target, reason: said, ...options })
    if (delivery.state === 'accepted' || delivery.state === 'completed') return delivery
    // It was declined in this moment: its fallback has it.
    if (delivery.state === 'rerouted') return this.#waitOnce(envelope, target, options)
    throw spineError(failedCode(delivery) ?? 'PARKED', said, { delivery, cause: failure })
  }
}
