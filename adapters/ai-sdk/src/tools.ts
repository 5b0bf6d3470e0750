/** Tools of the AI SDK over a spine: hand work on, remember, search what is remembered. */

import { tool } from 'ai'
import { type Envelope, type HandoffInput, type MemorySpine, SpineError } from 'memory-spine'
import { z } from 'zod'

export type SpineToolsOptions = {
  spine: MemorySpine
  /** The agent whose model has these tools. */
  agent: string
  /** The envelope or delivery that this agent works on; the next handoff continues it. Default: what the spine knows it holds. */
  previous?: string
  /** More of each handoff: the user's `intent` at the start of a chain, constraints, max_tokens... */
  call?: Partial<Omit<HandoffInput, 'target_agent' | 'source_agent' | 'task_summary' | 'previous'>>
  /** Hears of each sealed envelope. */
  onEnvelope?: (envelope: Envelope) => void
}

/** A model is told what went wrong and what to do, and may try again; other failures are the program's. */
async function answered<T>(work: () => Promise<T>): Promise<T | { error: string; next: string }> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof SpineError)) throw error
    return { error: `${error.code}: ${error.message}`, next: error.next }
  }
}

export function spineTools({ spine, agent, previous, call = {}, onEnvelope }: SpineToolsOptions) {
  const { intent, ...rest } = call
  return {
    handoff: tool({
      description: 'Hands the work to another agent. The intent and the constraints travel by themselves.',
      inputSchema: z.object({
        target_agent: z.string().min(1).describe('Who takes over.'),
        task_summary: z.string().min(1).describe('What the next agent must do now, in full sentences.'),
        decisions: z.array(z.string()).default([]).describe('What was decided, and why.'),
        memory_ids: z.array(z.string()).default([]).describe('Memories that the next agent needs.'),
      }),
      execute: ({ target_agent, task_summary, decisions, memory_ids }) =>
        answered(async () => {
          const envelope = await spine.agentHandoff({
            ...rest,
            ...(previous === undefined ? {} : { previous }),
            ...(previous === undefined && intent !== undefined ? { intent } : {}),
            ...(decisions.length > 0 ? { state: { ...rest.state, decisions } } : {}),
            ...(memory_ids.length > 0 ? { memory_ids } : {}),
            source_agent: agent,
            target_agent,
            task_summary,
          })
          const delivery = await spine.deliveries.send({ envelope_id: envelope.id })
          onEnvelope?.(envelope)
          const { token_count, memory_refs } = envelope
          return { envelope_id: envelope.id, delivery_id: delivery.id, state: delivery.state, token_count, memory_refs }
        }),
    }),
    remember: tool({
      description: 'Stores a fact, a decision or a result for later agents. Write it so that it can be read alone.',
      inputSchema: z.object({
        content: z.string().min(1),
        kind: z.enum(['fact', 'decision', 'note', 'tool_result']).default('note'),
        pinned: z.boolean().default(false).describe('Every envelope of the task has it.'),
      }),
      execute: (memory) =>
        answered(async () => {
          const { memories } = await spine.memories.store({ ...memory, author: agent })
          return { id: memories[0]?.id }
        }),
    }),
    search: tool({
      description: 'Finds the memories that matter for a question, best first.',
      inputSchema: z.object({ query: z.string().min(1), limit: z.int().min(1).max(20).default(5) }),
      execute: (query) =>
        answered(async () => {
          const { memories } = await spine.memories.search(query)
          return memories.map(({ id, content }) => ({ id, content }))
        }),
    }),
  }
}
