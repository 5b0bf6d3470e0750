/** What comes before and after a handoff. Envelopes know where they come from, not where they lead: that is looked up. */

import type { Envelope } from '../../../spine/src/protocol/envelope.ts'
import type { Handoff } from '../../../spine/src/protocol/handoff.ts'
import { call } from '../core/call.ts'
import { type Live, useLive } from '../core/live.ts'
import { keepRecords } from './records.ts'

const most_links = 1_000

/** All handoffs of a chain, newest first. */
export const useChain = (root_id: string | undefined): Live<readonly Handoff[]> =>
  useLive(
    root_id && `chain ${root_id}`,
    async (signal) => {
      const { handoffs } = await call('handoffs', 'list', { root_id: root_id ?? '', limit: most_links }, signal)
      keepRecords(handoffs)
      return handoffs
    },
    ({ type }) => type.startsWith('handoff.'),
  )

/** The ids of one handoff before this one and one that its receivers made of it. */
export function useNeighbours({ id, chain, target_agent }: Envelope): { before?: string; after?: string } {
  const others = useChain(chain.root_id).value ?? []
  const next = others.filter(({ hop }) => hop === chain.hop + 1)
  const after =
    next.find(({ source_agent }) => source_agent === target_agent) ??
    (target_agent === 'broadcast' ? next[0] : undefined)
  const before = chain.previous[0]?.id
  return {
    ...(before !== undefined && before !== id && { before }),
    ...(after && { after: after.envelope_id }),
  }
}
