/** The operations on what happened and how well it goes. */

import { z } from 'zod'
import { cursor, eventPage, FROM_NOW } from '../event.ts'
import { healthReport, healthThresholds, healthTotals, healthWindow } from '../health.ts'
import { name } from '../scalars.ts'
import { limit, operation } from './operation.ts'

export const health = Object.freeze({
  report: operation({
    method: 'GET',
    path: '/v1/health/report',
    summary: 'How well handoffs go: latency, completeness, failures, hops, token use, per target and in all.',
    input: z.strictObject({
      window: healthWindow.default('1h'),
      /** Only handoffs to this agent. */
      target: name.optional(),
      /** Targets at most: failing ones, then those with the most handoffs. */
      limit: limit.default(20),
    }),
    output: healthReport,
    errors: [],
  }),
  thresholds: operation({
    method: 'GET',
    path: '/v1/health/thresholds',
    summary: 'Read what alerts and charts compare with.',
    input: z.strictObject({}),
    output: healthThresholds,
    errors: [],
  }),
  set_thresholds: operation({
    method: 'PUT',
    path: '/v1/health/thresholds',
    summary: 'Set what alerts and charts compare with; what is left out gets its default.',
    input: healthThresholds,
    output: healthThresholds,
    errors: [],
  }),
  totals: operation({
    method: 'GET',
    path: '/v1/health/totals',
    summary: 'What was counted since the beginning, as /metrics shows it.',
    input: z.strictObject({ limit: limit.default(50) }),
    output: healthTotals,
    errors: [],
  }),
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
