/** Finding memories: by a query, and by the references that an envelope holds. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import type { Gap, Memory } from '../protocol/memory.ts'
import type { Row } from '../store/database.ts'
import type { Caller, Service } from './context.ts'
import { toMemory, toVersion } from './documents.ts'
import type { Envelopes } from './envelopes.ts'
import { absence, gapReason, isWhole, leftOut, memoryRows, versionRow } from './memory-rows.ts'
import { groundOf, rankMemories } from './ranking.ts'
import { noteRegrets } from './regrets.ts'

type In<N extends keyof typeof contract.memories> = z.output<(typeof contract.memories)[N]['input']>

/** Memories that a search looks at for their words, and how many are read at a time. */
const LOOKED_AT = 1_000
const PAGE = 100

export function findingOperations(service: Service, envelopes: Envelopes) {
  const { clock } = service

  const search = async ({ query, limit, max_tokens, filters }: In<'search'>, { ns, warn }: Caller) => {
    const { task_id, tag, ...same } = filters
    const fits = (memory: Memory) =>
      (task_id === undefined || memory.task_id === task_id) &&
      (tag === undefined || memory.tags.includes(tag)) &&
      Object.entries(same).every(([key, value]) => value === undefined || memory[key] === value)
    const asked = { ns, task_id, text: query, limit: LOOKED_AT, recent: limit }
    const { rows: all } = await rankMemories(service, asked, await groundOf(service, ns))
    const ranked = all.filter(({ matches }) => matches)
    let left = max_tokens ?? Number.POSITIVE_INFINITY
    const memories = []
    const damaged: string[] = []
    for (let from = 0; from < ranked.length && memories.length < limit; from += PAGE) {
      const page = ranked.slice(from, from + PAGE)
      const rows = await memoryRows(
        service,
        ns,
        page.map(({ memory }) => memory.id),
      )
      for (const {
        memory: { id },
        score,
        explain,
      } of page) {
        const row = rows.get(id)
        const reason = gapReason(row, clock.now())
        if (reason === 'damaged') damaged.push(id)
        if (memories.length >= limit || !row || reason) continue
        const memory = toMemory(row)
        if (!fits(memory) || memory.tokens > left) continue
        left -= memory.tokens
        memories.push({ ...memory, score, explain: explain() })
      }
    }
    if (damaged.length > 0) warn(leftOut(damaged))
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
    const reason = absence(row, clock.now())
    if (!row || reason) return { gap: { id, reason: reason ?? 'not_found' } satisfies Gap }
    const moved_on = sealed !== undefined && sealed !== Number(row.version)
    if (moved_on && policy === 'fail_if_changed') return { gap: { id, reason: 'changed' } satisfies Gap }
    const about = sealed === undefined ? {} : { sealed_version: sealed, moved_on }
    const older = moved_on && policy === 'sealed' ? await versionRow(service, ns, id, sealed) : row
    if (!older) return { gap: { id, reason: 'unavailable' } satisfies Gap }
    if (!isWhole(older)) return { gap: { id, reason: 'damaged' } satisfies Gap }
    return { memory: { ...(older === row ? toMemory(row) : toVersion(row, older)), ...about } }
  }

  const resolve = async ({ refs, policy, envelope_id }: In<'resolve'>, caller: Caller) => {
    const { ns } = caller
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
    if (envelope) await noteRegrets(service, envelope, memories, caller)
    return { memories, gaps }
  }

  return { search, resolve }
}
