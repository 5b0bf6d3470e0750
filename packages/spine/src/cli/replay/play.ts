/**
 * One recorded run, played through a server: its agents receive, open the context, store what they said, hand on to the
 * next agent and only then complete, as agents at work would.
 */

import type { MemorySpine } from '../../client/memory-spine.ts'
import type { Received } from '../../client/received.ts'
import type { HandoffRow } from './figures.ts'
import { fitText, idStem, type Trace } from './log.ts'
import { batchesOf, lastWords, memoriesOf } from './turns.ts'

const max_hops = 64
/** Waiting for an acknowledgement; a loaded machine is not a lost handoff. */
const ack_timeout_ms = 60_000

export type Play = {
  task_id: string
  /** The agents that receive in it. */
  receivers: readonly string[]
  /** Plays the run to its end; never throws. */
  run(): Promise<{ rows: HandoffRow[]; errors: string[] }>
  /** What a receiving agent does with a delivery of this run. */
  handle(received: Received): Promise<unknown>
}

export type PlayOptions = { client: MemorySpine; max_tokens?: number }

export function createPlay(trace: Trace, { client, max_tokens }: PlayOptions): Play {
  const stem = idStem(trace.id)
  const task_id = `task:${stem}`
  const intent = fitText(trace.task)
  const constraints = Object.fromEntries(trace.constraints.map((text, index) => [`c${index + 1}`, fitText(text)]))
  const rows: HandoffRow[] = trace.handoffs.map(() => ({ acknowledged: false }))
  const errors: string[] = []
  /** Which handoff of the log an envelope is; a redelivery finds its work here instead of doing it twice. */
  const steps = new Map<string, { index: number; work?: Promise<unknown> }>()
  const ended = Promise.withResolvers<void>()
  let stored = 0
  let settled = 0

  const fail = (index: number, error: unknown) => {
    errors.push(`${trace.id}, handoff ${index + 1}: ${(error as Error).message}`)
    ended.resolve()
  }

  async function storeTurns(upto: number): Promise<void> {
    const memories = trace.turns.slice(stored, upto).flatMap((turn) => memoriesOf(turn, stem, task_id))
    stored = Math.max(stored, upto)
    for (const batch of batchesOf(memories)) await client.memories.store({ memories: batch })
  }

  /** Seals and delivers one handoff of the log; the end of the log is only stored. */
  async function handOn(index: number, received?: Received): Promise<void> {
    const next = trace.handoffs[index]
    const row = rows[index]
    if (!next || !row) return storeTurns(trace.turns.length)
    await storeTurns(next.at_turn)
    const continues = received !== undefined && received.envelope.chain.hop < max_hops
    const root = { previous: null, intent, constraints, max_hops, cycle: 'warn' as const }
    const began = performance.now()
    const envelope = await client.agentHandoff({
      source_agent: next.from_agent,
      target_agent: next.to_agent,
      task_id,
      task_summary: lastWords(trace.turns, next.at_turn, next.from_agent),
      ...(continues ? { previous: received.delivery.id } : root),
      ...(max_tokens !== undefined && { max_tokens }),
    })
    row.tokens = envelope.token_count
    row.completeness = envelope.completeness.score
    steps.set(envelope.id, { index })
    await client.deliverHandoff(envelope, { timeout_ms: ack_timeout_ms })
    row.latency_ms = performance.now() - began
  }

  async function work(index: number, received: Received): Promise<void> {
    const context = await received.context()
    // Its own delivery is fine even when the next one fails: the failure is counted where it happened.
    await handOn(index + 1, received).catch((error) => fail(index + 1, error))
    const delivery = await received.ack({ opened: context.memories.length })
    const row = rows[index]
    if (row) row.acknowledged = delivery.state === 'completed'
    settled += 1
    if (settled === rows.length) ended.resolve()
  }

  async function run() {
    try {
      await handOn(0)
      if (rows.length > 0) await ended.promise
    } catch (error) {
      fail(0, error)
    }
    return { rows, errors }
  }

  function handle(received: Received): Promise<unknown> {
    const step = steps.get(received.envelope.id)
    if (!step) return Promise.reject(new Error(`${received.envelope.id} is not of this replay`))
    step.work ??= work(step.index, received).catch((error) => fail(step.index, error))
    return step.work
  }

  return Object.freeze({
    task_id,
    receivers: [...new Set(trace.handoffs.map(({ to_agent }) => to_agent))],
    run,
    handle,
  })
}
