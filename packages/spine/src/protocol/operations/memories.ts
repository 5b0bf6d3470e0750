/** The operations on memories. */

import { z } from 'zod'
import { gap, memory, memoryInput, memoryKind, memoryPatch, resolvePolicy } from '../memory.ts'
import { id, name, priority, text } from '../scalars.ts'
import { after, flag, idempotency_key, limit, operation, page } from './operation.ts'

export const memories = Object.freeze({
  store: operation({
    method: 'POST',
    path: '/v1/memories',
    summary: 'Store one memory or many. A known id makes a new version.',
    input: z.union([
      z.strictObject({ memories: z.array(memoryInput).min(1).max(1_000), idempotency_key }),
      memoryInput.extend({ idempotency_key }),
    ]),
    output: z.looseObject({ memories: z.array(memory) }),
    errors: ['IDEMPOTENCY_CONFLICT'],
    status: 201,
    idempotent: true,
    guarded: true,
  }),
  get: operation({
    method: 'GET',
    path: '/v1/memories/:id',
    summary: 'Read a memory, or one of its versions.',
    input: z.strictObject({ id, version: z.coerce.number<number>().int().positive().optional() }),
    output: memory,
    errors: ['MEMORY_NOT_FOUND'],
  }),
  update: operation({
    method: 'PATCH',
    path: '/v1/memories/:id',
    summary: 'Change a memory; makes a new version. If-Match with a version refuses to overwrite a newer one.',
    input: memoryPatch.extend({ id, if_match: z.union([z.int(), z.string().max(40)]).optional() }),
    output: memory,
    errors: ['MEMORY_NOT_FOUND', 'VERSION_CONFLICT'],
    headers: { if_match: 'if-match' },
    guarded: true,
  }),
  delete: operation({
    method: 'DELETE',
    path: '/v1/memories/:id',
    summary: 'Delete a memory. Sealed envelopes keep what they carry.',
    input: z.strictObject({ id }),
    output: z.looseObject({ id, deleted: z.boolean() }),
    errors: ['MEMORY_NOT_FOUND'],
  }),
  list: operation({
    method: 'GET',
    path: '/v1/memories',
    summary: 'List memories, newest first.',
    input: z.strictObject({
      task_id: id.optional(),
      kind: memoryKind.optional(),
      pinned: flag.optional(),
      limit: limit.default(100),
      after,
    }),
    output: page('memories', memory),
    errors: [],
  }),
  search: operation({
    method: 'POST',
    path: '/v1/memories/search',
    summary: 'Find the memories that matter for a query, best first, within a token budget if one is given.',
    input: z.strictObject({
      query: text.min(1),
      limit: limit.default(20),
      max_tokens: z.int().positive().optional(),
      filters: z
        .strictObject({
          task_id: id.optional(),
          kind: memoryKind.optional(),
          author: name.optional(),
          tag: name.optional(),
          priority: priority.optional(),
          pinned: z.boolean().optional(),
        })
        .default({}),
    }),
    output: z.looseObject({ memories: z.array(z.looseObject({ ...memory.shape, score: z.number() })) }),
    errors: [],
    repeatable: true,
  }),
  resolve: operation({
    method: 'POST',
    path: '/v1/memories/resolve',
    summary: 'Read the content behind references; what cannot be read is answered as a gap.',
    input: z.strictObject({
      refs: z.array(id).min(1).max(1_000),
      policy: resolvePolicy.default('latest'),
      envelope_id: id.optional(),
    }),
    output: z.looseObject({
      memories: z.array(
        z.looseObject({ ...memory.shape, sealed_version: z.int().optional(), moved_on: z.boolean().optional() }),
      ),
      gaps: z.array(gap),
    }),
    errors: ['ENVELOPE_NOT_FOUND'],
    repeatable: true,
  }),
  pin: operation({
    method: 'POST',
    path: '/v1/memories/:id/pin',
    summary: 'Pin a memory: it goes into every envelope of its task, or of the namespace when it has none.',
    input: z.strictObject({ id }),
    output: memory,
    errors: ['MEMORY_NOT_FOUND'],
    repeatable: true,
  }),
  unpin: operation({
    method: 'POST',
    path: '/v1/memories/:id/unpin',
    summary: 'Take a pin away.',
    input: z.strictObject({ id }),
    output: memory,
    errors: ['MEMORY_NOT_FOUND'],
    repeatable: true,
  }),
})
