/** The operations on the store as a whole. */

import { z } from 'zod'
import { swept } from '../retention.ts'
import { operation } from './operation.ts'

export const system = Object.freeze({
  gc: operation({
    method: 'POST',
    path: '/v1/gc',
    summary: 'Remove what is over and old, now instead of within minutes; `dry_run` only says how much that is.',
    input: z.strictObject({ dry_run: z.boolean().default(false) }),
    output: swept,
    errors: [],
    repeatable: true,
  }),
})
