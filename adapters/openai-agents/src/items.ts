/** Items of the OpenAI Agents SDK, to and from the turns that a history is made of. */

import type { AgentInputItem } from '@openai/agents'
import type { Turn } from 'memory-spine'

type Loose = Record<string, unknown>

const partText = (part: unknown): string => {
  const { text, refusal, transcript } = part as { text?: unknown; refusal?: unknown; transcript?: unknown }
  return [text, refusal, transcript].find((words): words is string => typeof words === 'string') ?? ''
}

const textOf = (content: unknown): string =>
  typeof content === 'string' ? content : Array.isArray(content) ? content.map(partText).join('') : partText(content)

/** Arguments are a text of JSON, as the model wrote it; a text that is none is kept as it is. */
function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return text
  }
}

function outputOf(output: unknown): unknown {
  if (typeof output === 'string') return output
  const { text } = (output ?? {}) as { text?: unknown }
  return typeof text === 'string' ? text : output
}

/** Messages, function calls and their results. Reasoning and hosted tools stay where they are: they mean something to one model only. */
export function turnsOfItems(items: readonly AgentInputItem[]): Turn[] {
  return items.flatMap((item): Turn[] => {
    const { type, role, content, callId, name, arguments: args, output } = item as Loose
    if (type === 'function_call')
      return [{ kind: 'call', call_id: String(callId), name: String(name), arguments: parsed(args) }]
    if (type === 'function_call_result') return [{ kind: 'result', call_id: String(callId), output: outputOf(output) }]
    if (role === 'user' || role === 'assistant' || role === 'system')
      return [{ kind: 'message', role, text: textOf(content) }]
    return []
  })
}

export function itemsOfTurns(turns: readonly Turn[]): AgentInputItem[] {
  const names = new Map(turns.flatMap((turn) => (turn.kind === 'call' ? [[turn.call_id, turn.name] as const] : [])))
  return turns.map((turn): AgentInputItem => {
    if (turn.kind === 'call')
      return {
        type: 'function_call',
        callId: turn.call_id,
        name: turn.name,
        arguments: typeof turn.arguments === 'string' ? turn.arguments : JSON.stringify(turn.arguments ?? {}),
        status: 'completed',
      }
    if (turn.kind === 'result') {
      const text = typeof turn.output === 'string' ? turn.output : JSON.stringify(turn.output ?? null)
      const name = names.get(turn.call_id) ?? 'unknown'
      return {
        type: 'function_call_result',
        callId: turn.call_id,
        name,
        status: 'completed',
        output: { type: 'text', text },
      }
    }
    if (turn.role === 'assistant')
      return { role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: turn.text }] }
    return { role: turn.role, content: turn.text }
  })
}
