/** A task: the unit of work of a user. Its intent is the user's own words and never changes; amendments are added to it. */

import { z } from 'zod'
import { id, json, jsonMap, name, text, time } from './scalars.ts'

const decision = z.looseObject({
  decision: text,
  reason: text.optional(),
  rejected: z.array(text).max(50).optional(),
  by: name.optional(),
  at: time.optional(),
  /** A decision that still has to be taken is carried until it is resolved. */
  status: z.enum(['taken', 'open']).optional(),
})

/** Where the work stands. A call replaces it key by key. */
export const taskState = z.looseObject({
  progress: text.optional(),
  decisions: z
    .array(z.union([text, decision]))
    .max(200)
    .optional(),
  remaining: z.array(text).max(200).optional(),
  open_questions: z.array(text).max(200).optional(),
})
export type TaskState = z.infer<typeof taskState>

/** Who the user is among the names of agents. */
export const USER = 'user'

/** The user's later words. They stand beside the intent, they never replace it. */
export const amendment = z.looseObject({
  text,
  /** Default: the user. */
  by: name.optional(),
  at: time.optional(),
  /** Constraint keys that the user lifts with it. Of anybody else it is refused. */
  waives: z.array(name).max(100).optional(),
})
export type Amendment = z.infer<typeof amendment>

export const constraints = jsonMap
export type Constraints = z.infer<typeof constraints>

/** As a call gives them; null takes one away. A ceiling that no envelope can keep would be a ceiling that is not kept. */
export const givenConstraints = constraints.refine(
  ({ max_tokens: ceiling = null }) => ceiling === null || (typeof ceiling === 'number' && ceiling >= 1),
  { path: ['max_tokens'], error: 'is a number of tokens, at least 1' },
)

export const taskInput = z.strictObject({
  id,
  intent: text.min(1),
  constraints: givenConstraints.default({}),
  locked: z.array(name).max(100).default([]),
})

export const task = z.looseObject({
  id,
  intent: text,
  constraints,
  locked: z.array(name),
  /** The state and id of the last envelope sealed for it. */
  state: taskState.optional(),
  last_envelope_id: id.optional(),
  created_at: time,
  updated_at: time,
})
export type Task = z.infer<typeof task>

/** What the next agent should produce. */
export const expectedOutput = z.looseObject({
  format: text.optional(),
  schema: json.optional(),
  length: text.optional(),
  criteria: z.array(text).max(100).optional(),
})
export type ExpectedOutput = z.infer<typeof expectedOutput>
