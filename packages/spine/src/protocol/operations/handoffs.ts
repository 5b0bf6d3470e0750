/** The operations on handoffs. */

import { z } from 'zod'
import { envelope } from '../envelope.ts'
import { fidelity } from '../fidelity.ts'
import { handoff, handoffInput, handoffStatus, lineage } from '../handoff.ts'
import { preview, previewInput } from '../preview.ts'
import { id, name } from '../scalars.ts'
import { emittedVersions } from '../versions.ts'
import { after, limit, operation, page, wholeDocument } from './operation.ts'

export const handoffs = Object.freeze({
  create: operation({
    method: 'POST',
    path: '/v1/handoffs',
    summary: 'Pack and seal an envelope for the next agent, fitted to its token budget.',
    input: handoffInput,
    output: envelope,
    errors: [
      'BUDGET_TOO_SMALL',
      'AMBIGUOUS_PREVIOUS',
      'INTENT_CHANGED',
      'CONSTRAINT_CHANGED',
      'WAIVER_REFUSED',
      'CONSTRAINT_CONFLICT',
      'HOP_LIMIT',
      'CYCLE',
      'INCOMPLETE',
      'ENVELOPE_NOT_FOUND',
      'TASK_NOT_FOUND',
      'FORBIDDEN',
      'IDEMPOTENCY_CONFLICT',
    ],
    status: 201,
    idempotent: true,
    guarded: true,
  }),
  preview: operation({
    method: 'POST',
    path: '/v1/handoffs/preview',
    summary:
      'Answer what would travel, at which level and why, for other budgets, strategies and tokenizers. Seals nothing.',
    input: previewInput,
    output: preview,
    errors: [
      'AMBIGUOUS_PREVIOUS',
      'INTENT_CHANGED',
      'CONSTRAINT_CHANGED',
      'WAIVER_REFUSED',
      'CONSTRAINT_CONFLICT',
      'HOP_LIMIT',
      'CYCLE',
      'ENVELOPE_NOT_FOUND',
      'TASK_NOT_FOUND',
      'FORBIDDEN',
      'INTEGRITY',
    ],
    repeatable: true,
    guarded: true,
  }),
  import: operation({
    method: 'POST',
    path: '/v1/handoffs/import',
    summary: 'Store an envelope made elsewhere, byte for byte.',
    input: z.strictObject({ envelope: wholeDocument }),
    output: handoff,
    errors: ['UNSUPPORTED_VERSION', 'DIGEST_MISMATCH', 'ENVELOPE_CONFLICT'],
    status: 201,
    repeat_status: 200,
    document: 'envelope',
    repeatable: true,
    guarded: true,
  }),
  get: operation({
    method: 'GET',
    path: '/v1/handoffs/:id',
    summary: 'Download the sealed envelope, byte for byte, or in another version: as it was emitted, else as a view.',
    input: z.strictObject({ id, version: z.enum(emittedVersions).optional() }),
    output: envelope,
    errors: ['ENVELOPE_NOT_FOUND', 'INTEGRITY'],
  }),
  text: operation({
    method: 'GET',
    path: '/v1/handoffs/:id/text',
    summary: 'Read the envelope as its receiver reads it, with the tokens of that text.',
    input: z.strictObject({ id, format: z.enum(['markdown', 'json']).default('markdown') }),
    output: z.looseObject({ envelope_id: id, format: z.string(), text: z.string(), tokens: z.int() }),
    errors: ['ENVELOPE_NOT_FOUND', 'INTEGRITY'],
  }),
  status: operation({
    method: 'GET',
    path: '/v1/handoffs/:id/status',
    summary: 'Read what is known about a handoff and where each of its deliveries is.',
    input: z.strictObject({ id }),
    output: handoffStatus,
    errors: ['ENVELOPE_NOT_FOUND'],
  }),
  list: operation({
    method: 'GET',
    path: '/v1/handoffs',
    summary: 'List handoffs, newest first.',
    input: z.strictObject({
      task_id: id.optional(),
      root_id: id.optional(),
      source_agent: name.optional(),
      target_agent: name.optional(),
      limit: limit.default(100),
      after,
    }),
    output: page('handoffs', handoff),
    errors: [],
  }),
  lineage: operation({
    method: 'GET',
    path: '/v1/handoffs/:id/lineage',
    summary: 'Read the chain that led to an envelope, root first.',
    input: z.strictObject({ id }),
    output: lineage,
    errors: ['ENVELOPE_NOT_FOUND'],
  }),
  diff: operation({
    method: 'GET',
    path: '/v1/handoffs/:a/diff/:b',
    summary: 'Report what of envelope a survives in envelope b, and at which hop the rest was lost, waived or changed.',
    input: z.strictObject({ a: id, b: id }),
    output: fidelity,
    errors: ['ENVELOPE_NOT_FOUND'],
  }),
})
