/** `memory-spine memories`: store, find and read memories from a terminal. */

import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import type { Memory, MemoryInput, MemoryKind } from '../protocol/memory.ts'
import type { Priority } from '../protocol/scalars.ts'
import { UsageError } from './config.ts'
import type { Connection } from './connection.ts'
import { clip, type Output, table } from './output.ts'

type Shown = Memory & { score?: number }

function sayMemories(memories: readonly Shown[], output: Output): void {
  const row = (one: Shown) => [
    one.id,
    one.kind,
    `${one.priority}${one.pinned ? ', pinned' : ''}`,
    clip(one.title ?? one.content, 48),
  ]
  output.say(memories.length > 0 ? table(['id', 'kind', 'priority', 'content'], memories.map(row)) : 'No memories.')
}

export type MemoryFilter = { task?: string; kind?: string; pinned?: boolean; limit?: string; after?: string }

export async function listMemories(
  { client, options }: Connection,
  filter: MemoryFilter,
  output: Output,
): Promise<number> {
  const { task, kind, pinned, limit, after } = filter
  const page = await client.memories.list(
    {
      ...(task && { task_id: task }),
      ...(kind && { kind: kind as MemoryKind }),
      ...(pinned && { pinned }),
      ...(limit && { limit: Number(limit) }),
      ...(after && { after }),
    },
    options,
  )
  sayMemories(page.memories as Memory[], output)
  if (page.next) output.say(`More: --after ${page.next}`)
  output.answer(page)
  return 0
}

export async function getMemory(
  { client, options }: Connection,
  id: string,
  version: string | undefined,
  output: Output,
): Promise<number> {
  const memory = await client.memories.get({ id, ...(version && { version: Number(version) }) }, options)
  output.say(
    `${memory.id} v${memory.version}: ${memory.kind} by ${memory.author}, ${memory.priority}${memory.pinned ? ', pinned' : ''}, ${memory.tokens} tokens, ${memory.updated_at}`,
  )
  output.say()
  output.say(memory.title ? `${memory.title}\n\n${memory.content}` : memory.content)
  output.answer(memory)
  return 0
}

export type SearchFilter = { task?: string; kind?: string; limit?: string; maxTokens?: string }

export async function searchMemories(
  { client, options }: Connection,
  query: string,
  filter: SearchFilter,
  output: Output,
): Promise<number> {
  const { task, kind, limit, maxTokens } = filter
  const found = await client.memories.search(
    {
      query,
      ...(limit && { limit: Number(limit) }),
      ...(maxTokens && { max_tokens: Number(maxTokens) }),
      filters: { ...(task && { task_id: task }), ...(kind && { kind: kind as MemoryKind }) },
    },
    options,
  )
  sayMemories(found.memories, output)
  output.answer(found)
  return 0
}

export type StoreFlags = {
  id?: string
  title?: string
  kind?: string
  tag?: string[]
  priority?: string
  task?: string
  pin?: boolean
  file?: string
}

/** The content comes from the argument, a file, or standard input when the argument is "-". */
export async function storeMemory(
  { client, options }: Connection,
  given: string | undefined,
  flags: StoreFlags,
  agent: string | undefined,
  output: Output,
): Promise<number> {
  if ((given === undefined) === (flags.file === undefined))
    throw new UsageError('Give the content as an argument ("-" reads standard input), or --file.')
  const content =
    flags.file !== undefined
      ? await readFile(flags.file, 'utf8')
      : given === '-'
        ? await readAll(process.stdin)
        : (given ?? '')
  const { id, title, kind, tag, priority, task, pin } = flags
  const memory: MemoryInput = {
    content,
    ...(id && { id }),
    ...(title && { title }),
    ...(kind && { kind: kind as MemoryKind }),
    ...(tag && { tags: tag }),
    ...(priority && { priority: priority as Priority }),
    ...(task && { task_id: task }),
    ...(pin && { pinned: true }),
    ...(agent && { author: agent }),
  }
  const stored = await client.memories.store({ memories: [memory] }, options)
  for (const one of stored.memories) output.say(`Stored ${one.id} v${one.version}, ${one.tokens} tokens.`)
  output.answer(stored)
  return 0
}
