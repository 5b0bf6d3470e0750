/**
 * A memory: a piece of text that outlives the agent that wrote it. Storing a known id again makes a new version;
 * envelopes refer to memories by id and remember the version and digest they saw.
 */

import { z } from 'zod'
import { id, jsonMap, name, priority, text, time } from './scalars.ts'

export const memoryKind = z.enum(['fact', 'decision', 'message', 'reasoning', 'tool_result', 'note'])
export type MemoryKind = z.infer<typeof memoryKind>

/** Whose words these are. Everything but `user` is rendered as data with its source. */
export const trust = z.enum(['user', 'agent', 'tool', 'external'])
export type Trust = z.infer<typeof trust>

/** What a caller may say of a memory. Only `content` is required. */
export const memoryInput = z.strictObject({
  id: id.optional(),
  content: text.min(1),
  title: text.max(200).optional(),
  kind: memoryKind.default('note'),
  tags: z.array(name).max(50).default([]),
  priority: priority.default('normal'),
  pinned: z.boolean().default(false),
  task_id: id.optional(),
  /** The agent or person whose words these are; without it, the agent of the credential, else "unknown". */
  author: name.optional(),
  trust: trust.default('agent'),
  metadata: jsonMap.default({}),
  expires_at: time.optional(),
  /** The id of the memory that this one replaces; the replaced one no longer ranks. */
  supersedes: id.optional(),
  /** When it was said, if that was not now. */
  created_at: time.optional(),
})
export type MemoryInput = z.input<typeof memoryInput>

export const memory = z.looseObject({
  id,
  content: text,
  title: text.optional(),
  kind: memoryKind,
  tags: z.array(name),
  priority,
  pinned: z.boolean(),
  task_id: id.optional(),
  author: name,
  trust,
  metadata: jsonMap,
  expires_at: time.optional(),
  supersedes: id.optional(),
  superseded_by: id.optional(),
  version: z.int().positive(),
  /** sha-256 of the content, so that "has it changed?" needs no content. */
  digest: z.string(),
  /** Tokens of the content in the default tokenizer. */
  tokens: z.int().nonnegative(),
  created_at: time,
  updated_at: time,
})
export type Memory = z.infer<typeof memory>

/** What an update may change; what is left out stays. */
export const memoryPatch = z.strictObject({
  content: text.min(1).optional(),
  title: text.max(200).optional(),
  kind: memoryKind.optional(),
  tags: z.array(name).max(50).optional(),
  priority: priority.optional(),
  metadata: jsonMap.optional(),
  expires_at: time.nullable().optional(),
})

/** How a reference is read: the newest version (told when it moved on), the sealed one, or an error when it changed. */
export const resolvePolicy = z.enum(['latest', 'sealed', 'fail_if_changed'])
export type ResolvePolicy = z.infer<typeof resolvePolicy>

export const gap = z.looseObject({
  id: z.string(),
  reason: z.enum(['not_found', 'deleted', 'expired', 'changed', 'damaged', 'unavailable']),
})
export type Gap = z.infer<typeof gap>
