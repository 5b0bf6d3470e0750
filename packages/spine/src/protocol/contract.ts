/**
 * Every operation of Memory Spine, once. The `Spine` interface, the HTTP routes, their validation, the HTTP client and
 * /openapi.json are loops over this table. Adding an operation is one entry here and one function in service/.
 */

import { z } from 'zod'
import { agent, agentProfile } from './agent.ts'
import { delivery, deliveryDefaults, deliveryState, nackKind } from './delivery.ts'
import { envelope } from './envelope.ts'
import type { ErrorCode } from './errors.ts'
import { handoff, handoffInput, handoffStatus, lineage } from './handoff.ts'
import { gap, memory, memoryInput, memoryKind, memoryPatch, resolvePolicy } from './memory.ts'
import { id, json, name, priority, text, time } from './scalars.ts'
import { task, taskInput } from './task.ts'

export type Operation = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Members named `:x` come from the path; of the rest, GET and DELETE read the query, the others the body. */
  path: string
  summary: string
  input: z.ZodType
  output: z.ZodType
  errors: readonly ErrorCode[]
  /** HTTP status of success, 200 unless said. */
  status?: number
  /** Names an input member that travels as a header. */
  headers?: Readonly<Record<string, string>>
  /** The body is one document kept byte for byte, given to the input under this name. */
  document?: string
  /** Creates something: `Idempotency-Key` (or `idempotency_key`) makes a repeat safe. */
  idempotent?: boolean
}

const operation = <I extends z.ZodType, O extends z.ZodType>(
  entry: Omit<Operation, 'input' | 'output'> & { input: I; output: O },
) => Object.freeze(entry)

const lease = { id, lease_token: z.string().min(1).max(128) }
const lease_ms = z.int().min(deliveryDefaults.min_lease_ms).max(deliveryDefaults.max_lease_ms)
const limit = z.coerce.number<number>().int().min(1).max(1_000)
const flag = z.union([z.boolean(), z.stringbool()])
const leaseErrors = ['DELIVERY_NOT_FOUND', 'LEASE_LOST', 'WRONG_STATE'] as const
const idempotency_key = name.optional()

/** A page goes on at `next`: give it back as `after`. */
const page = <T extends z.ZodType>(key: string, item: T) =>
  z.looseObject({ [key]: z.array(item), next: z.string().optional() })
const after = z.string().max(300).optional()

const nackShape = {
  kind: nackKind.default('retry'),
  reason: text.min(1).max(2_000),
  delay_ms: z.int().min(0).max(86_400_000).optional(),
}

export const settleItem = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('accept'), ...lease, lease_ms: lease_ms.optional() }),
  z.strictObject({ action: z.literal('heartbeat'), ...lease, lease_ms: lease_ms.optional() }),
  z.strictObject({ action: z.literal('complete'), ...lease, output: json.optional() }),
  z.strictObject({ action: z.literal('release'), ...lease }),
  z.strictObject({ action: z.literal('nack'), ...lease, ...nackShape }),
])
export type SettleItem = z.input<typeof settleItem>

export const receivedDelivery = z.looseObject({
  ...delivery.shape,
  /** Which try this is: attempts so far + 1. */
  attempt: z.int().positive(),
  lease_token: z.string(),
  lease_until: time,
  envelope,
})
export type ReceivedDelivery = z.infer<typeof receivedDelivery>

export const contract = Object.freeze({
  memories: {
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
    }),
    pin: operation({
      method: 'POST',
      path: '/v1/memories/:id/pin',
      summary: 'Pin a memory: it goes into every envelope of its task, or of the namespace when it has none.',
      input: z.strictObject({ id }),
      output: memory,
      errors: ['MEMORY_NOT_FOUND'],
    }),
    unpin: operation({
      method: 'POST',
      path: '/v1/memories/:id/unpin',
      summary: 'Take a pin away.',
      input: z.strictObject({ id }),
      output: memory,
      errors: ['MEMORY_NOT_FOUND'],
    }),
  },
  tasks: {
    put: operation({
      method: 'PUT',
      path: '/v1/tasks/:id',
      summary: "Record a task: the user's own words and constraints, before the first handoff.",
      input: taskInput,
      output: task,
      errors: ['INTENT_CHANGED'],
    }),
    get: operation({
      method: 'GET',
      path: '/v1/tasks/:id',
      summary: 'Read a task with the state of its last handoff.',
      input: z.strictObject({ id }),
      output: task,
      errors: ['TASK_NOT_FOUND'],
    }),
  },
  agents: {
    put: operation({
      method: 'PUT',
      path: '/v1/agents/:name',
      summary: "Set an agent's profile: window, tokenizer, versions, fallback, successor.",
      input: agentProfile.extend({ name }),
      output: agent,
      errors: [],
    }),
    get: operation({
      method: 'GET',
      path: '/v1/agents/:name',
      summary: 'Read an agent with its queue.',
      input: z.strictObject({ name }),
      output: agent,
      errors: ['AGENT_NOT_FOUND'],
    }),
    list: operation({
      method: 'GET',
      path: '/v1/agents',
      summary: 'List the agents that were registered or sent to.',
      input: z.strictObject({ limit: limit.default(200), after }),
      output: page('agents', agent),
      errors: [],
    }),
  },
  handoffs: {
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
    }),
    import: operation({
      method: 'POST',
      path: '/v1/handoffs/import',
      summary: 'Store an envelope made elsewhere, byte for byte.',
      input: z.strictObject({ envelope: z.record(z.string(), z.unknown()) }),
      output: handoff,
      errors: ['UNSUPPORTED_VERSION', 'DIGEST_MISMATCH', 'ENVELOPE_CONFLICT'],
      status: 201,
      document: 'envelope',
    }),
    get: operation({
      method: 'GET',
      path: '/v1/handoffs/:id',
      summary: 'Download the sealed envelope, byte for byte.',
      input: z.strictObject({ id }),
      output: envelope,
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
  },
  deliveries: {
    send: operation({
      method: 'POST',
      path: '/v1/deliveries',
      summary: 'Deliver a sealed envelope, given by id or whole; wait for nothing, for accepted, or for completed.',
      input: z.strictObject({
        envelope_id: id.optional(),
        envelope: z.record(z.string(), z.unknown()).optional(),
        target: name.optional(),
        wait: z.enum(['none', 'accepted', 'completed']).default('none'),
        timeout_ms: z.int().min(0).max(600_000).default(deliveryDefaults.ack_timeout_ms),
        priority: priority.default('normal'),
        deadline: time.optional(),
        idempotency_key,
      }),
      output: delivery,
      errors: [
        'ENVELOPE_NOT_FOUND',
        'UNSUPPORTED_VERSION',
        'DIGEST_MISMATCH',
        'ENVELOPE_CONFLICT',
        'ACK_TIMEOUT',
        'FORBIDDEN',
        'IDEMPOTENCY_CONFLICT',
      ],
      status: 201,
      idempotent: true,
    }),
    receive: operation({
      method: 'POST',
      path: '/v1/agents/:agent/receive',
      summary:
        'Take deliveries off the inbox of an agent, waiting for one if it is empty. Each is leased to the caller.',
      input: z.strictObject({
        agent: name,
        max: z.int().min(1).max(deliveryDefaults.max_batch).default(1),
        wait_ms: z.int().min(0).max(deliveryDefaults.max_wait_ms).default(deliveryDefaults.wait_ms),
        lease_ms: lease_ms.default(deliveryDefaults.lease_ms),
      }),
      output: z.looseObject({ deliveries: z.array(receivedDelivery) }),
      errors: ['FORBIDDEN'],
    }),
    accept: operation({
      method: 'POST',
      path: '/v1/deliveries/:id/accept',
      summary: 'Take responsibility: the sender stops waiting, the lease goes on.',
      input: z.strictObject({ ...lease, lease_ms: lease_ms.optional() }),
      output: delivery,
      errors: leaseErrors,
    }),
    complete: operation({
      method: 'POST',
      path: '/v1/deliveries/:id/complete',
      summary: 'The work is done; `output` goes to whoever asks for the delivery.',
      input: z.strictObject({ ...lease, output: json.optional() }),
      output: delivery,
      errors: leaseErrors,
    }),
    nack: operation({
      method: 'POST',
      path: '/v1/deliveries/:id/nack',
      summary: 'Hand it back: retry later, or never (fatal: it is parked).',
      input: z.strictObject({ ...lease, ...nackShape }),
      output: delivery,
      errors: leaseErrors,
    }),
    release: operation({
      method: 'POST',
      path: '/v1/deliveries/:id/release',
      summary: 'Give an unread delivery back; the claim is not counted.',
      input: z.strictObject(lease),
      output: delivery,
      errors: leaseErrors,
    }),
    heartbeat: operation({
      method: 'POST',
      path: '/v1/deliveries/:id/heartbeat',
      summary: 'Keep the lease while working.',
      input: z.strictObject({ ...lease, lease_ms: lease_ms.optional() }),
      output: delivery,
      errors: leaseErrors,
    }),
    settle: operation({
      method: 'POST',
      path: '/v1/deliveries/settle',
      summary:
        'Accept, complete, nack, release or heartbeat many deliveries in one commit; each is answered for itself.',
      input: z.strictObject({ items: z.array(settleItem).min(1).max(deliveryDefaults.max_batch) }),
      output: z.looseObject({
        results: z.array(
          z.looseObject({
            delivery: delivery.optional(),
            error: z.looseObject({ code: z.string(), detail: z.string() }).optional(),
          }),
        ),
      }),
      errors: [],
    }),
    park: operation({
      method: 'POST',
      path: '/v1/parked',
      summary: 'Put a handoff into the dead-letter box for a person to look at.',
      input: z.strictObject({ envelope_id: id, target: name.optional(), reason: text.min(1).max(2_000) }),
      output: z.looseObject({ ...delivery.shape, code: z.literal('ALREADY_ACCEPTED').optional() }),
      errors: ['ENVELOPE_NOT_FOUND'],
    }),
    get: operation({
      method: 'GET',
      path: '/v1/deliveries/:id',
      summary: 'Read a delivery with its history.',
      input: z.strictObject({ id }),
      output: delivery,
      errors: ['DELIVERY_NOT_FOUND'],
    }),
    list: operation({
      method: 'GET',
      path: '/v1/deliveries',
      summary: 'List deliveries, newest first.',
      input: z.strictObject({
        target: name.optional(),
        state: deliveryState.optional(),
        envelope_id: id.optional(),
        limit: limit.default(100),
        after,
      }),
      output: page('deliveries', delivery),
      errors: [],
    }),
  },
}) satisfies Readonly<Record<string, Readonly<Record<string, Operation>>>>

export type Contract = typeof contract

/** Errors that any operation may answer. */
export const commonErrors: readonly ErrorCode[] = [
  'INVALID_INPUT',
  'INVALID_JSON',
  'INVALID_NUMBER',
  'TOO_DEEP',
  'TOO_LARGE',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'OVERLOADED',
  'SHUTTING_DOWN',
  'STORAGE_FULL',
  'STORAGE_FAILED',
  'INTERNAL',
]

/** Every operation as a flat list, in the order of the table. */
export const operations = (): { group: keyof Contract; name: string; operation: Operation }[] =>
  Object.entries(contract).flatMap(([group, entries]) =>
    Object.entries(entries as Record<string, Operation>).map(([name, operation]) => ({
      group: group as keyof Contract,
      name,
      operation,
    })),
  )
