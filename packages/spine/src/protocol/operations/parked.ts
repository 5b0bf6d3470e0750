/** The operations on the dead-letter box: where a handoff rests until a person looks at it. */

import { z } from 'zod'
import { delivery } from '../delivery.ts'
import { id, name, text, time } from '../scalars.ts'
import { after, limit, operation, page } from './operation.ts'

const ids = z.array(id).min(1).max(1_000)
const reason = text.min(1).max(2_000)

/** One answer for each id, in their order. */
const results = () =>
  z.looseObject({
    results: z.array(
      z.looseObject({
        id,
        delivery: delivery.optional(),
        error: z.looseObject({ code: z.string(), detail: z.string() }).optional(),
      }),
    ),
  })

export const parked = Object.freeze({
  park: operation({
    method: 'POST',
    path: '/v1/parked',
    summary: 'Put a handoff into the dead-letter box for a person to look at.',
    input: z.strictObject({ envelope_id: id, target: name.optional(), reason }),
    output: z.looseObject({ ...delivery.shape, code: z.literal('ALREADY_ACCEPTED').optional() }),
    errors: ['ENVELOPE_NOT_FOUND'],
    repeatable: true,
    guarded: true,
  }),
  list: operation({
    method: 'GET',
    path: '/v1/parked',
    summary: 'List what rests in the dead-letter box, newest first.',
    input: z.strictObject({ target: name.optional(), limit: limit.default(100), after }),
    output: page('deliveries', delivery),
    errors: [],
  }),
  get: operation({
    method: 'GET',
    path: '/v1/parked/:id',
    summary: 'Read a parked delivery with every attempt and error.',
    input: z.strictObject({ id }),
    output: delivery,
    errors: ['DELIVERY_NOT_FOUND', 'WRONG_STATE'],
  }),
  redrive: operation({
    method: 'POST',
    path: '/v1/parked/redrive',
    summary: 'Put parked deliveries back into the queue, each once, with fresh counts.',
    input: z.strictObject({
      ids,
      deadline: time.optional(),
      /** Lets a chain that was stopped at its limit go on; at most 64 in all. */
      extra_hops: z.int().min(1).max(64).optional(),
      /** Lets work that went in a circle go on. */
      cycle: z.literal('warn').optional(),
    }),
    output: results(),
    errors: [],
    repeatable: true,
  }),
  discard: operation({
    method: 'POST',
    path: '/v1/parked/discard',
    summary: 'End parked deliveries for good, with a reason.',
    input: z.strictObject({ ids, reason }),
    output: results(),
    errors: [],
    repeatable: true,
    guarded: true,
  }),
})
