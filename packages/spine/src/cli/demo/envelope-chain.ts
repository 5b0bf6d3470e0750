/** The four agents, handing over by envelopes through a running server. An agent reads what its envelope carries, no more. */

import type { ContextMemory } from '../../client/context.ts'
import type { MemorySpine } from '../../client/memory-spine.ts'
import type { Received } from '../../client/received.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { HandoffInput } from '../../protocol/handoff.ts'
import type { MemoryInput } from '../../protocol/memory.ts'
import { analyse, research, write } from './agents.ts'
import type { Observation } from './measure.ts'
import { constraints, hear, request } from './request.ts'
import { type Check, review } from './review.ts'
import type { SourceFile } from './sources.ts'
import { sayFinding, sayObservation } from './statements.ts'
import type { ChainResult } from './summary-chain.ts'

export type EnvelopeHop = {
  hop: number
  from: string
  to: string
  envelope_id: string
  tokens: number
  max_tokens: number
  refs: number
  completeness: number
  /** From the call that seals it to the sender's knowing that it was accepted. */
  latency_ms: number
}

export type EnvelopeChainOptions = {
  client: MemorySpine
  files: readonly SourceFile[]
  max_tokens: number
  /** Hears of each step as it happens. */
  progress: (text: string) => void
}

/** One run through a fresh store has one task. */
const task_id = 'audit'

export async function runEnvelopeChain({
  client,
  files,
  max_tokens,
  progress,
}: EnvelopeChainOptions): Promise<ChainResult & { hops: EnvelopeHop[] }> {
  const hops: EnvelopeHop[] = []
  const result = Promise.withResolvers<ChainResult>()

  /** Seals an envelope with `seal`, delivers it, and keeps the figures of the hop. */
  async function handOver(seal: (input: HandoffInput) => Promise<Envelope>, input: HandoffInput): Promise<void> {
    const began = performance.now()
    const envelope = await seal({ task_id, max_tokens, ...input })
    await client.deliverHandoff(envelope)
    const { chain, source_agent: from, target_agent: to, token_count: tokens, memory_refs, completeness } = envelope
    const latency_ms = Math.round((performance.now() - began) * 10) / 10
    hops.push({
      hop: chain.hop,
      from,
      to,
      envelope_id: envelope.id,
      tokens,
      max_tokens: envelope.budget.max_tokens,
      refs: memory_refs.length,
      completeness: completeness.score,
      latency_ms,
    })
    progress(
      `  hop ${chain.hop}: ${from} -> ${to}, ${tokens}/${envelope.budget.max_tokens} tokens, ${memory_refs.length} refs, accepted in ${latency_ms} ms`,
    )
  }
  const store = async (memories: MemoryInput[]): Promise<string[]> => {
    if (memories.length === 0) return []
    const stored = await client.memories.store({ memories: memories.map((memory) => ({ task_id, ...memory })) })
    return stored.memories.map(({ id }) => id)
  }

  const agents: Readonly<Record<string, (received: Received) => Promise<unknown>>> = {
    async researcher(received) {
      const { observations, files_read, progress: said } = research(await wordsOf(received), files)
      const memory_ids = await store(
        observations.map((item) => ({ ...memoryOf(item), content: sayObservation(item), author: 'researcher' })),
      )
      progress(`researcher: read ${files_read} files, stored ${memory_ids.length} observations`)
      await handOver((input) => received.handoff(input), {
        target_agent: 'analyst',
        task_summary: 'Rank what was measured and choose what to report.',
        memory_ids,
        state: { progress: said, remaining: ['rank', 'write', 'review'] },
        execution_history: [{ agent: 'researcher', action: `measured ${files_read} files` }],
      })
      return { observations: observations.length }
    },

    async analyst(received) {
      const { findings, left_out, decision } = analyse(await wordsOf(received))
      const memory_ids = await store(
        findings.map((item, index) => ({
          ...memoryOf(item),
          kind: 'decision',
          priority: 'high',
          content: sayFinding(item, index + 1),
          author: 'analyst',
        })),
      )
      progress(`analyst: chose ${findings.length} findings, left out ${left_out.length} with a reason`)
      await handOver((input) => received.handoff(input), {
        target_agent: 'writer',
        task_summary: 'Write the report from the findings, in their order.',
        memory_ids,
        state: { decisions: [{ ...decision, by: 'analyst' }], remaining: ['write', 'review'] },
        execution_history: [{ agent: 'analyst', action: 'ranked the observations', ...decision }],
      })
      return { findings: findings.length }
    },

    async writer(received) {
      const { report } = write(await wordsOf(received))
      const memory_ids = await store([
        { content: report, title: 'The report', kind: 'note', priority: 'high', author: 'writer' },
      ])
      progress('writer: wrote the report')
      await handOver((input) => received.handoff(input), {
        target_agent: 'reviewer',
        task_summary: 'Check the report against every constraint, and go to the cited lines.',
        memory_ids,
        state: { remaining: ['review'] },
        execution_history: [
          { agent: 'writer', action: 'wrote the report', ...(memory_ids[0] && { memory_id: memory_ids[0] }) },
        ],
      })
      return { report: memory_ids[0] }
    },

    async reviewer(received) {
      const words = await wordsOf(received)
      const report = await reportOf(received)
      const checks: Check[] = review(report, hear(words), files)
      progress(`reviewer: ${checks.filter(({ kept }) => kept).length} of ${checks.length} constraints kept`)
      const reached = checks.map(({ key }) => key)
      // For the comparison both chains are measured against the words of the user; here they should be the same.
      result.resolve({ report, checks: review(report, hear(request), files), reached })
      return { checks }
    },
  }

  const receivers = Object.entries(agents).map(([agent, work]) =>
    client.receive(agent, async (received) => {
      try {
        return await work(received)
      } catch (error) {
        // A demo does not wait for a retry: it says what went wrong.
        result.reject(error)
        throw error
      }
    }),
  )
  for (const { closed } of receivers) closed.catch((error) => result.reject(error))
  try {
    await handOver((input) => client.agentHandoff(input), {
      source_agent: 'user',
      target_agent: 'researcher',
      intent: request,
      constraints,
      task_summary: 'Read the files, measure them, and store what passes a limit.',
    })
    const { report, checks, reached } = await result.promise
    return { report, checks, reached, hops: hops.sort((a, b) => a.hop - b.hop) }
  } finally {
    await Promise.allSettled(receivers.map((receiver) => receiver.stop({ grace_ms: 5_000 })))
  }
}

const memoryOf = ({
  measure,
  times,
  path,
}: Observation): Pick<MemoryInput, 'kind' | 'priority' | 'tags'> & { kind: 'fact' } => ({
  kind: 'fact',
  priority: times >= 2 ? 'high' : 'normal',
  tags: [measure, path.slice(-120)],
})

/** What an agent has to go on: the envelope as it is rendered, and the memories behind its references. */
async function wordsOf(received: Received): Promise<string> {
  const memories = await memoriesOf(received)
  return [received.text, ...memories.map(({ content }) => content)].join('\n')
}

/** The report is one of the memories that the envelope names. */
async function reportOf(received: Received): Promise<string> {
  const memories = await memoriesOf(received)
  return memories.find(({ title }) => title === 'The report')?.content ?? ''
}

async function memoriesOf(received: Received): Promise<readonly ContextMemory[]> {
  const context = await received.context()
  return context.fetch(received.envelope.memory_refs)
}
