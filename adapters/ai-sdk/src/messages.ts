/** Messages of the AI SDK, to and from the turns that a history is made of. */

import type { ModelMessage } from 'ai'
import type { Turn } from 'memory-spine'

type Part = { type: string; text?: string; toolCallId?: string; toolName?: string; input?: unknown; output?: unknown }

const partsOf = (content: ModelMessage['content']): Part[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : (content as Part[])

/** A result has its value behind a tag that says what it is. */
const resultIn = (output: unknown): unknown => {
  const { value } = (output ?? {}) as { value?: unknown }
  return value === undefined ? null : value
}

/** Texts, tool calls and their results, in order; files and reasoning stay where they are. */
export function turnsOfMessages(messages: readonly ModelMessage[]): Turn[] {
  return messages.flatMap(({ role, content }) => {
    const turns: Turn[] = []
    for (const part of partsOf(content)) {
      const last = turns.at(-1)
      if (part.type === 'text' && role !== 'tool') {
        if (last?.kind === 'message') turns[turns.length - 1] = { ...last, text: last.text + (part.text ?? '') }
        else turns.push({ kind: 'message', role, text: part.text ?? '' })
      } else if (part.type === 'tool-call')
        turns.push({
          kind: 'call',
          call_id: String(part.toolCallId),
          name: String(part.toolName),
          arguments: part.input,
        })
      else if (part.type === 'tool-result')
        turns.push({ kind: 'result', call_id: String(part.toolCallId), output: resultIn(part.output) })
    }
    return turns
  })
}

export function messagesOfTurns(turns: readonly Turn[]): ModelMessage[] {
  const names = new Map(turns.flatMap((turn) => (turn.kind === 'call' ? [[turn.call_id, turn.name] as const] : [])))
  return turns.map((turn): ModelMessage => {
    if (turn.kind === 'message') return { role: turn.role, content: turn.text }
    const { call_id: toolCallId } = turn
    if (turn.kind === 'call')
      return {
        role: 'assistant',
        content: [{ type: 'tool-call', toolCallId, toolName: turn.name, input: turn.arguments }],
      }
    const output =
      typeof turn.output === 'string'
        ? ({ type: 'text', value: turn.output } as const)
        : ({ type: 'json', value: (turn.output ?? null) as never } as const)
    return {
      role: 'tool',
      content: [{ type: 'tool-result', toolCallId, toolName: names.get(toolCallId) ?? 'unknown', output }],
    }
  })
}
