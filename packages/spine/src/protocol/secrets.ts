/** What happens to secrets in texts that are going to be kept. */

import { z } from 'zod'

/** `flag` keeps the text and says so; `redact` puts a mark in its place; `refuse` takes nothing that has one. */
export const secretPolicy = z.enum(['off', 'flag', 'redact', 'refuse'])
export type SecretPolicy = z.infer<typeof secretPolicy>

export const SECRET_POLICY: SecretPolicy = 'redact'
