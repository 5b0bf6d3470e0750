/** What a handler is given for one delivery: the envelope, its text, its memories, and ways to answer. */

import type { Delivery } from '../protocol/delivery.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { HandoffInput } from '../protocol/handoff.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import { render } from '../protocol/render.ts'
import type { Spine } from '../protocol/spine.ts'
import { currentOf } from '../protocol/versions.ts'
import { type ContextOptions, type OpenContext, openContext } from './context.ts'
import type { Forwarded, ForwardInput } from './forward.ts'
import type { Nack } from './nack.ts'
import { storedIn } from './sealed.ts'

export type Received = {
  readonly envelope: Envelope
  readonly delivery: ReceivedDelivery
  /** The envelope rendered as markdown, for a model to read. */
  readonly text: string
  /** Aborted when the lease is lost or the receiver stops: what is done after that may be done twice. */
  readonly signal: AbortSignal
  readonly spine: Spine
  /**
   * Opens the context, and anew when options are given; without them, a later call answers the one that is open. The
   * gaps of the last that was opened go into the output by themselves.
   */
  context(options?: ContextOptions): Promise<OpenContext>
  /** Completes the delivery now; returning a value from the handler does the same. */
  ack(output?: unknown): Promise<Delivery>
  /** Hands the delivery back; throwing from the handler does the same, as a retry. */
  nack(nack: Nack): Promise<Delivery>
  /**
   * Completes the delivery and hands the work on, in one commit; what the handler returns is then not used. Refused by
   * the hop limit or as a cycle, nothing is sent and the delivery is parked, so that the work is not lost.
   */
  forward(input: ForwardInput): Promise<Forwarded>
  /** Seals the next envelope of this chain: `previous` is this delivery, the sender is its receiver. */
  handoff(input: HandoffInput): Promise<Envelope>
}

/** The handler of an inbox: what it returns becomes the output, what it throws a retry. */
export type Handler = (received: Received) => unknown

type Parts = {
  spine: Spine
  agent: string
  delivery: ReceivedDelivery
  signal: AbortSignal
  complete: (output?: unknown) => Promise<Delivery>
  nack: (nack: Nack) => Promise<Delivery>
  forward: (input: ForwardInput) => Promise<Forwarded>
}

/** Also tells which context was opened, because the gaps of that one belong into the output. */
export function makeReceived({ spine, agent, delivery, signal, complete, nack, forward }: Parts): {
  received: Received
  withGaps: (value: unknown) => Promise<unknown>
} {
  const envelope = storedIn(spine, currentOf(delivery.envelope))
  let text: string | undefined
  let opening: Promise<OpenContext> | undefined

  const withGaps = async (value: unknown) => {
    const context = await opening?.catch(() => undefined)
    return context ? context.output(value) : value
  }

  const received: Received = Object.freeze({
    envelope,
    delivery,
    get text() {
      text ??= render(envelope)
      return text
    },
    signal,
    spine,
    context(options?: ContextOptions) {
      if (opening && !options) return opening
      const [before, opened] = [opening, openContext(spine, envelope, { signal, ...options })]
      opening = opened
      opened.catch(() => {
        if (opening === opened) opening = before
      })
      return opened
    },
    ack: complete,
    nack,
    forward: async (input: ForwardInput) => {
      const forwarded = await forward(input)
      return { ...forwarded, envelope: storedIn(spine, forwarded.envelope) }
    },
    handoff: async (input: HandoffInput) =>
      storedIn(
        spine,
        await spine.handoffs.create({ previous: delivery.id, source_agent: agent, ...input }, { signal }),
      ),
  })
  return { received, withGaps }
}
