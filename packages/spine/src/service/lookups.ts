/**
 * Collecting in bad times: when the memories cannot be looked up for the moment, the handoff is made without them. What
 * was asked for becomes a gap that the receiver tries again; the words of the user, constraints and history still go.
 */

import { SpineError } from '../protocol/errors.ts'
import { mentionsOf } from '../rules/references.ts'
import { type CollectCall, type Collected, collect } from './collecting.ts'
import type { Caller, Service } from './context.ts'

export async function collectOrGaps(service: Service, call: CollectCall, caller: Caller): Promise<Collected> {
  try {
    return await collect(service, call)
  } catch (error) {
    if (!(error instanceof SpineError && error.retryable) || caller.signal?.aborted) throw error
    const mentioned = mentionsOf(call.summary).flatMap(({ id, certain }) => (certain ? [id] : []))
    const requested = [...new Set([...call.memory_ids, ...mentioned, ...call.history_ids])]
    caller.warn(`Memories cannot be looked up now (${error.message}); the envelope goes without them.`)
    return { memories: [], requested, gaps: requested.map((id) => ({ id, reason: 'unavailable' })) }
  }
}
