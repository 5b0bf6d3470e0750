/** The operations on channels: one envelope to several receivers, all of them or none. */

import { z } from 'zod'
import { channel, publication } from '../channel.ts'
import { deliveryDefaults } from '../delivery.ts'
import { id, name, priority, time } from '../scalars.ts'
import { after, idempotency_key, limit, operation, page, wholeDocument } from './operation.ts'

export const channels = Object.freeze({
  publish: operation({
    method: 'POST',
    path: '/v1/channels/:channel/publish',
    summary: 'Send one envelope to several receivers at least once: every delivery is stored, or none.',
    input: z.strictObject({
      channel: name,
      envelope_id: id.optional(),
      envelope: wholeDocument.optional(),
      receivers: z.array(name).min(1).max(1_000),
      delivery: z.literal('at-least-once').default('at-least-once'),
      /** Wait for all or any of the receivers to get to `goal`. */
      wait: z.enum(['none', 'all', 'any']).default('none'),
      goal: z.enum(['accepted', 'completed']).default('accepted'),
      timeout_ms: z.int().min(0).max(600_000).default(deliveryDefaults.ack_timeout_ms),
      priority: priority.default('normal'),
      deadline: time.optional(),
      idempotency_key,
    }),
    output: publication,
    errors: [
      'ENVELOPE_NOT_FOUND',
      'UNSUPPORTED_VERSION',
      'DIGEST_MISMATCH',
      'ENVELOPE_CONFLICT',
      'IDEMPOTENCY_CONFLICT',
    ],
    status: 201,
    idempotent: true,
    repeatable: true,
    waits: true,
    guarded: true,
  }),
  status: operation({
    method: 'GET',
    path: '/v1/channels/:channel/publications/:envelope_id',
    summary: 'Read where a published envelope is with each of its receivers.',
    input: z.strictObject({ channel: name, envelope_id: id }),
    output: publication,
    errors: ['ENVELOPE_NOT_FOUND'],
  }),
  list: operation({
    method: 'GET',
    path: '/v1/channels',
    summary: 'List the channels that were published to.',
    input: z.strictObject({ limit: limit.default(200), after }),
    output: page('channels', channel),
    errors: [],
  }),
})
