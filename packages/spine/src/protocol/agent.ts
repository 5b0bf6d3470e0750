/** An agent's profile: what its envelopes must fit into. Agents need not be registered; a name that was sent to appears. */

import { z } from 'zod'
import { lease_ms } from './delivery.ts'
import { name, text, time } from './scalars.ts'

export const tokenizerName = z.enum(['o200k_base', 'cl100k_base', 'p50k_base', 'r50k_base'])
export type TokenizerName = z.infer<typeof tokenizerName>

/** Counts the tokens of a text. Passed into the rules, so that they stay pure and light. */
export type CountTokens = (text: string) => number

export const agentProfile = z.strictObject({
  /** Tokens that its model can read. */
  context_window: z.int().positive().optional(),
  /** Tokens of it that its prompt and its own work need. */
  reserved_tokens: z.int().nonnegative().default(0),
  tokenizer: tokenizerName.default('o200k_base'),
  /** Envelope versions it can read; without it, every version this server knows. */
  accepts_versions: z.array(z.string().max(16)).max(8).optional(),
  /** Who gets what this agent declines or never accepts. */
  fallback_agent: name.optional(),
  /** Whom a choreographed `forward` goes to when it names nobody. */
  next_agent: name.optional(),
  /** Where its deliveries are posted to, so that it need not fetch them: https, to a public address. */
  push_url: z.string().max(2_048).optional(),
  /** How long it has for a pushed delivery that it accepted and did not complete at once. Default 15 minutes. */
  accept_lease_ms: lease_ms.optional(),
})
export type AgentProfile = z.infer<typeof agentProfile>

export const agent = z.looseObject({
  ...agentProfile.shape,
  name,
  /** Deliveries that wait for it, and that it holds. */
  ready: z.int(),
  held: z.int(),
  last_seen_at: time.optional(),
  registered: z.boolean(),
  /** Why nothing is pushed to it any more: its address said that it is gone. Setting the profile starts again. */
  push_stopped: text.optional(),
  /** Only when its last handoffs failed; a target without it is well. */
  breaker: z
    .looseObject({
      state: z.enum(['closed', 'open', 'half_open']),
      /** Exhausted handoffs in a row. */
      failures: z.int(),
      retry_after_ms: z.int().optional(),
    })
    .optional(),
})
export type Agent = z.infer<typeof agent>
