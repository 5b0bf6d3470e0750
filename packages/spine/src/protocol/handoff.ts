/** The call that makes an envelope, `agentHandoff()`, field by field with its defaults, and the record kept beside it. */

import { z } from 'zod'
import { delivery } from './delivery.ts'
import { cycleRule, envelope, historyEntry, strategy } from './envelope.ts'
import { id, jsonMap, name, text, time, traceparent } from './scalars.ts'
import { amendment, expectedOutput, givenConstraints, taskState } from './task.ts'
import { CURRENT_VERSION, emittedVersions } from './versions.ts'

export const handoffDefaults = Object.freeze({
  max_tokens: 4_000,
  include_recent: 20,
  max_hops: 10,
  max_max_hops: 64,
})

export const handoffInput = z.strictObject({
  target_agent: name,
  /** What the next agent must do now. */
  task_summary: text.min(1),
  /** Default: the agent of the credential, else the target of `previous`, else "unknown". */
  source_agent: name.optional(),
  task_id: id.optional(),
  /** The user's own words. Only at the root; down the chain it is inherited. */
  intent: text.min(1).optional(),
  /** Replaces what `previous` had, key by key. */
  state: taskState.optional(),
  /** Later words of the user; they are added to those of the chain. */
  amendments: z.array(amendment).max(100).optional(),
  /** A key not given is carried; null removes one (only with a waiver). */
  constraints: givenConstraints.optional(),
  /** Keys that nobody may waive. */
  locked: z.array(name).max(100).optional(),
  /** Key to reason: lifts a constraint that the sender itself set. */
  waive: z.record(name, text.min(1)).optional(),
  execution_history: z.array(historyEntry).max(1_000).optional(),
  expected_output: expectedOutput.optional(),
  memory_ids: z.array(id).max(1_000).optional(),
  include_recent: z.int().min(0).max(1_000).default(handoffDefaults.include_recent),
  include_pins: z.boolean().default(true),
  /** Envelope or delivery id, or several; null for a root on purpose; left out, what the sender holds is taken. */
  previous: z.union([id, z.array(id).min(1).max(16), z.null()]).optional(),
  strategy: strategy.default('priority'),
  /** Tokens of the rendered envelope. Default: the least of the constraint, the target's window, and 4,000. */
  max_tokens: z.int().positive().max(1_000_000).optional(),
  /** Refuse instead of flagging gaps. */
  require_complete: z.boolean().default(false),
  /** Refuse instead of rendering a long intent as an excerpt. */
  require_full_intent: z.boolean().default(false),
  max_hops: z.int().min(1).max(handoffDefaults.max_max_hops).optional(),
  cycle: cycleRule.optional(),
  deadline: time.optional(),
  /** Versions to seal it in: "2", and "1" too while some receivers read only that. Default ["2"]. */
  emit: z
    .array(z.enum(emittedVersions))
    .max(emittedVersions.length)
    .refine((versions) => versions.includes(CURRENT_VERSION), `must have "${CURRENT_VERSION}"`)
    .optional(),
  extensions: jsonMap.optional(),
  traceparent: traceparent.optional(),
  idempotency_key: name.optional(),
})
export type HandoffInput = z.input<typeof handoffInput>

/** What is known about a handoff beside its sealed envelope. */
export const handoff = z.looseObject({
  envelope_id: id,
  digest: z.string(),
  envelope_version: z.string(),
  source_agent: name,
  target_agent: name,
  task_id: id.optional(),
  root_id: id,
  hop: z.int(),
  summary: text,
  token_count: z.int(),
  max_tokens: z.int(),
  completeness: z.number(),
  /** False when the envelope was imported: the server did not compute its counts itself. */
  verified: z.boolean(),
  bytes: z.int(),
  created_at: time,
  /** An import of what was stored already: it stays as it came first. */
  duplicate: z.boolean().optional(),
})
export type Handoff = z.infer<typeof handoff>

export const handoffStatus = z.looseObject({ ...handoff.shape, deliveries: z.array(delivery) })
export type HandoffStatus = z.infer<typeof handoffStatus>

/** A chain from its root down to and including the envelope asked for. */
export const lineage = z.looseObject({ envelopes: z.array(envelope) })
