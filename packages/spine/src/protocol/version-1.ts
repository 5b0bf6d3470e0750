/**
 * Version 1 of the envelope: flat, an integer version, one text of context, ids of memories. Receivers that know only
 * it still read what is handed to them, and what they hand on is still read here. Both steps are pure.
 */

import { z } from 'zod'
import type { Envelope } from './envelope.ts'
import { render } from './render.ts'
import { id, jsonMap, name, text, time } from './scalars.ts'

export const envelope1 = z.looseObject({
  envelope_version: z.union([z.literal(1), z.literal('1')]),
  id,
  created_at: time,
  namespace: name.optional(),
  /** Version 1 did not ask for one; where it is given it must be right. */
  digest: z.string().optional(),
  source_agent: name,
  target_agent: name,
  task_id: id.optional(),
  root_id: id.optional(),
  previous_ids: z.array(id).max(16).optional(),
  hop: z.int().positive().max(128).optional(),
  /** The user's own words; without them, the summary. */
  intent: text.optional(),
  /** What the next agent must do. */
  summary: text,
  /** Everything else it should know, as it reads it. */
  context: text.optional(),
  constraints: jsonMap.optional(),
  memory_ids: z.array(id).max(10_000).optional(),
  max_tokens: z.int().positive().optional(),
  token_count: z.int().nonnegative().optional(),
})
export type Envelope1 = z.infer<typeof envelope1>

/** A version 2 envelope as version 1: its text is the context. Without a digest, which is for whoever seals it. */
export function downcast(envelope: Envelope): Envelope1 {
  const { task, chain, budget } = envelope
  return {
    envelope_version: 1,
    id: envelope.id,
    created_at: envelope.created_at,
    namespace: envelope.namespace,
    source_agent: envelope.source_agent,
    target_agent: envelope.target_agent,
    ...(task.id === undefined ? {} : { task_id: task.id }),
    root_id: chain.root_id,
    previous_ids: chain.previous.map((link) => link.id),
    hop: chain.hop,
    intent: task.intent,
    summary: task.summary,
    context: render(envelope),
    constraints: envelope.constraints,
    memory_ids: envelope.memory_refs,
    max_tokens: budget.max_tokens,
    token_count: envelope.token_count,
  }
}

const DEFAULT_MAX_HOPS = 10

/** A version 1 envelope as version 2: its context is an entry of the history, because somebody else wrote it. */
export function upcast(envelope: Envelope1): Envelope {
  const { source_agent, summary, intent, context, constraints = {}, memory_ids = [], previous_ids = [] } = envelope
  const { hop = previous_ids.length ? 2 : 1, token_count = 0 } = envelope
  const set = { set_by: source_agent, hop, locked: false }
  return {
    envelope_version: '2',
    id: envelope.id,
    created_at: envelope.created_at,
    namespace: envelope.namespace ?? 'default',
    digest: envelope.digest ?? '',
    source_agent,
    target_agent: envelope.target_agent,
    chain: {
      root_id: envelope.root_id ?? envelope.id,
      // Version 1 names what it continues, and does not say what it looked like.
      previous: previous_ids.map((previous) => ({ id: previous, digest: '' })),
      hop,
      max_hops: Math.max(DEFAULT_MAX_HOPS, hop),
      path: [source_agent, envelope.target_agent],
      cycle: 'stop',
      linked: previous_ids.length ? 'given' : 'root',
    },
    task: {
      ...(envelope.task_id === undefined ? {} : { id: envelope.task_id }),
      intent: intent ?? summary,
      ...(intent === undefined ? { intent_from: 'summary' as const } : {}),
      summary,
      state: {},
      amendments: [],
    },
    constraints,
    constraint_ledger: Object.fromEntries(Object.keys(constraints).map((key) => [key, set])),
    execution_history: context ? [{ agent: source_agent, action: 'handed over this context', output: context }] : [],
    memory_refs: memory_ids,
    memories: [],
    facts: [],
    budget: {
      max_tokens: envelope.max_tokens ?? Math.max(1, token_count),
      tokenizer: 'o200k_base',
      used: token_count,
      reserved: 0,
    },
    token_count,
    receipts: { trimmed: [], omitted_count: 0 },
    completeness: {
      requested: memory_ids.length,
      resolved: memory_ids.length,
      included: 0,
      score: 1,
      gaps: [],
    },
  }
}
