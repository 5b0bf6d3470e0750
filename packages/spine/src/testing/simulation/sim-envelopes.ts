/** Small sealed envelopes for the simulation, made once: the n-th is the same in every schedule. */

import { canonicalBytes, digestOf, freezeDeep, rememberBytes } from '../../protocol/canonical.ts'
import type { Envelope } from '../../protocol/envelope.ts'

/** Chains of the simulation end early, so that the hop limit is met. */
export const SIM_MAX_HOPS = 3

const made: Envelope[] = []

function make(index: number): Envelope {
  const id = `env-sim-${String(index).padStart(5, '0')}`
  const document = {
    envelope_version: '2',
    id,
    created_at: '2026-01-05T09:00:00.000Z',
    namespace: 'default',
    source_agent: 'source',
    target_agent: 'broadcast',
    chain: {
      root_id: id,
      previous: [],
      hop: 1,
      max_hops: SIM_MAX_HOPS,
      path: ['source'],
      cycle: 'stop',
      linked: 'root',
    },
    // The same for all, so that branches can be joined.
    task: { intent: 'Do it well.', summary: `Part ${index}.`, state: {}, amendments: [] },
    constraints: {},
    constraint_ledger: {},
    execution_history: [],
    memory_refs: [],
    memories: [],
    facts: [],
    budget: { max_tokens: 4_000, tokenizer: 'o200k_base', used: 20, reserved: 0 },
    token_count: 20,
    receipts: { trimmed: [], omitted_count: 0 },
    completeness: { requested: 0, resolved: 0, included: 0, score: 1, gaps: [] },
  }
  const sealed = { ...document, digest: digestOf(document) } as Envelope
  return freezeDeep(rememberBytes(sealed, canonicalBytes(sealed)))
}

export function simEnvelope(index: number): Envelope {
  made[index] ??= make(index)
  return made[index]
}
