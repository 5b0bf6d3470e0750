/** A channel: a name that one handoff is published to for several receivers. */

import { z } from 'zod'
import { delivery } from './delivery.ts'
import { id, name, time } from './scalars.ts'

export const channel = z.looseObject({
  name,
  publications: z.int(),
  last_published_at: time,
})

export const publication = z.looseObject({
  channel: name,
  envelope_id: id,
  /** One for each receiver; of a publish also those that had the envelope by another way, and have it once. */
  deliveries: z.array(delivery),
  /** Every delivery has come to its end or rests: nothing more happens by itself. */
  settled: z.boolean(),
  /** The receivers that did not complete, once it is settled. */
  not_completed: z.array(name),
})
export type Publication = z.infer<typeof publication>
