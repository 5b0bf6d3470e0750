/** Which memories an envelope could carry: those asked for, pins, the newest, what the chain carried, and what a search finds. */

import type { Envelope } from '../protocol/envelope.ts'
import type { Gap, MemoryKind, Trust } from '../protocol/memory.ts'
import { priorities, toIso } from '../protocol/scalars.ts'
import { MAX_REASONS } from '../rules/explain.ts'
import type { FitMemory } from '../rules/fit.ts'
import { mentionsOf } from '../rules/references.ts'
import type { Row } from '../store/database.ts'
import { pinnedMemories, textsById, urgentMemories } from '../store/memories.ts'
import type { Service } from './context.ts'
import { priorityOf } from './documents.ts'
import { gapReason, isWhole, memoryRows } from './memory-rows.ts'
import { groundOf, type RankedRow, rankMemories, stampOf } from './ranking.ts'

/** Memories looked at for their words; more where there is much room. */
const LOOKED_AT = 200
const LOOKED_AT_WITH_ROOM = 250
const ROOM_TOKENS = 4_000
/** Content is read by rank until there is so much more than the envelope can hold, within these numbers of memories. */
const READ_SHARE = 1.5
const READ = { least: 40, most: 400 }
/** References of earlier envelopes that are looked at again. */
const MAX_INHERITED = 500
const MAX_URGENT = 100
/** Of the intent, what a search reads. */
const INTENT_CHARS = 4_000

export type CollectCall = {
  ns: string
  task_id: string | undefined
  memory_ids: readonly string[]
  summary: string
  intent: string
  history_ids: readonly string[]
  previous: readonly Envelope[]
  include_recent: number
  include_pins: boolean
  /** Of the largest envelope that they may go into. */
  max_tokens: number
}

export type Collected = {
  /** Best first. */
  memories: FitMemory[]
  /** Ids in order of first mention. */
  requested: string[]
  gaps: Gap[]
}

export async function collect(service: Service, call: CollectCall): Promise<Collected> {
  const { database, clock } = service
  const { dialect } = database
  const { ns } = call
  const task_id = call.task_id ?? null
  const now = clock.now()
  const mentions = mentionsOf(call.summary)
  const inherited = [...new Set(call.previous.flatMap((envelope) => envelope.memory_refs))].slice(0, MAX_INHERITED)
  const named = [...call.memory_ids, ...mentions.map(({ id }) => id), ...call.history_ids]
  const [ground, pins, urgent, known] = await Promise.all([
    groundOf(service, ns),
    call.include_pins ? database.read(pinnedMemories(dialect, { ns, task_id, now })) : [],
    database.read(urgentMemories(dialect, { ns, task_id, now, least: priorities.indexOf('high'), limit: MAX_URGENT })),
    memoryRows(service, ns, [...named, ...inherited]),
  ])

  const uncertain = new Set(mentions.filter(({ id, certain }) => !certain && !known.has(id)).map(({ id }) => id))
  for (const id of [...call.memory_ids, ...call.history_ids]) uncertain.delete(id)
  const requested = [...new Set([...named.filter((id) => !uncertain.has(id)), ...pins.map((row) => String(row.id))])]
  const rows = new Map<string, Row>([...known, ...[...urgent, ...pins].map((row) => [String(row.id), row] as const)])
  const gaps = requested.flatMap((id): Gap[] => {
    const reason = gapReason(rows.get(id), now)
    return reason ? [{ id, reason }] : []
  })

  const wanted = new Set(requested)
  const successors = await successorsOf(service, ns, rows, wanted)
  for (const [id, row] of successors) {
    rows.set(id, row)
    wanted.add(id)
  }
  const certain = [...rows.values()].filter((row) => usable(row, wanted, now)).map((row) => String(row.id))
  const limit = call.max_tokens < ROOM_TOKENS ? LOOKED_AT : LOOKED_AT_WITH_ROOM
  const asked = { ns, task_id: call.task_id, text: call.summary, background: call.intent.slice(0, INTENT_CHARS), limit }
  const { rows: ranked, isRecent } = await rankMemories(
    service,
    { ...asked, recent: call.include_recent, ids: certain },
    ground,
  )
  const sure = new Set(certain)
  const offered = ranked.filter(
    (row) => sure.has(row.memory.id) || ((row.matches || isRecent(row)) && (call.include_pins || !row.memory.pinned)),
  )
  const chosen = worthReading(offered, sure, call.max_tokens)
  const texts = await textsOf(service, ns, chosen, rows)
  return { memories: chosen.flatMap((one) => fitMemory(one, texts.get(one.memory.seq), wanted)), requested, gaps }
}

/** What can be carried, by number; only what is neither known nor was read for being asked for is read. */
async function textsOf(service: Service, ns: string, chosen: readonly RankedRow[], asked: ReadonlyMap<string, Row>) {
  const { database, known } = service
  const texts = new Map<number, Text>()
  const missing = new Map<string, number>()
  for (const { memory } of chosen) {
    const { id, seq, stamp } = memory
    const row = asked.get(id)
    const text = known.text(ns, seq, stamp)
    if (row && stampOf(row) === stamp) {
      if (isThere(row)) texts.set(seq, textOf(row))
    } else if (text) texts.set(seq, { memory: text.memory })
    else missing.set(id, seq)
  }
  const ids = [...missing.keys()].map((id) => ({ id }))
  const statements = textsById(database.dialect, ids, { ns })
  const read = await Promise.all(statements.map((statement) => database.read(statement)))
  for (const row of read.flat()) {
    if (!isThere(row)) continue
    const text = textOf(row)
    known.keepText(ns, Number(row.seq), { memory: text.memory, stamp: stampOf(row) })
    texts.set(missing.get(String(row.id)) ?? 0, text)
  }
  return texts
}

/** Not if it was deleted between two looks, or if what was found by its words is damaged. */
const isThere = (row: Row) => row.deleted_at === null && isWhole(row)

/** What has taken the place of memories that are asked for. */
async function successorsOf(
  service: Service,
  ns: string,
  rows: ReadonlyMap<string, Row>,
  wanted: ReadonlySet<string>,
): Promise<Map<string, Row>> {
  const ids = [...wanted].flatMap((id) => rows.get(id)?.superseded_by ?? []).map(String)
  return ids.length === 0 ? new Map() : memoryRows(service, ns, ids)
}

/** What nobody asked for ranks only while nothing has replaced it. */
const usable = (row: Row, wanted: ReadonlySet<string>, now: number) =>
  gapReason(row, now) === undefined && (wanted.has(String(row.id)) || row.superseded_by === null)

/** Best first: all that must be there, and of the others as many as could matter. */
function worthReading(ranked: readonly RankedRow[], certain: ReadonlySet<string>, max_tokens: number): RankedRow[] {
  let left = max_tokens * READ_SHARE
  let read = 0
  return ranked.filter(({ memory }) => {
    const wants = read < READ.least || (left > 0 && read < READ.most)
    if (wants) {
      read += 1
      left -= memory.tokens
    }
    return wants || certain.has(memory.id)
  })
}

function fitMemory(
  { score, passages, explain, memory: { seq, id } }: RankedRow,
  text: Text | undefined,
  wanted: ReadonlySet<string>,
): FitMemory[] {
  if (!text) return []
  const requested = wanted.has(id)
  const { memory, replaced_by } = text
  const said = () => why(memory, requested, explain())
  const found = { memory, seq, score, passages: passages(), requested, explain: said }
  return [replaced_by === undefined ? found : { ...found, replaced_by }]
}

/** What somebody wanted comes before what was found. */
const why = ({ pinned }: Text['memory'], requested: boolean, found: readonly string[]): string[] =>
  [...(pinned ? ['it is pinned'] : []), ...(requested ? ['the sender names it'] : []), ...found].slice(0, MAX_REASONS)

/** What is carried of a memory, before it is said why, and what has taken its place. */
type Text = { memory: FitMemory['memory']; replaced_by?: string }

const textOf = (row: Row): Text => ({
  memory: Object.freeze({
    id: String(row.id),
    version: Number(row.version),
    digest: String(row.digest),
    tokens: Number(row.tokens),
    priority: priorityOf(row),
    pinned: row.pinned === 1,
    level: 'full',
    ...(row.title === null ? {} : { title: String(row.title) }),
    kind: String(row.kind) as MemoryKind,
    author: String(row.author),
    trust: String(row.trust) as Trust,
    created_at: toIso(Number(row.created_at)),
    content: String(row.content),
  }),
  ...(row.superseded_by === null ? {} : { replaced_by: String(row.superseded_by) }),
})
