/** One handoff: its sealed envelope, which never changes, and its deliveries, which do. */

import type { Envelope } from '../../../spine/src/protocol/envelope.ts'
import type { HandoffStatus } from '../../../spine/src/protocol/handoff.ts'
import type { Preview } from '../../../spine/src/protocol/preview.ts'
import { call } from '../core/call.ts'
import { type Live, useLive } from '../core/live.ts'

export const useEnvelope = (id: string | undefined): Live<Envelope> =>
  useLive(id && `envelope ${id}`, (signal) => call('handoffs', 'get', { id: id ?? '' }, signal))

export const useStatus = (id: string | undefined): Live<HandoffStatus> =>
  useLive(
    id && `status ${id}`,
    (signal) => call('handoffs', 'status', { id: id ?? '' }, signal),
    ({ envelope_id }) => envelope_id === id,
  )

/** What was sealed, in tokens and as text. It never changes either. */
export const useSealed = (id: string): Live<Preview> =>
  useLive(`sealed ${id}`, (signal) => call('handoffs', 'preview', { envelope_id: id, text: true }, signal))
