/// <reference lib="esnext.disposable" preserve="true" />
/** The class that users construct: the calls of the source document over any Spine, embedded or remote. */

import type { Delivery } from '../protocol/delivery.ts'
import { deliveryDefaults } from '../protocol/delivery.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { SpineError, spineError } from '../protocol/errors.ts'
import type { SpineEvent } from '../protocol/event.ts'
import type { HandoffInput } from '../protocol/handoff.ts'
import type { SecretPolicy } from '../protocol/secrets.ts'
import type { CallOptions, Operations, Spine } from '../protocol/spine.ts'
import { type Channel, openChannel } from './channel.ts'
import { type ConnectOptions, connect } from './connect.ts'
import { type ContextOptions, type OpenContext, openContext } from './context.ts'
import { type EventOptions, eventsOf } from './events.ts'
import { failedCode } from './failed.ts'
import { type ReceiveOptions, type Receiver, receive } from './receive.ts'
import type { Handler } from './received.ts'
import { named, storedIn } from './sealed.ts'
import { reasonOf } from './work.ts'

type AgentOption = {
  /** The agent that hands over when a call names no `source_agent`. Default: what the server finds out. */
  agent?: string
}

export type MemorySpineOptions = AgentOption & (ConnectOptions | { /** A spine that is already there. */ spine: Spine })

export type OpenOptions = AgentOption & {
  /** What happens to secrets in texts that are kept. Default redact. */
  secrets?: SecretPolicy
}

export type DeliverOptions = {
  /** Who gets it. Default: the envelope's `target_agent`. */
  target?: string
  /** How long to wait for accepted, in ms, at most 600,000. Default 15,000. */
  timeout_ms?: number
  signal?: AbortSignal
}

export type ParkOptions = {
  /** Default: the envelope's `target_agent`. */
  target?: string
  /** Why, for the person who looks at it. Cut at 2,000 characters. */
  reason: string
  signal?: AbortSignal
}

/** A delivery, and ALREADY_ACCEPTED when the receiver was faster than the parking. */
export type ParkedDelivery = Awaited<ReturnType<Spine['parked']['park']>>

const withSignal = (signal: AbortSignal | undefined): CallOptions => (signal ? { signal } : {})

export class MemorySpine implements AsyncDisposable {
  /** The operations underneath. */
  readonly spine: Spine
  readonly #agent: string | undefined
  readonly #receivers = new Set<Receiver>()

  constructor(options: MemorySpineOptions = {}) {
    this.spine = 'spine' in options ? options.spine : connect(options)
    this.#agent = options.agent
  }

  /** Opens a store in this process, without a server. The file is made when it is not there. */
  static async open(file: string, { secrets, ...options }: OpenOptions = {}): Promise<MemorySpine> {
    const { createSpine, openSqlite } = await import('../embedded.ts')
    const spine = await createSpine({ database: await openSqlite({ file }), ...(secrets && { secrets }) })
    return new MemorySpine({ ...options, spine })
  }

  get memories(): Operations['memories'] {
    return this.spine.memories
  }

  get tasks(): Operations['tasks'] {
    return this.spine.tasks
  }

  get agents(): Operations['agents'] {
    return this.spine.agents
  }

  get health(): Operations['health'] {
    return this.spine.health
  }

  get alerts(): Operations['alerts'] {
    return this.spine.alerts
  }

  get handoffs(): Operations['handoffs'] {
    return this.spine.handoffs
  }

  get deliveries(): Operations['deliveries'] {
    return this.spine.deliveries
  }

  get parked(): Operations['parked'] {
    return this.spine.parked
  }

  /** What happens, event by event, for as long as the loop goes on. */
  events(options?: EventOptions): AsyncGenerator<SpineEvent, void, void> {
    return eventsOf(this.spine, options)
  }

  /** A name to publish envelopes under, for several receivers. Nothing is made: any name is a channel. */
  getChannel(name: string): Channel {
    return openChannel(this.spine, name)
  }

  /** `context.open(envelope)` reads the memories behind an envelope. */
  get context(): { open(envelope: Envelope, options?: ContextOptions): Promise<OpenContext> } {
    return { open: (envelope, options) => openContext(this.spine, envelope, options) }
  }

  /** Packs and seals an envelope for the next agent. It is frozen: to add to it, make the next one. */
  async agentHandoff(input: HandoffInput, options: CallOptions = {}): Promise<Envelope> {
    const sender = this.#agent === undefined ? {} : { source_agent: this.#agent }
    return storedIn(this.spine, await this.spine.handoffs.create({ ...sender, ...input }, options))
  }

  /**
   * Delivers an envelope and waits once for its acknowledgement. Returns the delivery when it is accepted or
   * completed, also by the agent it was rerouted to. Throws HandoffTimeoutError when nobody accepted in time (call
   * again to wait for the same delivery), CircuitOpenError when the breaker of the target is open (it is stored and
   * waits), HandoffError with the state as `code` when it cannot arrive any more.
   */
  async deliverHandoff(envelope: Envelope, options: DeliverOptions = {}): Promise<Delivery> {
    const { target = envelope.target_agent, timeout_ms = deliveryDefaults.ack_timeout_ms, signal } = options
    const delivery = await this.spine.deliveries.send(
      { ...named(this.spine, envelope), target, wait: 'accepted', timeout_ms },
      withSignal(signal),
    )
    if (delivery.state === 'accepted' || delivery.state === 'completed') return delivery
    if (delivery.state === 'rerouted' && delivery.successor !== undefined) {
      const next = await this.spine.deliveries.get({ id: delivery.successor }, withSignal(signal))
      // Fallbacks are followed once, so this ends.
      return this.deliverHandoff(envelope, { ...options, target: next.target })
    }
    const code = failedCode(delivery) ?? 'ACK_TIMEOUT'
    const about = `Handoff ${envelope.id} to ${target} is ${delivery.state}${delivery.reason ? `: ${delivery.reason}` : '.'}`
    throw spineError(code, about, { delivery })
  }

  /** Puts a handoff into the dead-letter box. Losing the race is no error: `code` then says ALREADY_ACCEPTED. */
  async parkEnvelope(envelope: Envelope, { target, reason, signal }: ParkOptions): Promise<ParkedDelivery> {
    const parking = { envelope_id: envelope.id, reason: reasonOf(reason), ...(target === undefined ? {} : { target }) }
    try {
      return await this.spine.parked.park(parking, withSignal(signal))
    } catch (error) {
      if (!(error instanceof SpineError && error.code === 'ENVELOPE_NOT_FOUND')) throw error
      // Made elsewhere: it is stored first, because what is parked must be there to be redriven.
      await this.spine.handoffs.import({ envelope }, withSignal(signal))
      return this.spine.parked.park(parking, withSignal(signal))
    }
  }

  /** Receives the deliveries of `agent` until it is stopped or this spine is closed. */
  receive(agent: string, handler: Handler, options?: ReceiveOptions): Receiver {
    const receiver = receive(this.spine, agent, handler, options, () => this.#receivers.delete(receiver))
    this.#receivers.add(receiver)
    return receiver
  }

  /** Stops the receivers, then the spine. */
  async close(): Promise<void> {
    await Promise.all([...this.#receivers].map((receiver) => receiver.stop()))
    await this.spine.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
