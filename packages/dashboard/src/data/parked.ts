/** What rests in the dead-letter box, for the bar and for its own page. */

import type { Delivery } from '../../../spine/src/protocol/delivery.ts'
import { call } from '../core/call.ts'
import { type Live, useLive } from '../core/live.ts'

export const most_parked = 1_000

/** How a delivery leaves the box. */
const leaves = new Set(['delivery.redrive', 'delivery.discard', 'delivery.answered'])

export const useParked = (): Live<{ deliveries: Delivery[]; next?: string | undefined }> =>
  useLive(
    'parked',
    (signal) => call('parked', 'list', { limit: most_parked }, signal),
    ({ type, state }) => state === 'parked' || leaves.has(type),
  )
