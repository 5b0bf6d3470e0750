/** Which memories an envelope could carry: those asked for, pins, the newest, what the chain carried, and what a search finds. */

import type { Envelope } from '../protocol/envelope.ts'
import type { Gap } from '../protocol/memory.ts'
import { priorities } from '../protocol/scalars.ts'
import type { FitMemory } from '../rules/fit.ts'
import { rank } from '../rules/rank.ts'
import { mentionsOf } from '../rules/references.ts'
import type { Row } from '../store/database.ts'
import { pinnedMemories, recentOfNamespace, recentOfTask } from '../store/memories.ts'
import type { Service } from './context.ts'
import { priorityOf, toMemory } from './documents.ts'
import { gapReason, memoryRows } from './memories.ts'

/** How many of the newest memories the search for the summary looks at, and how many hits it adds. */
const SEARCHED = 200
const HITS = 20
/** References of earlier envelopes that are looked at again. */
const MAX_INHERITED = 500

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
  const { ns, task_id } = call
  const now = clock.now()
  const limit = Math.max(call.include_recent, SEARCHED)
  const mentions = mentionsOf(call.summary)
  const inherited = [...new Set(call.previous.flatMap((envelope) => envelope.memory_refs))].slice(0, MAX_INHERITED)
  const named = [...call.memory_ids, ...mentions.map(({ id }) => id), ...call.history_ids]
  const [recent, pins, known] = await Promise.all([
    database.read(
      task_id === undefined
        ? recentOfNamespace(dialect, { ns, now, limit })
        : recentOfTask(dialect, { ns, task_id, now, limit }),
    ),
    call.include_pins ? database.read(pinnedMemories(dialect, { ns, task_id: task_id ?? null, now })) : [],
    memoryRows(service, ns, [...named, ...inherited]),
  ])

  const uncertain = new Set(mentions.filter(({ id, certain }) => !certain && !known.has(id)).map(({ id }) => id))
  for (const id of [...call.memory_ids, ...call.history_ids]) uncertain.delete(id)
  const requested = [...new Set([...named.filter((id) => !uncertain.has(id)), ...pins.map((row) => String(row.id))])]
  const rows = new Map<string, Row>([...known, ...[...recent, ...pins].map((row) => [String(row.id), row] as const)])
  const gaps = requested.flatMap((id): Gap[] => {
    const reason = gapReason(rows.get(id), now)
    return reason ? [{ id, reason }] : []
  })

  const wanted = new Set(requested)
  const usable = (row: Row) =>
    gapReason(row, now) === undefined && (wanted.has(String(row.id)) || row.superseded_by === null)
  await service.turns.next()
  const query = `${call.summary}\n${call.intent.slice(0, 4_000)}`
  const ranked = rank(query, [...rows.values()].filter(usable).map(candidateOf(service)))
  const newest = new Set(recent.map((row) => String(row.id)))
  const hits = ranked.filter(({ memory }) => newest.has(memory.id)).slice(0, HITS)
  const urgent = recent.filter((row) => Number(row.priority) >= priorities.indexOf('high'))
  const chosen = new Set([
    ...requested,
    ...[...urgent, ...recent.slice(0, call.include_recent)].map((row) => String(row.id)),
    ...hits.map(({ memory }) => memory.id),
    ...inherited,
  ])
  return {
    memories: ranked
      .filter(({ memory }) => chosen.has(memory.id))
      .map(({ memory: { row, id }, score }) => ({ memory: carried(row), score, requested: wanted.has(id) })),
    requested,
    gaps,
  }
}

const candidateOf = (service: Service) => (row: Row) => ({
  id: String(row.id),
  seq: Number(row.seq),
  terms: service.terms.of(row),
  priority: priorityOf(row),
  row,
})

function carried(row: Row): FitMemory['memory'] {
  const { id, version, digest, tokens, priority, pinned, title, kind, author, trust, created_at, content } =
    toMemory(row)
  return {
    id,
    version,
    digest,
    tokens,
    priority,
    pinned,
    level: 'full',
    ...(title === undefined ? {} : { title }),
    kind,
    author,
    trust,
    created_at,
    content,
  }
}
