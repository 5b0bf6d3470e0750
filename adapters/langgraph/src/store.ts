/**
 * A LangGraph store over memories: what graphs keep across threads is then searched, pinned and handed over like every
 * other memory. Values are kept whole; their text is what is found.
 */

import { createHash } from 'node:crypto'
import { BaseStore, type Item, type Operation, type OperationResults } from '@langchain/langgraph'
import { type Memory, type MemorySpine, SpineError } from 'memory-spine'

export type SpineStoreOptions = { spine: MemorySpine }

type SearchItem = Awaited<ReturnType<BaseStore['search']>>[number]

type Get = { namespace: string[]; key: string }
type Put = { namespace: string[]; key: string; value: Record<string, unknown> | null }
type Search = {
  namespacePrefix: string[]
  filter?: Record<string, unknown>
  limit?: number
  offset?: number
  query?: string
}
type List = {
  matchConditions?: { matchType: 'prefix' | 'suffix'; path: string[] }[]
  maxDepth?: number
  limit: number
  offset: number
}

const TAG = 'langgraph'
/** Memories that one search looks through for a prefix and a filter. */
const LOOKED_THROUGH = 1_000

/** Namespaces and keys are any text: their digest is an id of any length. */
const idOf = (namespace: readonly string[], key: string) =>
  `lg-${createHash('sha256')
    .update(JSON.stringify([namespace, key]))
    .digest('hex')
    .slice(0, 40)}`

type Kept = { namespace: string[]; key: string; value: Record<string, unknown>; created_at: string }

const keptIn = ({ metadata }: Pick<Memory, 'metadata'>): Kept | undefined => metadata[TAG] as Kept | undefined

/** What can be found in a value: its texts, line by line. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([key, inner]) => `${key}: ${textOf(inner)}`)
    .join('\n')
}

function itemOf(memory: Memory): Item | undefined {
  const kept = keptIn(memory)
  if (!kept) return undefined
  const { namespace, key, value, created_at } = kept
  return { namespace, key, value, createdAt: new Date(created_at), updatedAt: new Date(memory.updated_at) }
}

const startsWith = (whole: readonly string[], prefix: readonly string[]) =>
  prefix.every((part, index) => part === '*' || whole[index] === part)

const endsWith = (whole: readonly string[], suffix: readonly string[]) =>
  whole.length >= suffix.length && startsWith(whole.slice(whole.length - suffix.length), suffix)

const operators: Readonly<Record<string, (found: unknown, wanted: unknown) => boolean>> = {
  $eq: (found, wanted) => found === wanted,
  $ne: (found, wanted) => found !== wanted,
  $gt: (found, wanted) => Number(found) > Number(wanted),
  $gte: (found, wanted) => Number(found) >= Number(wanted),
  $lt: (found, wanted) => Number(found) < Number(wanted),
  $lte: (found, wanted) => Number(found) <= Number(wanted),
}

function passes(value: Record<string, unknown>, filter: Record<string, unknown>): boolean {
  return Object.entries(filter).every(([key, wanted]) => {
    if (typeof wanted !== 'object' || wanted === null) return value[key] === wanted
    const conditions = Object.entries(wanted)
    if (!conditions.some(([name]) => name in operators)) return JSON.stringify(value[key]) === JSON.stringify(wanted)
    return conditions.every(([name, operand]) => operators[name]?.(value[key], operand) ?? false)
  })
}

export class SpineStore extends BaseStore {
  readonly #spine: MemorySpine

  constructor({ spine }: SpineStoreOptions) {
    super()
    this.#spine = spine
  }

  /** In order: what one operation puts, the next one finds. */
  async batch<Op extends Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    const results: unknown[] = []
    for (const operation of operations) results.push(await this.#run(operation))
    return results as OperationResults<Op>
  }

  #run(operation: Operation): Promise<unknown> {
    if ('namespacePrefix' in operation) return this.#search(operation as Search)
    if ('value' in operation) return this.#put(operation as Put)
    if ('key' in operation) return this.#get(operation as Get)
    return this.#list(operation as List)
  }

  async #get({ namespace, key }: Get): Promise<Item | null> {
    try {
      return itemOf(await this.#spine.memories.get({ id: idOf(namespace, key) })) ?? null
    } catch (error) {
      if (error instanceof SpineError && error.code === 'MEMORY_NOT_FOUND') return null
      throw error
    }
  }

  async #put({ namespace, key, value }: Put): Promise<void> {
    const id = idOf(namespace, key)
    if (value === null) {
      await this.#spine.memories.delete({ id }).catch((error) => {
        if (!(error instanceof SpineError && error.code === 'MEMORY_NOT_FOUND')) throw error
      })
      return
    }
    const before = await this.#get({ namespace, key })
    const created_at = (before?.createdAt ?? new Date()).toISOString()
    const metadata = { [TAG]: { namespace, key, value, created_at } } as never
    await this.#spine.memories.store({ id, content: textOf(value) || key, tags: [TAG], metadata })
  }

  async #search({ namespacePrefix, filter = {}, limit = 10, offset = 0, query }: Search): Promise<SearchItem[]> {
    const found = query ? await this.#found(query) : await this.#all()
    const items = found.flatMap((memory): SearchItem[] => {
      const item = itemOf(memory)
      if (!item || !startsWith(item.namespace, namespacePrefix) || !passes(item.value, filter)) return []
      const { score } = memory as { score?: number }
      return [score === undefined ? item : { ...item, score }]
    })
    return items.slice(offset, offset + limit)
  }

  async #found(query: string): Promise<Memory[]> {
    const { memories } = await this.#spine.memories.search({ query, limit: LOOKED_THROUGH, filters: { tag: TAG } })
    return memories as Memory[]
  }

  async #all(): Promise<Memory[]> {
    const all: Memory[] = []
    for (let after: string | undefined; ; ) {
      const page = await this.#spine.memories.list({ limit: LOOKED_THROUGH, ...(after === undefined ? {} : { after }) })
      all.push(...(page.memories as Memory[]).filter((memory) => memory.tags.includes(TAG)))
      if (!page.next) return all
      after = page.next
    }
  }

  async #list({ matchConditions = [], maxDepth, limit, offset }: List): Promise<string[][]> {
    const namespaces = new Map<string, string[]>()
    for (const memory of await this.#all()) {
      const namespace = keptIn(memory)?.namespace
      const wanted = matchConditions.every(({ matchType, path }) =>
        matchType === 'prefix' ? startsWith(namespace ?? [], path) : endsWith(namespace ?? [], path),
      )
      if (!namespace || !wanted) continue
      const shown = maxDepth === undefined ? namespace : namespace.slice(0, maxDepth)
      namespaces.set(JSON.stringify(shown), shown)
    }
    const sorted = [...namespaces].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, namespace]) => namespace)
    return sorted.slice(offset, offset + limit)
  }
}
