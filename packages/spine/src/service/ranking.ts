/**
 * What a namespace holds for a query, ranked: the index names the passages, the rules judge them. A small namespace is
 * ranked whole; of a large one the memories with the best words, their neighbours, and the newest.
 */

import type { Priority } from '../protocol/scalars.ts'
import { passagesIn } from '../rules/passages.ts'
import { bestMemories } from '../rules/postings.ts'
import { queryOf } from '../rules/query.ts'
import { type RankCandidate, type Ranked, rank } from '../rules/rank.ts'
import type { Row, Statement } from '../store/database.ts'
import * as memories from '../store/memories.ts'
import { authorsOf, totalsOf } from '../store/postings.ts'
import type { Service } from './context.ts'
import { priorityOf } from './documents.ts'
import { readIndex } from './term-index.ts'

export type RankCall = {
  ns: string
  /** Its memories, and those of no task. */
  task_id: string | undefined
  text: string
  background?: string
  /** Memories to look at by their words. */
  limit: number
  /** Of the newest memories, so many are looked at whatever they say. */
  recent: number
  /** Looked at in any case. */
  ids?: readonly string[]
}

export type RankedRow = Ranked<RankCandidate & { task_id: string | null; pinned: boolean }> & {
  /** One of the newest that were asked for. */
  recent: boolean
}

/** A namespace or task up to this is ranked whole. */
const WHOLE = 1_000
/** Memories on each side of a match that are looked at with it. */
const NEIGHBOURS = 2
const MAX_AUTHORS = 200

export async function rankMemories(service: Service, call: RankCall): Promise<RankedRow[]> {
  const { database, clock } = service
  const { dialect } = database
  const { ns, task_id } = call
  const now = clock.now()
  const readAll = async (statements: readonly Statement[]): Promise<Row[]> =>
    (await Promise.all(statements.map((statement) => database.read(statement)))).flat()

  const [authors, [totals]] = await Promise.all([
    database.read(authorsOf(dialect, { ns, limit: MAX_AUTHORS })),
    database.read(totalsOf(dialect, { ns })),
  ])
  const query = queryOf(call.text, {
    background: call.background ?? '',
    authors: authors.map((row) => String(row.name)),
  })
  const whole = Number(totals?.memories ?? 0) <= WHOLE
  const newest = whole
    ? [memories.newestCandidates(dialect, { ns, now, limit: WHOLE })]
    : [
        memories.newestCandidates(dialect, { ns, now, limit: call.recent }),
        ...(task_id === undefined
          ? []
          : [memories.newestCandidatesOfTask(dialect, { ns, task_id, now, limit: WHOLE })]),
      ]
  const [index, found, named] = await Promise.all([
    readIndex(service, ns, query, totals),
    readAll(newest),
    readAll(
      memories.candidatesById(
        dialect,
        (call.ids ?? []).map((id) => ({ id })),
        { ns },
      ),
    ),
  ])
  const matching = whole
    ? []
    : await readAll(memories.candidatesBetween(dialect, around(bestMemories(query, index, call.limit)), { ns, now }))
  const wanted = new Set(call.ids)
  const ours = (row: Row) =>
    task_id === undefined || row.task_id === null || row.task_id === task_id || wanted.has(String(row.id))
  const seen = new Set<number>()
  const candidates: RankedRow['memory'][] = []
  for (const rows of [found, matching, named])
    for (const row of rows) {
      if (seen.has(Number(row.seq)) || !ours(row)) continue
      seen.add(Number(row.seq))
      candidates.push(toCandidate(row, task_id))
    }
  await service.turns.next()
  const inTask = (one: RankedRow['memory']) => task_id === undefined || one.task_id === task_id
  const since = newestSince(candidates.filter(inTask), call.recent)
  // Each member by its name: to spread a thousand objects takes longer than to rank them.
  return rank(query, index, candidates, now).map(({ memory, score, passages, matches, explain }) => {
    const recent = memory.seq >= since && inTask(memory)
    return { memory, score, passages, matches, explain, recent }
  })
}

/** The number from which on a memory is one of the newest. */
function newestSince(candidates: readonly RankCandidate[], recent: number): number {
  if (recent === 0) return Number.POSITIVE_INFINITY
  return candidates.map(({ seq }) => seq).sort((left, right) => right - left)[recent - 1] ?? 0
}

/** The numbers with their neighbours, as ranges that do not overlap. */
function around(numbers: readonly number[]): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = []
  for (const seq of numbers.toSorted((left, right) => left - right)) {
    const last = ranges.at(-1)
    if (last && seq - NEIGHBOURS <= last.to + 1) last.to = seq + NEIGHBOURS
    else ranges.push({ from: seq - NEIGHBOURS, to: seq + NEIGHBOURS })
  }
  return ranges
}

const toCandidate = (
  row: Row,
  task_id: string | undefined,
): RankCandidate & { task_id: string | null; pinned: boolean } => ({
  id: String(row.id),
  seq: Number(row.seq),
  session: String(row.session),
  place: Number(row.place),
  author: String(row.author),
  created_at: Number(row.created_at),
  tokens: Number(row.tokens),
  passages: passagesIn(String(row.outline)),
  priority: priorityOf(row) as Priority,
  task_id: row.task_id === null ? null : String(row.task_id),
  pinned: row.pinned === 1,
  at_hand: task_id !== undefined && row.task_id === task_id,
})
