/** The what-if of a handoff: what would travel for other budgets, strategies and tokenizers. Nothing is sealed. */

import { z } from 'zod'
import { tokenizerName } from './agent.ts'
import { envelopeMemory, level, strategy } from './envelope.ts'
import { handoffInput } from './handoff.ts'
import { gap } from './memory.ts'
import { id, name, text } from './scalars.ts'

const previewLimits = Object.freeze({
  /** Budgets x strategies x tokenizers of one call. */
  variants: 64,
  /** Variants that steps or texts can be asked for. */
  detailed: 8,
  steps: 3,
})

type Lists = { budgets?: unknown[] | undefined; strategies?: unknown[] | undefined; tokenizers?: unknown[] | undefined }

const variantsOf = ({ budgets, strategies, tokenizers }: Lists) =>
  (budgets?.length ?? 1) * (strategies?.length ?? 1) * (tokenizers?.length ?? 1)

/** A handoff as it would be made, or one that was. */
export const previewInput = z
  .strictObject({
    /** A call as for `handoffs.create`. */
    handoff: handoffInput.omit({ idempotency_key: true }).optional(),
    /** What was sealed: the same parts, and the memories in the versions they had. */
    envelope_id: id.optional(),
    /** Default: the budget, strategy and tokenizer that `create` would use, or that were sealed. */
    budgets: z.array(z.int().positive().max(1_000_000)).min(1).max(previewLimits.variants).optional(),
    strategies: z.array(strategy).min(1).max(4).optional(),
    tokenizers: z.array(tokenizerName).min(1).max(4).optional(),
    /** How many next steps up to look for: the budgets at which more travels. Takes time: at most 8 variants. */
    steps: z.int().min(0).max(previewLimits.steps).default(0),
    /** Also the text of each variant, at most 8, and of what was sealed. */
    text: z.boolean().default(false),
  })
  .refine((call) => (call.handoff === undefined) !== (call.envelope_id === undefined), {
    message: 'is either a call in `handoff` or an `envelope_id`',
  })
  .refine((call) => variantsOf(call) <= previewLimits.variants, {
    message: `has more than ${previewLimits.variants} variants; ask for fewer budgets, strategies or tokenizers`,
  })
  .refine((call) => !(call.steps || call.text) || variantsOf(call) <= previewLimits.detailed, {
    message: `steps and text can be asked for at most ${previewLimits.detailed} variants`,
  })

/** A memory that could travel. */
const previewMemory = z.looseObject({
  ...envelopeMemory.omit({ level: true, content: true, digest: true }).shape,
  /** How its text begins, where it has no title. */
  opening: text.optional(),
  /** Asked for by id, named in the texts, or pinned. */
  requested: z.boolean(),
  score: z.number(),
  /** Its share of the relevance of all, 0 to 1. */
  weight: z.number(),
})

const anyLevel = z.enum(['full', 'excerpt', 'ref', 'receipt'])

const previewVariant = z.looseObject({
  max_tokens: z.int().positive(),
  strategy: strategy.optional(),
  tokenizer: tokenizerName,
  fits: z.boolean(),
  /** Why it does not fit. */
  problem: z.looseObject({ code: z.literal('BUDGET_TOO_SMALL'), detail: text, needed_tokens: z.int() }).optional(),
  /** Tokens of its text, as its tokenizer counts them; 0 when it does not fit. */
  token_count: z.int().nonnegative(),
  /** The smallest budget that this strategy and tokenizer can do with. */
  smallest: z.int().positive().optional(),
  /** Share of all relevance that travels as text, 0 to 1. */
  relevance: z.number(),
  /** What is carried, in the order of the text; what is not listed is left out. */
  levels: z.array(
    z.looseObject({
      id,
      level,
      /** Of its lines in the text. */
      tokens: z.int().nonnegative(),
      /** Why it is not whole. */
      reason: text.optional(),
    }),
  ),
  /** Why the others are not there; as many as an envelope would note. */
  left_out: z.array(z.looseObject({ id, reason: text })),
  counts: z.looseObject({ full: z.int(), excerpt: z.int(), ref: z.int(), receipt: z.int() }),
  /** Of each section of the text, in its order; where it does not fit, of what must be kept. */
  parts: z.array(z.looseObject({ part: z.string(), tokens: z.int().nonnegative() })),
  facts: z.int().nonnegative(),
  next_steps: z
    .array(
      z.looseObject({
        /** The smallest budget found above the last one with which more relevance travels. */
        max_tokens: z.int().positive(),
        changes: z.array(z.looseObject({ id, from: anyLevel, to: anyLevel })),
      }),
    )
    .optional(),
  text: z.string().optional(),
})
export type PreviewVariant = z.infer<typeof previewVariant>

export const preview = z.looseObject({
  source_agent: name,
  target_agent: name,
  summary: text,
  envelope_id: id.optional(),
  /** Of an `envelope_id`: what was sealed, in the shape of a variant. */
  sealed: previewVariant.optional(),
  /** What `create` would use, or what was sealed. */
  budget: z.looseObject({
    max_tokens: z.int().positive(),
    set_by: z.enum(['call', 'constraint', 'window', 'default', 'sealed']),
    tokenizer: tokenizerName,
    strategy,
  }),
  /** Best first. */
  memories: z.array(previewMemory),
  gaps: z.array(gap),
  warnings: z.array(z.string()),
  /** By tokenizer, then strategy, then budget. */
  variants: z.array(previewVariant),
})
export type Preview = z.infer<typeof preview>
