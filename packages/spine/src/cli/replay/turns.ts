/** What a recorded turn becomes in use: memories with their author, and the last words of who hands over. */

import type { MemoryInput } from '../../protocol/memory.ts'
import { fitText, piecesOf, type Turn } from './log.ts'

/** Bytes of memories in one call, well below the limit of a body. */
const batch_bytes = 400_000
const batch_items = 500

const trustOf = { human: 'user', agent: 'agent', tool: 'tool' } as const

/** A turn is one memory, or as many as its text needs; an empty one is none. */
export function memoriesOf({ i, agent, role, content }: Turn, stem: string, task_id: string): MemoryInput[] {
  return piecesOf(content).map((piece, index) => ({
    id: index === 0 ? `${stem}:${i}` : `${stem}:${i}.${index + 1}`,
    content: piece,
    kind: role === 'tool' ? 'tool_result' : 'message',
    author: agent,
    trust: trustOf[role],
    task_id,
    ...(index > 0 && { title: `turn ${i}, part ${index + 1}` }),
  }))
}

/** In calls that the door lets in. */
export function batchesOf(memories: readonly MemoryInput[]): MemoryInput[][] {
  const batches: MemoryInput[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const memory of memories) {
    const size = Buffer.byteLength(JSON.stringify(memory))
    if (bytes + size > batch_bytes || (batches.at(-1)?.length ?? 0) >= batch_items) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)?.push(memory)
    bytes += size
  }
  return batches
}

/** The last message of the agent that hands over, else of anybody before it. */
export function lastWords(turns: readonly Turn[], at_turn: number, from_agent: string): string {
  const before = turns.slice(0, at_turn).filter(({ content }) => content.trim() !== '')
  const last = before.findLast(({ agent }) => agent === from_agent) ?? before.at(-1)
  return last ? fitText(last.content) : `${from_agent} has said nothing.`
}
