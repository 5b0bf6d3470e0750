/**
 * A handoff of the OpenAI Agents SDK that carries an envelope: it is sealed while the SDK waits for `onHandoff`, and
 * the next agent reads it instead of the whole history. One run is one chain.
 */

import { type Agent, type AgentInputItem, type Handoff, handoff, type RunContext } from '@openai/agents'
import { type Envelope, type HandoffInput, historyOf, type MemorySpine, render } from 'memory-spine'
import { turnsOfItems } from './items.ts'

export type SpineHandoffOptions = {
  spine: MemorySpine
  /** The agent that hands over. Default: the agent that the last handoff of this run went to, else what the spine knows. */
  from?: string
  /** What the next agent must do, where the model does not say it. Default: that it takes over. */
  task_summary?: string
  /**
   * How the next agent gets the envelope. `history` (default) replaces the history by its text. `instructions` puts it
   * into the agent's instructions and leaves the history alone: for conversations that the server keeps
   * (`conversationId`, `previousResponseId`), which must not be filtered.
   */
  into?: 'history' | 'instructions'
  /** What was said and done so far, for the execution history, such as the items of a session. Default: nothing. */
  history?: (context: RunContext<unknown>) => readonly AgentInputItem[] | Promise<readonly AgentInputItem[]>
  /** More of the call: the user's `intent` (sealed by the first handoff of a run), constraints, state, memory_ids, max_tokens... */
  call?: Partial<Omit<HandoffInput, 'target_agent' | 'source_agent' | 'task_summary' | 'previous'>>
  /** Hears of each sealed envelope. */
  onEnvelope?: (envelope: Envelope) => void
}

/** What the model says as it hands over. */
const parameters = {
  type: 'object',
  properties: {
    task_summary: { type: 'string', description: 'What the next agent must do now, in full sentences.' },
    decisions: { type: 'array', items: { type: 'string' }, description: 'What was decided, and why.' },
  },
  required: ['task_summary', 'decisions'],
  additionalProperties: false,
} as const

/** The envelopes of a run, newest last. */
const runs = new WeakMap<RunContext<unknown>, Envelope[]>()

/** The envelope that the current agent of this run was handed, if it was. */
export const envelopeOf = (context: RunContext<unknown>): Envelope | undefined => runs.get(context)?.at(-1)

type Said = { task_summary?: unknown; decisions?: unknown }

export function spineHandoff(target: Agent, options: SpineHandoffOptions): Handoff {
  const { spine, from, into = 'history', call = {}, onEnvelope } = options

  async function seal(context: RunContext<unknown>, input: unknown): Promise<void> {
    const { task_summary, decisions } = (input ?? {}) as Said
    const before = envelopeOf(context)
    const source_agent = from ?? before?.target_agent
    const decided =
      Array.isArray(decisions) && decisions.length > 0
        ? { state: { ...call.state, decisions: decisions.map(String) } }
        : {}
    const said = historyOf(turnsOfItems((await options.history?.(context)) ?? []), source_agent ?? 'agent')
    const history = [...said, ...(call.execution_history ?? [])]
    const { intent, ...rest } = call
    const envelope = await spine.agentHandoff({
      ...rest,
      ...(before || intent === undefined ? {} : { intent }),
      ...decided,
      target_agent: target.name,
      task_summary:
        typeof task_summary === 'string' && task_summary !== ''
          ? task_summary
          : (options.task_summary ?? `Take over as ${target.name}.`),
      ...(source_agent === undefined ? {} : { source_agent }),
      ...(history.length > 0 ? { execution_history: history.slice(-1_000) } : {}),
      // Said outright: of two runs at once, each is its own chain.
      previous: before?.id ?? null,
    })
    runs.set(context, [...(runs.get(context) ?? []), envelope])
    onEnvelope?.(envelope)
  }

  /** With the envelope in front of what the agent was told anyway. */
  const instructed = (): Agent =>
    target.clone({
      instructions: async (context, agent) => {
        const own =
          typeof target.instructions === 'function' ? await target.instructions(context, agent) : target.instructions
        const envelope = envelopeOf(context)
        return envelope ? `${own}\n\n${render(envelope)}` : own
      },
    })

  return handoff(into === 'instructions' ? instructed() : target, {
    inputType: parameters as never,
    onHandoff: seal as never,
    ...(into === 'history'
      ? {
          inputFilter: (input) => {
            const envelope = input.runContext && envelopeOf(input.runContext)
            if (!envelope) return input
            const text: AgentInputItem = { role: 'user', content: render(envelope) }
            return { ...input, inputHistory: [text], preHandoffItems: [], newItems: [] }
          },
        }
      : {}),
  }) as Handoff
}
