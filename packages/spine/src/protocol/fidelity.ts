/** The chain fidelity report: what of one envelope is still there in a later one, and where the rest ended. */

import { z } from 'zod'
import { id, json, name, text, time } from './scalars.ts'

/** What a chain carries from hop to hop, heaviest first. */
export const itemKind = z.enum([
  'intent',
  'amendment',
  'constraint',
  'decision',
  'rejected',
  'open_question',
  'fact',
  'reference',
])
export type ItemKind = z.infer<typeof itemKind>

/** Something that happened to an item; between its events it was carried as it was. */
export const itemEvent = z.looseObject({
  hop: z.int(),
  /** The envelope in which it shows first. */
  envelope_id: id,
  what: z.enum(['added', 'narrowed', 'changed', 'waived', 'resolved', 'lost', 'back']),
  from: json.optional(),
  to: json.optional(),
  by: name.optional(),
  reason: text.optional(),
})
export type ItemEvent = z.infer<typeof itemEvent>

export const chainItem = z.looseObject({
  /** Names it within one report. */
  key: z.string(),
  kind: itemKind,
  /** For the eye: of a constraint its key and value, of a reference its id. At most 500 characters. */
  label: text,
  in_a: z.boolean(),
  in_b: z.boolean(),
  /** How it stands at b. `changed`: narrowed, decided meanwhile, or a reference with more or less text. */
  fate: z.enum(['kept', 'changed', 'waived', 'resolved', 'lost', 'added']),
  /** Oldest first; the first one says where it was added. */
  events: z.array(itemEvent).min(1),
})
export type ChainItem = z.infer<typeof chainItem>

/** How many there were, and what became of them. */
export const survival = z.looseObject({
  of: z.int(),
  /** Still there, as it was or changed. */
  survived: z.int(),
  changed: z.int(),
  waived: z.int(),
  resolved: z.int(),
  lost: z.int(),
  /** New at this place; not in `of`. */
  added: z.int(),
})
export type Survival = z.infer<typeof survival>

const surviving = {
  /** survived / (of - waived - resolved); 1 when nothing is left to divide by. */
  score: z.number(),
  total: survival,
  /** The kinds that occur. */
  kinds: z.partialRecord(itemKind, survival),
}

const hopFidelity = z.looseObject({
  envelope_id: id,
  hop: z.int(),
  source_agent: name,
  target_agent: name,
  created_at: time,
  token_count: z.int(),
  max_tokens: z.int(),
  /** Against the hop before it in this report. */
  ...surviving,
})

export const fidelity = z.looseObject({
  /** `chain`: b descends from a and `hops` holds the longest way between them. `direct`: it does not; `hops` is a and b. */
  path: z.enum(['chain', 'direct']),
  hops: z.array(hopFidelity),
  /** By kind, then in the order in which they appeared. */
  items: z.array(chainItem),
  /** b against a. */
  ...surviving,
  formula: z.string(),
})
export type Fidelity = z.infer<typeof fidelity>
