/** Finding memories: by a query, and by the references that an envelope holds. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import type { Gap, Memory } from '../protocol/memory.ts'
import { rank } from '../rules/rank.ts'
import type { Row } from '../store/database.ts'
import { recentOfNamespace, recentOfTask } from '../store/memories.ts'
import type { Caller, Service } from './context.ts'
import { toMemory, toVersion } from './documents.ts'
import type { Envelopes } from './envelopes.ts'
import { gapReason, memoryRows, versionRow } from './memories.ts'

type In<N extends keyof typeof contract.memories> = z.output<(typeof contract.memories)[N]['input']>

/** How many of the newest memories a search looks at. */
const SEARCHED = 2_000

export function findingOperations(service: Service, envelopes: Envelopes) {
  const { database, clock } = service
  const { dialect } = database

  const search = async ({ query, limit, max_tokens, filters }: In<'search'>, { ns }: Caller) => {
    const now = clock.now()
    const { task_id, tag, ...same } = filters
    const fits = (memory: Memory) =>
      Object.entries(same).every(([key, value]) => value === undefined || memory[key] === value)
    const rows = await database.read(
      task_id === undefined
        ? recentOfNamespace(dialect, { ns, now, limit: SEARCHED })
        : recentOfTask(dialect, { ns, task_id, now, limit: SEARCHED }),
    )
    const matching = rows
      .map((row) => ({ memory: toMemory(row), seq: Number(row.seq), row }))
      .filter(({ memory }) => fits(memory) && (tag === undefined || memory.tags.includes(tag)))
      .map(({ memory, seq, row }) => ({
        id: memory.id,
        terms: service.terms.of(row),
        priority: memory.priority,
        seq,
        memory,
      }))
    let left = max_tokens ?? Number.POSITIVE_INFINITY
    const memories = []
    for (const {
      memory: { memory },
      score,
    } of rank(query, matching)) {
      if (memories.length >= limit) break
      if (memory.tokens > left) continue
      left -= memory.tokens
      memories.push({ ...memory, score })
    }
    return { memories }
  }

  /** One reference under the policy: the memory, or why not. */
  const resolveOne = async (
    ns: string,
    id: string,
    row: Row | undefined,
    sealed: number | undefined,
    policy: In<'resolve'>['policy'],
  ) => {
    const reason = gapReason(row, clock.now())
    if (!row || reason) return { gap: { id, reason: reason ?? 'not_found' } satisfies Gap }
    const moved_on = sealed !== undefined && sealed !== Number(row.version)
    if (moved_on && policy === 'fail_if_changed') return { gap: { id, reason: 'changed' } satisfies Gap }
    const about = sealed === undefined ? {} : { sealed_version: sealed, moved_on }
    if (!moved_on || policy === 'latest') return { memory: { ...toMemory(row), ...about } }
    const older = await versionRow(service, ns, id, sealed)
    return older
      ? { memory: { ...toVersion(row, older), ...about } }
      : { gap: { id, reason: 'unavailable' } satisfies Gap }
  }

  const resolve = async ({ refs, policy, envelope_id }: In<'resolve'>, { ns }: Caller) => {
    const envelope = envelope_id === undefined ? undefined : await envelopes.mustFind(ns, envelope_id)
    const sealed = new Map(envelope?.memories.map((memory) => [memory.id, memory.version]))
    const rows = await memoryRows(service, ns, refs)
    const memories: (Memory & { sealed_version?: number; moved_on?: boolean })[] = []
    const gaps: Gap[] = []
    for (const id of new Set(refs)) {
      const { memory, gap } = await resolveOne(ns, id, rows.get(id), sealed.get(id), policy)
      if (memory) memories.push(memory)
      if (gap) gaps.push(gap)
    }
    return { memories, gaps }
  }

  return { search, resolve }
}
