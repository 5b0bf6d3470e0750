/**
 * What agents said and did, between the message formats of frameworks and the execution history of an envelope. A tool
 * call and its result become one entry, so that nothing on the way can tear them apart; frameworks refuse a call
 * without its result, and a result without its call.
 */

import type { HistoryEntry } from '../protocol/envelope.ts'

export type Turn =
  | { kind: 'message'; role: 'user' | 'assistant' | 'system'; text: string }
  | { kind: 'call'; call_id: string; name: string; arguments: unknown }
  | { kind: 'result'; call_id: string; output: unknown }

type Call = Extract<Turn, { kind: 'call' }>

/** Longer texts are cut: a history entry is no place for a file. */
const MAX_CHARS = 100_000
const clip = (text: string) => (text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 1)}…` : text).toWellFormed()

/** Undefined has no place in JSON. */
const given = (value: unknown) => (value === undefined ? null : value)

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

/**
 * The entries of an execution history, in order. Of a call id that stands twice the first call and the first result
 * count; a result that nobody asked for is left out; a call without a result says that it was not answered.
 */
export function historyOf(turns: readonly Turn[], agent: string): HistoryEntry[] {
  const results = new Map<string, unknown>()
  for (const turn of turns)
    if (turn.kind === 'result' && !results.has(turn.call_id)) results.set(turn.call_id, turn.output)
  const called = new Set<string>()
  return turns.flatMap((turn): HistoryEntry[] => {
    if (turn.kind === 'message') {
      const who = turn.role === 'user' ? 'user' : agent
      return [{ agent: who, action: clip(turn.text), role: turn.role }]
    }
    if (turn.kind === 'result' || called.has(turn.call_id)) return []
    called.add(turn.call_id)
    const { call_id, name, arguments: args } = turn
    const tool = { call_id, name, arguments: given(args) }
    if (!results.has(call_id)) return [{ agent, action: `called ${name}, which did not answer`, tool }]
    const answer = results.get(call_id)
    const words = clip(textOf(answer))
    return [
      { agent, action: `called ${name}`, tool, output: words, ...(words === answer ? {} : { result: given(answer) }) },
    ]
  })
}

/** A call that an entry tells of. */
function toolOf(entry: HistoryEntry): Omit<Call, 'kind'> | undefined {
  const { tool } = entry as { tool?: { call_id?: unknown; name?: unknown; arguments?: unknown } }
  if (typeof tool?.call_id !== 'string' || typeof tool.name !== 'string') return undefined
  return { call_id: tool.call_id, name: tool.name, arguments: tool.arguments }
}

const isRole = (role: unknown): role is 'user' | 'assistant' | 'system' =>
  role === 'user' || role === 'assistant' || role === 'system'

/** An entry that no transcript made, in words. */
function wordsOf({ agent, action, decision, reason, output }: HistoryEntry): string {
  const parts = [`${agent}: ${action}`, decision && `decided ${decision}`, reason && `because ${reason}`]
  return [...parts, typeof output === 'string' && `output: ${output}`].filter(Boolean).join('; ')
}

/**
 * Turns for a framework: each call is followed by its result, no call id stands twice, and what was not answered is
 * told in words. The one entry that stands for older ones is told in words too.
 */
export function turnsOf(history: readonly (HistoryEntry | { compacted: number })[]): Turn[] {
  const called = new Set<string>()
  return history.flatMap((entry): Turn[] => {
    if (!('action' in entry))
      return [{ kind: 'message', role: 'system', text: `${entry.compacted} earlier entries are left out here.` }]
    const known = entry as HistoryEntry
    const tool = toolOf(known)
    const role = known.role
    if (!tool) {
      if (isRole(role)) return [{ kind: 'message', role, text: known.action }]
      return [{ kind: 'message', role: 'assistant', text: wordsOf(known) }]
    }
    if (known.output === undefined || called.has(tool.call_id))
      return [{ kind: 'message', role: 'assistant', text: wordsOf(known) }]
    called.add(tool.call_id)
    const output = 'result' in known ? known.result : known.output
    return [
      { kind: 'call', ...tool },
      { kind: 'result', call_id: tool.call_id, output },
    ]
  })
}
