/**
 * Regret: the text of a memory that an envelope carried cut, or not at all, was fetched after all. Recorded as an
 * event, once for each envelope, memory and receiver, so that health can say which kinds of memory are cut too soon.
 */

import type { Envelope } from '../protocol/envelope.ts'
import type { Memory } from '../protocol/memory.ts'
import { storeEvents } from '../store/events.ts'
import type { Caller, Service } from './context.ts'

/** How much of a memory travelled, if less than all; a reference of `lazy` is meant to be fetched. */
function cutOf({ memories, receipts, budget }: Envelope): Map<string, string> {
  const cut = new Map<string, string>()
  for (const { id, level } of receipts.trimmed) if (level !== 'full') cut.set(id, level)
  for (const { id, level } of memories)
    if (level === 'full' || (level === 'ref' && budget.strategy === 'lazy')) cut.delete(id)
    else cut.set(id, level)
  return cut
}

/** Notes which of these memories, just read for this envelope, it should have carried. */
export async function noteRegrets(
  { database, clock }: Service,
  envelope: Envelope,
  read: readonly Memory[],
  { ns, agent }: Caller,
): Promise<void> {
  const cut = cutOf(envelope)
  const regretted = read.filter(({ id }) => cut.has(id))
  if (regretted.length === 0) return
  const rows = regretted.map(({ id, kind }) => ({
    ns,
    type: 'memory.regretted',
    source_agent: envelope.source_agent,
    target: agent ?? envelope.target_agent,
    envelope_id: envelope.id,
    delivery_id: null,
    task_id: envelope.task.id ?? null,
    reason: null,
    data: JSON.stringify({ memory_id: id, kind, level: cut.get(id) ?? 'receipt' }),
  }))
  // What was read is answered, also by a store that cannot write any more.
  await database.write(storeEvents(database.dialect, rows, { now: clock.now() })).catch(() => {})
}
