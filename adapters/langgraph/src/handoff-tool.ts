/**
 * A tool by which a LangGraph agent hands over: it seals an envelope from what was said, answers every tool call that
 * is still open, and goes to the next agent's node in the graph above, as swarms and supervisors do.
 */

import { AIMessage, type BaseMessage, HumanMessage, RemoveMessage, ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { Command, getCurrentTaskInput, REMOVE_ALL_MESSAGES } from '@langchain/langgraph'
import { type Envelope, type HandoffInput, historyOf, type MemorySpine, render, SpineError } from 'memory-spine'
import { z } from 'zod'
import { turnsOfMessages } from './messages.ts'

export type SpineHandoffToolOptions = {
  spine: MemorySpine
  /** The agent that the tool hands over to: the name of its node. */
  agent: string
  /** The agent that has the tool. */
  from: string
  /** Default: `transfer_to_<agent>`. */
  name?: string
  description?: string
  /** `envelope` (default): the next agent reads the envelope and nothing else. `append`: it is put behind the history. */
  messages?: 'envelope' | 'append'
  /** More of the call: the user's `intent` (sealed by the first handoff), constraints, memory_ids, max_tokens... */
  call?: Partial<Omit<HandoffInput, 'target_agent' | 'source_agent' | 'task_summary' | 'previous'>>
  onEnvelope?: (envelope: Envelope) => void
}

/** What the graph's state may know of the chain. */
type State = { messages?: BaseMessage[]; envelope_id?: string }

/** Calls of the newest answer that nobody has answered yet. */
function openCalls(messages: readonly BaseMessage[]): { id: string; name: string }[] {
  const asked = messages.findLast((message) => message instanceof AIMessage || message.type === 'ai') as
    | AIMessage
    | undefined
  const answered = new Set(
    messages.flatMap((message) => (message.type === 'tool' ? [(message as ToolMessage).tool_call_id] : [])),
  )
  return (asked?.tool_calls ?? []).flatMap(({ id, name }) =>
    id !== undefined && !answered.has(id) ? [{ id, name }] : [],
  )
}

/** Under this key the message that shows an envelope names it, so that an agent with a state of its own continues it. */
const ENVELOPE_ID = 'spine_envelope_id'

/** The envelope that the agent works on: as its state says, or the newest one that it was shown. */
function workedOn({ envelope_id, messages = [] }: State): string | undefined {
  if (envelope_id !== undefined) return envelope_id
  const shown = messages.findLast((message) => ENVELOPE_ID in message.additional_kwargs)
  return shown && String(shown.additional_kwargs[ENVELOPE_ID])
}

/** Handoffs of one run are one chain, also where agents have a state of their own, as in swarms. */
export function createSpineHandoffTool(options: SpineHandoffToolOptions) {
  const {
    spine,
    agent,
    from,
    name = `transfer_to_${agent}`,
    messages: mode = 'envelope',
    call = {},
    onEnvelope,
  } = options
  const { intent, ...rest } = call
  return tool(
    async ({ task_summary, decisions }, config) => {
      const state = getCurrentTaskInput() as State
      const messages = state.messages ?? []
      const before = workedOn(state)
      const tool_call_id = String((config as { toolCall?: { id?: string } }).toolCall?.id)
      // The call of this tool is the handoff, not something that was done before it.
      const turns = turnsOfMessages(messages).filter((turn) => turn.kind === 'message' || turn.call_id !== tool_call_id)
      try {
        const envelope = await spine.agentHandoff({
          ...rest,
          ...(before === undefined && intent !== undefined ? { intent } : {}),
          ...(decisions.length > 0 ? { state: { ...rest.state, decisions } } : {}),
          execution_history: [...historyOf(turns, from), ...(rest.execution_history ?? [])].slice(-1_000),
          source_agent: from,
          target_agent: agent,
          task_summary,
          previous: before ?? null,
        })
        onEnvelope?.(envelope)
        const answers = openCalls(messages).map(
          ({ id, name: called }) =>
            new ToolMessage({
              tool_call_id: id,
              name: called,
              content:
                id === tool_call_id ? `Handed over to ${agent}.` : `Not run: the work was handed over to ${agent}.`,
            }),
        )
        const read = new HumanMessage({ content: render(envelope), additional_kwargs: { [ENVELOPE_ID]: envelope.id } })
        const update =
          mode === 'envelope'
            ? [new RemoveMessage({ id: REMOVE_ALL_MESSAGES }), read]
            : // The agent's own graph is left: what it added is told to the graph above.
              [...messages, ...answers, read]
        return new Command({
          goto: agent,
          graph: Command.PARENT,
          update: { messages: update, envelope_id: envelope.id, active_agent: agent, activeAgent: agent },
        })
      } catch (error) {
        if (!(error instanceof SpineError)) throw error
        // The model may do better: it is told what is wrong.
        return new ToolMessage({
          tool_call_id,
          name,
          status: 'error',
          content: `${error.code}: ${error.message} ${error.next}`,
        })
      }
    },
    {
      name,
      // By this key swarms know who may go where.
      metadata: { __handoff_destination: agent },
      description:
        options.description ?? `Hands the work to ${agent}. The intent and the constraints travel by themselves.`,
      schema: z.object({
        task_summary: z.string().min(1).describe('What the next agent must do now, in full sentences.'),
        decisions: z.array(z.string()).default([]).describe('What was decided, and why.'),
      }),
    },
  )
}
