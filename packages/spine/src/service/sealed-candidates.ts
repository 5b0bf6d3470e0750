/** A sealed envelope taken back to what it was chosen from: its parts, and its memories in the versions they had. */

import type { CompactedEntry, Draft, Envelope, EnvelopeMemory, HistoryEntry } from '../protocol/envelope.ts'
import { historyEntry, isCompacted } from '../protocol/envelope.ts'
import type { Gap } from '../protocol/memory.ts'
import { toMs } from '../protocol/scalars.ts'
import type { FitMemory } from '../rules/fit.ts'
import type { HistoryPart } from '../rules/history.ts'
import { passagesOf } from '../rules/passages.ts'
import type { Candidates } from '../rules/variants.ts'
import type { Row } from '../store/database.ts'
import { versionsAt } from '../store/memories.ts'
import { collect } from './collecting.ts'
import type { Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'
import { factsFor } from './fact-sources.ts'
import { isWhole } from './memory-rows.ts'

export async function candidatesOfSealed(
  service: Service,
  envelopes: Envelopes,
  ns: string,
  envelope: Envelope,
): Promise<{ candidates: Candidates; gaps: Gap[] }> {
  const { draft, history, compacted } = partsOf(envelope)
  const inline = new Map(envelope.memories.map((memory) => [memory.id, memory]))
  const ids = [
    ...new Set([...envelope.memory_refs, ...inline.keys(), ...envelope.receipts.trimmed.map((receipt) => receipt.id)]),
  ]
  const collected = await collect(service, {
    ns,
    task_id: envelope.task.id,
    memory_ids: ids,
    summary: envelope.task.summary,
    intent: envelope.task.intent,
    history_ids: [],
    previous: [],
    include_recent: 0,
    include_pins: false,
    max_tokens: envelope.budget.max_tokens,
  })
  const { requested, gaps } = envelope.completeness
  const asked = new Set(envelope.memory_refs.slice(0, Math.max(0, requested - gaps.length)))
  const old = await oldVersions(service, ns, ids, envelope.created_at)
  const known = new Set(ids)
  const memories = collected.memories
    .filter(({ memory }) => known.has(memory.id))
    .map((found): FitMemory => {
      const { id } = found.memory
      const memory = asSealed(found.memory, inline.get(id), old.get(id))
      return {
        ...found,
        memory,
        passages: asShown(passagesFor(memory, found), memory.content, inline.get(id)),
        requested: asked.has(id),
      }
    })
  const before = await beforeSealed(envelopes, ns, envelope)
  // What the chain knew by then: the task may have gone on since.
  const facts = await factsFor(service, { ns, draft, ...before, history, memories, task_id: undefined })
  return {
    candidates: { draft, history, compacted, memories, facts, require_full_intent: false },
    gaps: [...gaps, ...collected.gaps.filter((gap) => known.has(gap.id))],
  }
}

/** What it continues; where that was removed since, it stands for it itself. */
async function beforeSealed(envelopes: Envelopes, ns: string, envelope: Envelope) {
  const ids = envelope.chain.previous.map(({ id }) => id)
  const found = await envelopes.findMany(ns, ids)
  const previous = found.size === ids.length ? ids.flatMap((id) => found.get(id) ?? []) : [envelope]
  const carried = previous.flatMap(({ facts }) => facts)
  const known = new Set(carried.map(({ value }) => value))
  // Values of texts that had no place among its memories are known from itself alone.
  return { previous, inherited: [...carried, ...envelope.facts.filter(({ value }) => !known.has(value))] }
}

/** What an excerpt showed comes before what it left out, whatever a ranking of today says. */
function asShown(
  passages: FitMemory['passages'],
  content: string,
  sealed: EnvelopeMemory | undefined,
): FitMemory['passages'] {
  if (sealed?.level !== 'excerpt' || sealed.content === undefined) return passages
  const best = Math.max(...passages.map(({ score }) => score))
  const shown = new Set(passages.filter(({ start, end }) => sealed.content?.includes(content.slice(start, end).trim())))
  const least = Math.min(...[...shown].map(({ score }) => score))
  // Today's ranking says the same: its scores, which others are weighed against, stay as they are.
  if (passages.every((one) => shown.has(one) || one.score <= least)) return passages
  return passages.map((one) => ({ ...one, score: shown.has(one) ? best : one.score - 1 }))
}

/** The draft without what a fit chooses, and the history with the entries that had no room. */
function partsOf(envelope: Envelope): { draft: Draft; history: HistoryPart[]; compacted: CompactedEntry | undefined } {
  const { digest: _digest, token_count: _count, signature: _signature, history_rest, ...sealed } = envelope
  const rest = Array.isArray(history_rest) ? history_rest.filter((entry) => historyEntry.safeParse(entry).success) : []
  const part = (entry: HistoryEntry): HistoryPart => ({ entry, hop: envelope.chain.hop, envelope_id: envelope.id })
  const shown = envelope.execution_history
    .filter((entry): entry is HistoryEntry => !isCompacted(entry))
    .filter((entry) => !(entry.shortened && rest.some((whole) => sameDecision(whole as HistoryEntry, entry))))
  const before = envelope.execution_history.find(isCompacted)
  const dropped = rest.length - (envelope.execution_history.length - (before ? 1 : 0) - shown.length)
  const earlier = (before?.compacted ?? 0) - dropped
  return {
    draft: {
      ...(sealed as Draft),
      execution_history: [],
      memories: [],
      facts: [],
      receipts: { trimmed: [], omitted_count: 0 },
    },
    history: [...rest, ...shown].map((entry) => part(entry as HistoryEntry)),
    compacted: before && earlier > 0 ? { ...before, compacted: earlier } : undefined,
  }
}

/** What stands shortened in the history has its whole among the rest. */
const sameDecision = (whole: HistoryEntry, short: HistoryEntry) =>
  whole.agent === short.agent && whole.decision === short.decision

/** The newest version of each that was there when the envelope was sealed. */
async function oldVersions(
  service: Service,
  ns: string,
  ids: readonly string[],
  at: string,
): Promise<Map<string, Row>> {
  const { database } = service
  const statements = versionsAt(
    database.dialect,
    ids.map((id) => ({ id })),
    { ns, at: toMs(at) },
  )
  const tables = await Promise.all(statements.map((statement) => database.read(statement)))
  const whole = tables.flat().filter(isWhole)
  return new Map(whole.map((row) => [String(row.id), row]))
}

/** As it stood in the envelope, else as it was at that time, as far as that version is still kept. */
function asSealed(
  now: FitMemory['memory'],
  sealed: EnvelopeMemory | undefined,
  old: Row | undefined,
): FitMemory['memory'] {
  const then = old && Number(old.version) !== now.version ? { ...now, ...versionOf(old) } : now
  if (!sealed) return then
  const content = sealed.level === 'full' ? sealed.content : undefined
  if (content === undefined && sealed.version !== then.version) return { ...now, pinned: sealed.pinned }
  return { ...then, ...sealed, level: 'full', content: content ?? then.content }
}

/** The passages of an older text were never ranked: they are worth what the memory is worth. */
const passagesFor = ({ content, tokens }: FitMemory['memory'], found: FitMemory): FitMemory['passages'] =>
  content === found.memory.content
    ? found.passages
    : passagesOf(content, tokens).map(({ start, end, tokens: own }) => ({
        start,
        end,
        tokens: own,
        score: found.score,
      }))

const versionOf = (row: Row): Partial<FitMemory['memory']> => ({
  version: Number(row.version),
  digest: String(row.digest),
  tokens: Number(row.tokens),
  content: String(row.content),
  ...(row.title === null ? {} : { title: String(row.title) }),
})
