/** The operations on what happened and how well it goes. */

import { z } from 'zod'
import { cursor, eventPage, FROM_NOW } from '../event.ts'
import { limit, operation } from './operation.ts'

export const health = Object.freeze({
  events: operation({
    method: 'GET',
    path: '/v1/events',
    summary:
      'Read what happened after a place in the stream, waiting for it if need be. With `Accept: text/event-stream` it goes on as server-sent events.',
    input: z.strictObject({
      /** Left out: from the oldest event that is kept; "now": what happens from now on. */
      after: z.union([cursor, z.literal(FROM_NOW)]).optional(),
      /** Only types that begin with one of these, separated by commas: `delivery.,breaker.opened`. */
      types: z
        .string()
        .max(500)
        .regex(/^[a-z_.]+(,[a-z_.]+)*$/, 'is a list of types, separated by commas')
        .optional(),
      limit: limit.default(200),
      wait_ms: z.coerce.number<number>().int().min(0).max(60_000).default(0),
    }),
    output: eventPage,
    errors: [],
    waits: true,
    stream: 'events',
  }),
})
