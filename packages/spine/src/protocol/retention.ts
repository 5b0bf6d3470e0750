/** How long what is over is kept, and what a pass of the cleaning took. */

import { z } from 'zod'

const DAY_MS = 86_400_000

/** Milliseconds. */
export const retentionDefaults = Object.freeze({
  /** Deliveries, after they ended. */
  settled_ms: 30 * DAY_MS,
  /** The dead-letter box: what nobody looks at for so long is discarded. */
  parked_ms: 90 * DAY_MS,
  /** Envelopes of chains that are over: no delivery kept, no task standing on one, none of them younger. */
  envelopes_ms: 30 * DAY_MS,
  events_ms: 7 * DAY_MS,
  /** For so long a repeat with the same idempotency key is known. */
  keys_ms: DAY_MS,
})
export type Retention = { readonly [K in keyof typeof retentionDefaults]: number }

export const swept = z.looseObject({
  /** Nothing was taken: this is what would be. */
  dry_run: z.boolean(),
  deliveries: z.int(),
  /** Discarded, and kept as such for as long as other deliveries. */
  parked: z.int(),
  envelopes: z.int(),
  events: z.int(),
  keys: z.int(),
})
export type Swept = z.infer<typeof swept>
