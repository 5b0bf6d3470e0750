/** Envelopes that a client seals by itself, so that a fault knows their id and digest before anything is sent. */

import { canonicalBytes, digestOf } from '../../protocol/canonical.ts'
import type { Envelope } from '../../protocol/envelope.ts'

export type Sealing = {
  id: string
  target_agent: string
  namespace?: string
  /** What the task says; the length of the envelope follows from it. */
  intent?: string
  extensions?: Record<string, string | number | boolean>
}

const created_at = '2026-01-05T09:00:00.000Z'

export function sealed({ id, target_agent, namespace = 'default', intent, extensions = {} }: Sealing): Envelope {
  const draft = {
    envelope_version: '2',
    id,
    created_at,
    namespace,
    source_agent: 'planner',
    target_agent,
    chain: {
      root_id: id,
      previous: [],
      hop: 1,
      max_hops: 10,
      path: ['planner', target_agent],
      cycle: 'stop',
      linked: 'root',
    },
    task: {
      intent: intent ?? 'Payments must survive a short outage of the gateway, and nobody may be charged twice.',
      summary: 'Write the retry logic for the gateway.',
      state: {},
      amendments: [],
    },
    constraints: { language: 'python', security: 'no plaintext credentials' },
    constraint_ledger: {},
    execution_history: [{ agent: 'planner', action: 'chose a strategy', decision: 'exponential backoff' }],
    memory_refs: [],
    memories: [],
    facts: [],
    budget: { max_tokens: 4000, tokenizer: 'o200k_base', used: 200, reserved: 0 },
    token_count: 200,
    receipts: { trimmed: [], omitted_count: 0 },
    completeness: { requested: 0, resolved: 0, included: 0, score: 1, gaps: [] },
    extensions,
  } as const
  const body = JSON.parse(Buffer.from(canonicalBytes(draft)).toString())
  return { ...body, digest: digestOf(body) }
}
