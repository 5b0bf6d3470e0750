/** The texts that exact values are taken from: the memories of the task, what was handed on before, and the call's own. */

import type { Draft, Envelope, Fact } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { historyLine } from '../protocol/render.ts'
import type { FactSource, RankedFact } from '../rules/facts.ts'
import { rankFacts } from '../rules/facts.ts'
import type { FitMemory } from '../rules/fit.ts'
import type { HistoryPart } from '../rules/history.ts'
import { valuesOf } from '../rules/values.ts'
import { newestVersionsOfTask } from '../store/memories.ts'
import type { Service } from './context.ts'
import { isWhole, memoryRows } from './memory-rows.ts'

/** Newest memories of a task that are looked at; the values of older ones come down the chain. */
const WINDOW = 400

export type FactsCall = {
  ns: string
  draft: Draft
  previous: readonly Envelope[]
  /** What they carried. */
  inherited: readonly Fact[]
  history: readonly HistoryPart[]
  /** What the envelope could carry. */
  memories: readonly FitMemory[]
  /** Of the task, what it could not carry counts, too: its newest memories. Without one, only `memories` count. */
  task_id: string | undefined
}

/** Best first. */
export async function factsFor(
  service: Service,
  { ns, draft, previous, inherited, history, memories, task_id }: FactsCall,
): Promise<RankedFact[]> {
  const { task } = draft
  const sources: FactSource[] = [
    { from: 'intent', by: 'user', trust: 'user', values: valuesOf(task.intent) },
    ...task.amendments.map(({ text }) => ({
      from: 'intent',
      by: 'user',
      trust: 'user' as const,
      values: valuesOf(text),
    })),
    ...previous.map(({ id, source_agent, task: { summary } }) => ({
      from: id,
      by: source_agent,
      trust: 'agent' as const,
      values: valuesOf(summary),
    })),
    ...history.map(({ entry }) => ({
      from: 'history',
      by: entry.agent,
      trust: 'agent' as const,
      values: valuesOf(historyLine(entry)),
    })),
    ...(await memorySources(service, ns, task_id, memories)),
    { from: 'summary', by: draft.source_agent, trust: 'agent', values: valuesOf(task.summary) },
  ]
  return rankFacts(sources, inherited, task)
}

/** Oldest first. */
async function memorySources(
  service: Service,
  ns: string,
  task_id: string | undefined,
  memories: readonly FitMemory[],
): Promise<FactSource[]> {
  const of_task = task_id === undefined ? [] : await taskSources(service, ns, task_id).catch(withoutThem)
  const known = new Set(of_task.map(({ from }) => from))
  const others = memories
    .filter(({ memory }) => !known.has(memory.id))
    .toSorted((left, right) => left.seq - right.seq)
    .map(({ memory: { id, digest, author, trust, content } }) => ({
      from: id,
      by: author ?? 'unknown',
      trust: trust ?? ('agent' as const),
      values: service.values.of({ digest, content }),
    }))
  return [...others, ...of_task]
}

/** Only texts that were not looked at before are read. */
async function taskSources(service: Service, ns: string, task_id: string): Promise<FactSource[]> {
  const { database, clock, values } = service
  const newest = await database.read(
    newestVersionsOfTask(database.dialect, { ns, task_id, now: clock.now(), limit: WINDOW }),
  )
  const unknown = newest.filter((row) => values.find(String(row.digest)) === undefined).map((row) => String(row.id))
  const read = await memoryRows(service, ns, unknown)
  return newest.toReversed().map((row) => {
    const text = read.get(String(row.id))
    return {
      from: String(row.id),
      by: String(row.author),
      trust: row.trust as FactSource['trust'],
      values:
        text && isWhole(text)
          ? values.of({ digest: String(text.digest), content: String(text.content) })
          : (values.find(String(row.digest)) ?? []),
    }
  })
}

/** While memories cannot be read, the values of the other texts still go. */
function withoutThem(error: unknown): FactSource[] {
  if (error instanceof SpineError && error.retryable) return []
  throw error
}
