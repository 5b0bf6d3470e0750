/**
 * What happened, as one stream: every move of a delivery, every sealed envelope, every change of a breaker, in the
 * order in which they were stored. An event is written in the commit that makes it true and never changes.
 */

import { z } from 'zod'
import { deliveryState } from './delivery.ts'
import { id, jsonMap, name, text, time } from './scalars.ts'

/** Where a reader is in the stream. Opaque: give it back as it came. */
export const cursor = z.string().regex(/^\d{1,16}-\d{1,16}$/, 'is not a place in the stream')

/** Begins at what happens from now on. */
export const FROM_NOW = 'now'

export const event = z.looseObject({
  cursor,
  at: time,
  /** `delivery.<event>` with the events of the delivery table, `handoff.create`, `handoff.import`, `breaker.opened`... */
  type: z.string(),
  /** The state of the delivery after it. */
  state: deliveryState.optional(),
  source_agent: name.optional(),
  /** The agent that receives: of the delivery, the envelope or the breaker. */
  target: name.optional(),
  envelope_id: id.optional(),
  delivery_id: id.optional(),
  task_id: id.optional(),
  attempts: z.int().optional(),
  claims: z.int().optional(),
  /** When the handoff was initiated: an acceptance minus this is its latency. */
  started_at: time.optional(),
  /** The sender waited for it; without it, it was queued. */
  direct: z.boolean().optional(),
  reason: text.optional(),
  /** What else there is to say about this type. */
  data: jsonMap.optional(),
})
export type SpineEvent = z.infer<typeof event>

/** A page of the stream; `next` is where to go on, also when nothing came. */
export const eventPage = z.looseObject({ events: z.array(event), next: cursor })
export type EventPage = z.infer<typeof eventPage>
