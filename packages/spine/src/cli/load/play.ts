/**
 * The load itself: so many senders that each make an envelope, send it, and wait until it is accepted; receivers that
 * take, open, accept and complete. Both sides are here, so that one clock measures what happens between them.
 */

import { createHash } from 'node:crypto'
import { MemorySpine } from '../../client/memory-spine.ts'
import { SpineError } from '../../protocol/errors.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import { render } from '../../protocol/render.ts'
import type { Spine } from '../../protocol/spine.ts'
import { parseEnvelope } from '../../protocol/versions.ts'
import { emptySamples, type Samples, type Stage } from './figures.ts'

export type Load = {
  spine: Spine
  /** Keeps the agents, the task and the memories of this run apart from all others. */
  run: string
  concurrency: number
  duration_ms: number
  /** Ends the run early when so many handoffs were begun. */
  max_handoffs: number
  signal: AbortSignal
  /** Called about once a second. */
  progress(samples: Samples, elapsed_ms: number): void
}

/** Receiving agents: enough that no single inbox is what is measured. */
const AGENTS = 8
const POLLS_PER_AGENT = 2
const MAX_PER_POLL = 64
/** A sender waits this long for its acknowledgement; one that comes later is a failure. */
const ACK_TIMEOUT_MS = 15_000
const MEMORIES = 8
const PROGRESS_EVERY_MS = 1_000
/** After a refusal the same sender does not ask again at once. */
const PAUSE_MS = 100

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** As much as an agent says about its work; each differs, as no two memories are the same. */
const findingOf = (index: number) =>
  `Finding ${index}: the gateway answers 429 after ${10 + index} requests in a second, and the client library drops ` +
  `the header that says how long to wait. Retries have to back off exponentially, with jitter, and stop after ` +
  `${3 + index} tries. Reference ${createHash('sha256').update(String(index)).digest('hex').slice(0, 24)}.`

export async function playLoad(load: Load): Promise<Samples> {
  const { spine, run, concurrency, duration_ms, max_handoffs, signal, progress } = load
  const samples = emptySamples()
  const targets = Array.from({ length: AGENTS }, (_, index) => `load-${run}-receiver-${index}`)
  const memory_ids = await storeMemories(spine, run)
  const receiving = new AbortController()
  const under_way = new Set<Promise<void>>()
  /** When the receiver had the envelope, for the sender's figure; by envelope. */
  const sent = new Map<string, number>()
  const streaks = new Map<string, number>()
  let began = performance.now()
  let measuring = false

  const add = (stage: Stage, ms: number): void => {
    if (measuring) samples.stages[stage].push(ms)
  }
  const timed = async <T>(stage: Stage, work: () => Promise<T>): Promise<T> => {
    const start = performance.now()
    const answer = await work()
    add(stage, performance.now() - start)
    return answer
  }
  const fail = (error: unknown): void => {
    const code = error instanceof SpineError ? error.code : String(error)
    samples.errors.set(code, (samples.errors.get(code) ?? 0) + 1)
  }

  async function hand(target: string): Promise<void> {
    const envelope = await timed('assemble', () =>
      spine.handoffs.create({
        source_agent: `load-${run}-sender`,
        target_agent: target,
        intent: 'Payments must survive a short outage of the gateway, and nobody may be charged twice.',
        task_summary: 'Write the retry logic for the gateway from the findings.',
        constraints: { language: 'python', security: 'no plaintext credentials' },
        execution_history: [{ agent: 'analyst', action: 'chose a strategy', decision: 'exponential backoff' }],
        memory_ids,
        include_recent: 0,
        include_pins: false,
        previous: null,
      }),
    )
    if (measuring) samples.completeness.push(envelope.completeness.score)
    const start = performance.now()
    sent.set(envelope.id, start)
    const what = { envelope_id: envelope.id, target }
    const { state } = await timed('commit', () => spine.deliveries.send(what))
    // The same send again is a wait for the same delivery.
    const pending = state === 'ready' || state === 'leased'
    const now = pending
      ? await spine.deliveries.send({ ...what, wait: 'accepted', timeout_ms: ACK_TIMEOUT_MS })
      : { state }
    if (now.state !== 'accepted' && now.state !== 'completed')
      throw new SpineError('INTERNAL', `the delivery of ${envelope.id} is ${now.state}`)
    add('handoff', performance.now() - start)
  }

  async function sender(): Promise<void> {
    while (!signal.aborted && performance.now() - began < duration_ms && samples.handoffs < max_handoffs) {
      const target = targets[samples.handoffs % AGENTS] as string
      samples.handoffs += 1
      try {
        await hand(target)
        streaks.delete(target)
      } catch (error) {
        samples.failed += 1
        fail(error)
        const streak = (streaks.get(target) ?? 0) + 1
        streaks.set(target, streak)
        samples.failures_in_a_row = Math.max(samples.failures_in_a_row, streak)
        await pause(PAUSE_MS)
      }
    }
  }

  async function take(client: MemorySpine, delivery: ReceivedDelivery): Promise<void> {
    const { id, lease_token, envelope, history } = delivery
    const start = sent.get(envelope.id)
    sent.delete(envelope.id)
    if (start !== undefined) add('deliver', performance.now() - start)
    const claim = history.findLast(({ event }) => event === 'claim')
    add('wake', claim ? Math.max(0, Date.parse(claim.at) - Date.parse(delivery.created_at)) : 0)
    await timed('accept', () => spine.deliveries.accept({ id, lease_token }))
    await timed('open', async () => {
      parseEnvelope(envelope)
      render(envelope)
      await (await client.context.open(envelope)).fetch(envelope.memory_refs)
    })
    await timed('complete', () => spine.deliveries.complete({ id, lease_token }))
  }

  async function receiver(client: MemorySpine, agent: string): Promise<void> {
    const max = Math.min(MAX_PER_POLL, Math.ceil(concurrency / AGENTS / POLLS_PER_AGENT) + 1)
    while (!receiving.signal.aborted) {
      try {
        const { deliveries } = await spine.deliveries.receive({ agent, max }, { signal: receiving.signal })
        // Not waited for: the next poll takes what came meanwhile, as a receiver with many hands does.
        for (const delivery of deliveries) {
          const taken = take(client, delivery)
            .catch((error) => {
              fail(error)
              if (error instanceof SpineError && error.code === 'LEASE_LOST') samples.leases_lost += 1
            })
            .finally(() => under_way.delete(taken))
          under_way.add(taken)
        }
      } catch (error) {
        if (receiving.signal.aborted) return
        fail(error)
        await pause(PAUSE_MS)
      }
    }
  }

  const client = new MemorySpine({ spine })
  const receivers = targets.flatMap((agent) => Array.from({ length: POLLS_PER_AGENT }, () => receiver(client, agent)))
  try {
    // Once before the clock runs: the first handoff loads the tokenizer.
    for (const target of targets) await hand(target)
    measuring = true
    began = performance.now()
    const timer = setInterval(() => progress(samples, performance.now() - began), PROGRESS_EVERY_MS)
    await Promise.all(Array.from({ length: concurrency }, sender))
    samples.took_ms = performance.now() - began
    clearInterval(timer)
  } finally {
    receiving.abort()
    await Promise.all(receivers)
    // What was accepted is worked off: its figures belong to the run, and nothing is left to its lease.
    await Promise.all(under_way)
  }
  return samples
}

async function storeMemories(spine: Spine, run: string): Promise<string[]> {
  const memories = Array.from({ length: MEMORIES }, (_, index) => ({
    id: `load-${run}-${index}`,
    content: findingOf(index),
    author: `load-${run}-sender`,
  }))
  await spine.memories.store({ memories })
  return memories.map(({ id }) => id)
}
