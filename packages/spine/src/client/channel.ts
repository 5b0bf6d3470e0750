/** A channel: a name under which one envelope goes to several receivers, each with a delivery of its own. */

import type { Publication } from '../protocol/channel.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Priority } from '../protocol/scalars.ts'
import type { CallOptions, Spine } from '../protocol/spine.ts'
import { named } from './sealed.ts'

export type PublishOptions = {
  envelope: Envelope
  /** The agents that get it, 1 to 1,000; a name given twice counts once. */
  receivers: readonly string[]
  /** The only promise there is: nobody misses it, and somebody may see it twice. Default `at-least-once`. */
  delivery?: 'at-least-once'
  /** Wait until `all` or `any` of the receivers got to `goal`. Default `none`. */
  wait?: 'none' | 'all' | 'any'
  /** What is waited for. Default `accepted`. */
  goal?: 'accepted' | 'completed'
  /** How long to wait, in ms, at most 600,000. When it runs out, the answer says who is where. Default 15,000. */
  timeout_ms?: number
  /** Orders what a receiver takes first. Default `normal`. */
  priority?: Priority
  /** When a delivery that nobody has claimed expires, RFC 3339. Default: the envelope's, else in 7 days. */
  deadline?: string
  /** Names this publication for 24 h: a repeat with the same key answers with the first. Default: one per call. */
  idempotency_key?: string
  /** Ends the wait. What was published stays published. Default: nothing does. */
  signal?: AbortSignal
}

export type Channel = {
  readonly name: string
  /**
   * Sends to every receiver, or to nobody. Never throws for what a receiver does: `deliveries` has the state of each,
   * and `not_completed` names who did not complete once nothing more happens by itself.
   */
  publish(options: PublishOptions): Promise<Publication>
  /** Where an envelope, or the one with this id, is with each of its receivers. */
  status(envelope: Envelope | string, options?: CallOptions): Promise<Publication>
}

export function openChannel(spine: Spine, name: string): Channel {
  return Object.freeze({
    name,
    publish({ envelope, receivers, signal, ...options }: PublishOptions) {
      const call = { channel: name, ...named(spine, envelope), receivers: [...receivers], ...options }
      return spine.channels.publish(call, signal ? { signal } : {})
    },
    status(envelope: Envelope | string, options: CallOptions = {}) {
      const envelope_id = typeof envelope === 'string' ? envelope : envelope.id
      return spine.channels.status({ channel: name, envelope_id }, options)
    },
  })
}
