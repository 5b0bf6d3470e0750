/**
 * What a delivery does not say of its envelope: summary, hop, tokens. A sealed envelope never changes, so its record is
 * read once and kept.
 */

import { useEffect, useState } from 'preact/hooks'
import type { Handoff } from '../../../spine/src/protocol/handoff.ts'
import { call } from '../core/call.ts'
import { onSession } from '../core/session.ts'

const records = new Map<string, Handoff>()
const asked = new Map<string, Promise<void>>()
onSession(() => {
  records.clear()
  asked.clear()
})

export const recordOf = (envelope_id: string): Handoff | undefined => records.get(envelope_id)

export function keepRecords(handoffs: readonly Handoff[]): void {
  for (const handoff of handoffs) records.set(handoff.envelope_id, handoff)
}

async function ask(envelope_id: string): Promise<void> {
  const { deliveries: _, ...record } = await call('handoffs', 'status', { id: envelope_id })
  keepRecords([record as Handoff])
}

/** The record, once it is there. */
export function useRecord(envelope_id: string): Handoff | undefined {
  const [, redraw] = useState(0)
  useEffect(() => {
    if (records.has(envelope_id)) return
    let here = true
    const asking = asked.get(envelope_id) ?? ask(envelope_id).catch(() => void asked.delete(envelope_id))
    asked.set(envelope_id, asking)
    void asking.then(() => here && redraw((count) => count + 1))
    return () => {
      here = false
    }
  }, [envelope_id])
  return records.get(envelope_id)
}
