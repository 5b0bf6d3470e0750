/** An alert: something that somebody should look at, raised once and resolved once, with what to do next. */

import { z } from 'zod'
import { id, name, text, time } from './scalars.ts'

export const tier = z.enum(['critical', 'warning', 'info'])
export type Tier = z.infer<typeof tier>

export const alertRule = z.enum([
  'handoff_failed',
  'attempts_failing',
  'completeness_low',
  'failure_rate_high',
  'breaker_open',
  'utilisation_low',
  'utilisation_full',
  'hop_depth_rising',
  'loop_stopped',
  'previous_forgotten',
  'unclaimed',
])
export type AlertRule = z.infer<typeof alertRule>

export const alert = z.looseObject({
  id,
  rule: alertRule,
  tier,
  state: z.enum(['open', 'resolved']),
  /** The agent it is about; without it, all handoffs. */
  target: name.optional(),
  title: text,
  /** The cause, as far as it is known. */
  detail: text,
  /** What to do now. */
  next: text,
  value: z.number().optional(),
  threshold: z.number().optional(),
  /** What to look at. */
  about: z.looseObject({
    delivery_id: id.optional(),
    envelope_id: id.optional(),
    memory_id: id.optional(),
    agent: name.optional(),
  }),
  raised_at: time,
  resolved_at: time.optional(),
  acknowledged: z.looseObject({ by: name, at: time, note: text.optional() }).optional(),
  /** Webhooks do not hear of it until then. */
  silenced_until: time.optional(),
})
export type Alert = z.infer<typeof alert>
