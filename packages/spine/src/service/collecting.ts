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
import { toMemory } from './documents.ts'
import { gapReason, memoryRows } from './memories.ts'

/** How many of the newest memories the search for the summary looks at, and how many hits it adds. */
const SEARCHED = 500
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

  const query = `${call.summary}\n${call.intent.slice(0, 4_000)}`
  const hits = rank(query, recent.map(candidateOf))
    .slice(0, HITS)
    .map(({ memory }) => memory.id)
  const wanted = new Set(requested)
  const live = (id: string) =>
    gapReason(rows.get(id), now) === undefined && (wanted.has(id) || rows.get(id)?.superseded_by === null)
  const urgent = recent.filter((row) => Number(row.priority) >= priorities.indexOf('high')).map((row) => String(row.id))
  const ids = new Set([
    ...urgent,
    ...requested,
    ...recent.slice(0, call.include_recent).map((row) => String(row.id)),
    ...hits,
    ...inherited,
  ])
  const candidates = [...ids].filter(live).map((id) => candidateOf(rows.get(id) as Row))
  return {
    memories: rank(query, candidates).map(({ memory: { row }, score }) => ({
      memory: carried(row),
      score,
      requested: wanted.has(String(row.id)),
    })),
    requested,
    gaps,
  }
}

const candidateOf = (row: Row) => {
  const { id, title, content, priority } = toMemory(row)
  return { id, seq: Number(row.seq), title, content, priority, row }
}

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
