/** Messages of LangChain, to and from the turns that a history is made of. */

import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages'
import type { Turn } from 'memory-spine'

type ToolCall = { id?: string | undefined; name: string; args: unknown }

const callsOf = (message: BaseMessage): ToolCall[] => ((message as AIMessage).tool_calls ?? []) as ToolCall[]

const roleOf = (type: string): 'user' | 'assistant' | 'system' =>
  type === 'human' ? 'user' : type === 'system' ? 'system' : 'assistant'

/** Texts, tool calls and their results, in order. */
export function turnsOfMessages(messages: readonly BaseMessage[]): Turn[] {
  return messages.flatMap((message): Turn[] => {
    const { text } = message
    if (message.type === 'tool') {
      const { tool_call_id, content } = message as ToolMessage
      return [{ kind: 'result', call_id: tool_call_id, output: typeof content === 'string' ? content : text }]
    }
    const calls = callsOf(message).map(
      ({ id, name, args }, index): Turn => ({
        kind: 'call',
        call_id: id ?? `${message.id}-${index}`,
        name,
        arguments: args,
      }),
    )
    const said: Turn[] = text === '' && calls.length > 0 ? [] : [{ kind: 'message', role: roleOf(message.type), text }]
    return [...said, ...calls]
  })
}

export function messagesOfTurns(turns: readonly Turn[]): BaseMessage[] {
  return turns.map((turn): BaseMessage => {
    if (turn.kind === 'call') {
      const args = (
        typeof turn.arguments === 'object' && turn.arguments !== null ? turn.arguments : { value: turn.arguments }
      ) as Record<string, unknown>
      return new AIMessage({
        content: '',
        tool_calls: [{ id: turn.call_id, name: turn.name, args, type: 'tool_call' }],
      })
    }
    if (turn.kind === 'result') {
      const content = typeof turn.output === 'string' ? turn.output : JSON.stringify(turn.output ?? null)
      return new ToolMessage({ content, tool_call_id: turn.call_id })
    }
    if (turn.role === 'user') return new HumanMessage(turn.text)
    return turn.role === 'system' ? new SystemMessage(turn.text) : new AIMessage(turn.text)
  })
}
