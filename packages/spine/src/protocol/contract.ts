/**
 * Every operation of Memory Spine, once. The `Spine` interface, the HTTP routes, their validation, the HTTP client and
 * /openapi.json are loops over this table. Adding an operation is one entry in operations/ and one function in service/.
 */

import type { ErrorCode } from './errors.ts'
import { agents } from './operations/agents.ts'
import { alerts } from './operations/alerts.ts'
import { channels } from './operations/channels.ts'
import { deliveries } from './operations/deliveries.ts'
import { handoffs } from './operations/handoffs.ts'
import { health } from './operations/health.ts'
import { memories } from './operations/memories.ts'
import type { Operation } from './operations/operation.ts'
import { parked } from './operations/parked.ts'
import { system } from './operations/system.ts'
import { tasks } from './operations/tasks.ts'

export type { Operation } from './operations/operation.ts'

export const contract = Object.freeze({
  memories,
  tasks,
  agents,
  handoffs,
  deliveries,
  channels,
  parked,
  health,
  system,
  alerts,
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
  'STORE_UNAVAILABLE',
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
