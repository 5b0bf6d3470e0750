/** Rows of the ledger as the documents of the protocol. One function a noun, nothing else. */

import type { Delivery, DeliveryEvent } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Handoff } from '../protocol/handoff.ts'
import type { Memory } from '../protocol/memory.ts'
import { priorities, toIso } from '../protocol/scalars.ts'
import type { Row } from '../store/database.ts'
import { isWhole } from './memory-rows.ts'

const str = (row: Row, column: string) => String(row[column])
const num = (row: Row, column: string) => Number(row[column])
const json = (row: Row, column: string) => JSON.parse(str(row, column))

/** A member that is there only when the column holds something. */
export const optional = (row: Row, column: string, as: (value: string) => unknown = String) =>
  row[column] === null || row[column] === undefined ? {} : { [column]: as(String(row[column])) }

const time = (value: string) => toIso(Number(value))

export const priorityOf = (row: Row) => priorities[num(row, 'priority')] ?? 'normal'

/** Throws INTEGRITY for content that is not the one that was stored. */
export function toMemory(row: Row): Memory {
  if (!isWhole(row))
    throw new SpineError('INTEGRITY', `The stored content of memory ${row.id}, version ${row.version}, is damaged.`, {
      id: row.id,
      version: row.version,
    })
  return {
    id: str(row, 'id'),
    content: str(row, 'content'),
    ...optional(row, 'title'),
    kind: str(row, 'kind'),
    tags: json(row, 'tags'),
    priority: priorityOf(row),
    pinned: row.pinned === 1,
    ...optional(row, 'task_id'),
    author: str(row, 'author'),
    trust: str(row, 'trust'),
    metadata: json(row, 'metadata'),
    ...optional(row, 'expires_at', time),
    ...optional(row, 'supersedes'),
    ...optional(row, 'superseded_by'),
    version: num(row, 'version'),
    digest: str(row, 'digest'),
    tokens: num(row, 'tokens'),
    created_at: toIso(num(row, 'created_at')),
    updated_at: toIso(num(row, 'updated_at')),
  } as Memory
}

/** An older version in the place of the current one. */
export const toVersion = (current: Row, version: Row): Memory =>
  toMemory({ ...current, ...version, created_at: current.created_at ?? null, superseded_by: null })

export function toDelivery(row: Row): Delivery {
  // One line of JSON for each event.
  const events: { at: number }[] = JSON.parse(`[${str(row, 'history').trimEnd().replaceAll('\n', ',')}]`)
  const history = events.map(({ at, ...event }) => ({ at: toIso(at), ...event })) as DeliveryEvent[]
  return {
    id: str(row, 'id'),
    envelope_id: str(row, 'envelope_id'),
    source_agent: str(row, 'source_agent'),
    target: str(row, 'target'),
    ...optional(row, 'task_id'),
    state: str(row, 'state'),
    priority: priorityOf(row),
    claims: num(row, 'claims'),
    attempts: num(row, 'attempts'),
    epoch: num(row, 'epoch'),
    ready_at: toIso(num(row, 'ready_at')),
    deadline: toIso(num(row, 'deadline')),
    ...optional(row, 'lease_until', time),
    ...optional(row, 'channel'),
    ...optional(row, 'successor'),
    ...optional(row, 'question'),
    ...(Number(row.generation) > 0 ? { generation: Number(row.generation) } : {}),
    ...optional(row, 'reason'),
    ...optional(row, 'output', JSON.parse),
    ...(row.late === 1 ? { late: true } : {}),
    created_at: toIso(num(row, 'created_at')),
    ...optional(row, 'accepted_at', time),
    ...optional(row, 'settled_at', time),
    history,
  } as Delivery
}

/** The answer for one of many: a refusal of one is no refusal of the others. */
export async function resultOf(work: Promise<Delivery>) {
  try {
    return { delivery: await work }
  } catch (error) {
    if (!(error instanceof SpineError)) throw error
    return { error: { code: error.code, detail: error.message, ...error.extra } }
  }
}

export const toHandoff = (row: Row): Handoff =>
  ({
    envelope_id: str(row, 'id'),
    digest: str(row, 'digest'),
    envelope_version: str(row, 'version'),
    source_agent: str(row, 'source_agent'),
    target_agent: str(row, 'target_agent'),
    ...optional(row, 'task_id'),
    root_id: str(row, 'root_id'),
    hop: num(row, 'hop'),
    summary: str(row, 'summary'),
    token_count: num(row, 'token_count'),
    max_tokens: num(row, 'max_tokens'),
    completeness: num(row, 'completeness') / 10_000,
    verified: row.verified === 1,
    bytes: num(row, 'size'),
    created_at: toIso(num(row, 'created_at')),
  }) as Handoff
