/**
 * The envelope, version 2: the sealed document that one agent hands to another. Objects are loose on purpose: what a
 * newer minor version adds survives parsing, storing, delivery and sealing, because it is part of the digest.
 */

import { z } from 'zod'
import { tokenizerName } from './agent.ts'
import { gap, memoryKind, trust } from './memory.ts'
import { id, json, jsonMap, name, priority, text, time } from './scalars.ts'
import { amendment, constraints, expectedOutput, taskState } from './task.ts'

export const cycleRule = z.enum(['stop', 'warn', 'off'])
export type CycleRule = z.infer<typeof cycleRule>

export const strategy = z.enum(['full_dump', 'summary_refs', 'priority', 'lazy'])
export type Strategy = z.infer<typeof strategy>

export const level = z.enum(['full', 'excerpt', 'ref'])
export type Level = z.infer<typeof level>

const link = z.looseObject({ id, digest: z.string() })

export const chain = z.looseObject({
  root_id: id,
  /** The envelopes that this one continues: one, or up to 16 where branches join. Empty at the root. */
  previous: z.array(link).max(16),
  /** Counts from 1. */
  hop: z.int().positive(),
  max_hops: z.int().min(1).max(128),
  /** The agents on the way here, sender and target of this hop last. */
  path: z.array(name),
  cycle: cycleRule,
  /** How `previous` was found: given by the sender, inferred from what it held, or none (a root). */
  linked: z.enum(['given', 'inferred', 'root']),
})
export type Chain = z.infer<typeof chain>

export const ledgerEntry = z.looseObject({
  set_by: name,
  hop: z.int(),
  locked: z.boolean(),
  /** What it was before each time it was narrowed, oldest first. */
  narrowed: z.array(z.looseObject({ from: json, by: name, hop: z.int() })).optional(),
  waiver: z
    .looseObject({
      by: name,
      /** The sender that passed on the words of the user. */
      through: name.optional(),
      reason: text,
      hop: z.int(),
      was: json.optional(),
    })
    .optional(),
})
export type LedgerEntry = z.infer<typeof ledgerEntry>

export const historyEntry = z.looseObject({
  agent: name,
  action: text,
  memory_id: id.optional(),
  decision: text.optional(),
  reason: text.optional(),
  rejected: z.union([text, z.array(text)]).optional(),
  at: time.optional(),
  /** Only what was decided and rejected is here; the whole entry is in an earlier envelope, or in `history_rest`. */
  shortened: z.boolean().optional(),
})
export type HistoryEntry = z.infer<typeof historyEntry>

/** Stands for the older entries that no longer fit; the envelope named holds them. */
export const compactedEntry = z.looseObject({
  compacted: z.int().positive(),
  from_hop: z.int(),
  to_hop: z.int(),
  envelope_id: id,
  // What somebody did is an entry of its own, whatever unknown keys it has.
  agent: z.never().optional(),
  action: z.never().optional(),
})
export type CompactedEntry = z.infer<typeof compactedEntry>

/** Whether it stands for older entries. */
export const isCompacted = (entry: HistoryEntry | CompactedEntry): entry is CompactedEntry => !('action' in entry)

export const envelopeMemory = z.looseObject({
  id,
  version: z.int().positive(),
  digest: z.string(),
  tokens: z.int().nonnegative(),
  priority,
  pinned: z.boolean(),
  level,
  content: text.optional(),
  title: text.optional(),
  kind: memoryKind.optional(),
  author: name.optional(),
  trust: trust.optional(),
  created_at: time.optional(),
  /** Why it is here: the strongest signals, in words. */
  explain: z.array(text).optional(),
})
export type EnvelopeMemory = z.infer<typeof envelopeMemory>

/** An exact value that a summary would drop, with where it came from. */
export const fact = z.looseObject({
  value: text,
  kind: z.string(),
  /** The key that it stood behind, in JSON or in the arguments of a call. */
  key: z.string().optional(),
  /** `intent`, `summary`, `history`, a memory id, or the id of the envelope whose summary has it. */
  from: z.string(),
  trust: trust.optional(),
  /** In how many texts it stands. */
  uses: z.int().positive().optional(),
})
export type Fact = z.infer<typeof fact>

export const trimmed = z.looseObject({
  id: z.string(),
  level: z.enum(['full', 'excerpt', 'ref', 'receipt']),
  tokens: z.int(),
  score: z.number(),
  reason: z.string(),
  /** The memory that is shown in its place: the same text, or what replaced it. */
  instead: z.string().optional(),
  /** Tokens that the full text would have needed more. */
  full_needs: z.int().positive().optional(),
  /** Why it ranks where it does: the strongest signals, in words. */
  explain: z.array(text).optional(),
})
export type Trimmed = z.infer<typeof trimmed>

/** A part that is sealed whole but shown as an excerpt, because it alone would fill the budget. */
export const shortened = z.looseObject({
  part: z.enum(['intent', 'summary', 'state']),
  text,
  tokens: z.int(),
  of_tokens: z.int(),
})
export type Shortened = z.infer<typeof shortened>

export const completeness = z.looseObject({
  requested: z.int(),
  resolved: z.int(),
  included: z.int(),
  /** Resolved of requested, 0 to 1; 1 when nothing was requested. */
  score: z.number(),
  gaps: z.array(gap),
})
export type Completeness = z.infer<typeof completeness>

export const envelope = z.looseObject({
  envelope_version: z.string(),
  id,
  created_at: time,
  namespace: name,
  digest: z.string(),
  signature: z.string().optional(),
  source_agent: name,
  target_agent: name,
  chain,
  task: z.looseObject({
    id: id.optional(),
    intent: text,
    /** Set when nobody gave the user's words and the summary stands in for them. */
    intent_from: z.literal('summary').optional(),
    summary: text,
    state: taskState,
    amendments: z.array(amendment),
  }),
  constraints,
  constraint_ledger: z.record(z.string(), ledgerEntry),
  execution_history: z.array(z.union([compactedEntry, historyEntry])),
  expected_output: expectedOutput.optional(),
  memory_refs: z.array(z.string()),
  memories: z.array(envelopeMemory),
  facts: z.array(fact),
  budget: z.looseObject({
    max_tokens: z.int().positive(),
    tokenizer: tokenizerName,
    used: z.int().nonnegative(),
    reserved: z.int().nonnegative(),
    /** Which policy chose what travels. */
    strategy: strategy.optional(),
  }),
  token_count: z.int().nonnegative(),
  receipts: z.looseObject({
    trimmed: z.array(trimmed),
    omitted_count: z.int().nonnegative(),
    /** The text had no room to say what is left out or missing. */
    unlisted: z.boolean().optional(),
    shortened: z.array(shortened).optional(),
  }),
  completeness,
  idempotency_key: z.string().optional(),
  traceparent: z.string().optional(),
  deadline: time.optional(),
  extensions: jsonMap.optional(),
  /** Of a view for a receiver that reads another version than was sealed: the original. A view has no digest. */
  derived_from: link.optional(),
})
export type Envelope = z.infer<typeof envelope>

/** What assembly makes and what is rendered; sealing adds the count of the text and the digest. */
const draft = envelope.omit({ digest: true, token_count: true })
export type Draft = z.infer<typeof draft>
