/** The operations on alerts. */

import { z } from 'zod'
import { alert, tier } from '../alert.ts'
import { id, name, text } from '../scalars.ts'
import { after, limit, operation, page } from './operation.ts'

const MAX_SILENCE_MS = 7 * 86_400_000

export const alerts = Object.freeze({
  list: operation({
    method: 'GET',
    path: '/v1/alerts',
    summary: 'List alerts, the newest first.',
    input: z.strictObject({
      state: z.enum(['open', 'resolved', 'all']).default('open'),
      tier: tier.optional(),
      target: name.optional(),
      limit: limit.default(100),
      after,
    }),
    output: page('alerts', alert),
    errors: [],
  }),
  get: operation({
    method: 'GET',
    path: '/v1/alerts/:id',
    summary: 'Read an alert.',
    input: z.strictObject({ id }),
    output: alert,
    errors: ['ALERT_NOT_FOUND'],
  }),
  acknowledge: operation({
    method: 'POST',
    path: '/v1/alerts/:id/acknowledge',
    summary: 'Say that somebody is on it. The first one stands.',
    input: z.strictObject({ id, by: name.optional(), note: text.max(1_000).optional() }),
    output: alert,
    errors: ['ALERT_NOT_FOUND'],
    repeatable: true,
  }),
  silence: operation({
    method: 'POST',
    path: '/v1/alerts/:id/silence',
    summary: 'Tell webhooks nothing of this rule and target for a while; 0 ends it. It is listed all the same.',
    input: z.strictObject({ id, for_ms: z.int().min(0).max(MAX_SILENCE_MS), by: name.optional() }),
    output: alert,
    errors: ['ALERT_NOT_FOUND'],
    repeatable: true,
  }),
})
