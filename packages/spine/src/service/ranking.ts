/**
 * What a namespace holds for a query, ranked: the index names the passages, the rules judge them. A small namespace is
 * ranked whole; of a large one the memories with the best words, their neighbours, and the newest.
 */

import type { Priority } from '../protocol/scalars.ts'
import { passagesIn } from '../rules/passages.ts'
import { bestMemories } from '../rules/postings.ts'
import { queryOf } from '../rules/query.ts'
import { type Ranked, rank } from '../rules/rank.ts'
import type { Row, Statement } from '../store/database.ts'
import * as memories from '../store/memories.ts'
import { authorsOf, totalsOf } from '../store/postings.ts'
import type { Service } from './context.ts'
import { priorityOf } from './documents.ts'
import type { KnownCandidate } from './known-memories.ts'
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

export type RankedRow = Ranked<KnownCandidate>

export type RankedRows = {
  /** Best first. */
  rows: RankedRow[]
  /** Whether it is one of the newest that were asked for. */
  isRecent(row: RankedRow): boolean
}

/** A namespace or task up to this is ranked whole. */
const WHOLE = 1_000
/** Memories on each side of a match that are looked at with it: at least so many, more where few memories match. */
const NEIGHBOURS = 2
const ALL_NEIGHBOURS = 1_000
const MAX_AUTHORS = 200

/** What a namespace is ranked by besides its memories: who wrote in it, and how much there is. */
export type Ground = { authors: string[]; totals: Row | undefined }

export async function groundOf({ database }: Service, ns: string): Promise<Ground> {
  const { dialect } = database
  const [authors, [totals]] = await Promise.all([
    database.read(authorsOf(dialect, { ns, limit: MAX_AUTHORS })),
    database.read(totalsOf(dialect, { ns })),
  ])
  return { authors: authors.map((row) => String(row.name)), totals }
}

export async function rankMemories(service: Service, call: RankCall, ground: Ground): Promise<RankedRows> {
  const { database, clock } = service
  const { dialect } = database
  const { ns, task_id } = call
  const now = clock.now()
  const { authors, totals } = ground
  const query = queryOf(call.text, { background: call.background ?? '', authors })
  const whole = Number(totals?.memories ?? 0) <= WHOLE
  const newest = whole
    ? [memories.newestStamps(dialect, { ns, now, limit: WHOLE })]
    : [
        memories.newestStamps(dialect, { ns, now, limit: call.recent }),
        ...(task_id === undefined ? [] : [memories.newestStampsOfTask(dialect, { ns, task_id, now, limit: WHOLE })]),
      ]
  const ids = (call.ids ?? []).map((id) => ({ id }))
  const [index, found, named] = await Promise.all([
    readIndex(service, ns, query, totals),
    readAll(service, newest),
    readAll(service, memories.candidatesById(dialect, ids, { ns })),
  ])
  const matching = whole
    ? []
    : await readAll(
        service,
        memories.stampsBetween(dialect, around(bestMemories(query, index, call.limit)), { ns, now }),
      )
  const wanted = new Set(call.ids)
  const ours = ({ id, task_id: of }: KnownCandidate) =>
    task_id === undefined || of === null || of === task_id || wanted.has(id)
  const candidates = new Map<number, KnownCandidate>()
  for (const candidate of await candidatesOf(service, ns, [...found, ...matching], now))
    if (ours(candidate)) candidates.set(candidate.seq, candidate)
  for (const candidate of named.map(toCandidate))
    if (!candidates.has(candidate.seq)) candidates.set(candidate.seq, candidate)
  await service.turns.next()
  const inTask = (one: KnownCandidate) => task_id === undefined || one.task_id === task_id
  const all = [...candidates.values()]
  const since = newestSince(all.filter(inTask), call.recent)
  return {
    rows: rank(query, index, all, { now, task_id }),
    isRecent: ({ memory }) => memory.seq >= since && inTask(memory),
  }
}

const readAll = async ({ database }: Service, statements: readonly Statement[]): Promise<Row[]> =>
  (await Promise.all(statements.map((statement) => database.read(statement)))).flat()

/** The candidates that have these stamps; only what is not known is read. */
async function candidatesOf(service: Service, ns: string, stamps: readonly Row[], now: number) {
  const { known, database } = service
  const candidates: KnownCandidate[] = []
  const missing = new Set<number>()
  for (const { found } of stamps)
    for (const stamped of found === null ? [] : String(found).split(' ')) {
      const [seq = 0, stamp = 0] = stamped.split(':').map(Number)
      const candidate = known.candidate(ns, seq, stamp)
      if (candidate) candidates.push(candidate)
      else missing.add(seq)
    }
  const numbers = [...missing].map((seq) => ({ seq }))
  for (const row of await readAll(service, memories.candidatesByNumber(database.dialect, numbers, { ns, now }))) {
    const candidate = toCandidate(row)
    known.keepCandidate(ns, candidate)
    candidates.push(candidate)
  }
  return candidates
}

/** The number from which on a memory is one of the newest. */
function newestSince(candidates: readonly KnownCandidate[], recent: number): number {
  if (recent === 0) return Number.POSITIVE_INFINITY
  return candidates.map(({ seq }) => seq).sort((left, right) => right - left)[recent - 1] ?? 0
}

/** The numbers with their neighbours, as ranges that do not overlap. */
function around(numbers: readonly number[]): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = []
  const beside = Math.max(NEIGHBOURS, Math.floor(ALL_NEIGHBOURS / 2 / Math.max(1, numbers.length)))
  for (const seq of numbers.toSorted((left, right) => left - right)) {
    const last = ranges.at(-1)
    if (last && seq - beside <= last.to + 1) last.to = seq + beside
    else ranges.push({ from: seq - beside, to: seq + beside })
  }
  return ranges
}

const toCandidate = (row: Row): KnownCandidate => ({
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
  stamp: stampOf(row),
})

/** As the statements of store/memories.ts make it. */
export const stampOf = ({ version, pinned }: Row): number => Number(version) * 2 + Number(pinned)
