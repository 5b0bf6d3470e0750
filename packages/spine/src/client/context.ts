/**
 * What the receiver of an envelope works with: the memories that travelled inside, those behind its references when
 * they are asked for, and an honest list of what is missing. A missing memory never stops the work.
 */

import type { Envelope, EnvelopeMemory } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Gap, Memory, ResolvePolicy } from '../protocol/memory.ts'
import { id as idSchema } from '../protocol/scalars.ts'
import type { Spine } from '../protocol/spine.ts'
import { currentOf } from '../protocol/versions.ts'

export type ContextOptions = {
  /** Which version of a memory is read. Default `latest`, which says when it moved on since sealing. */
  policy?: ResolvePolicy
  /** Ids that the work cannot do without: opening throws INCOMPLETE when one cannot be read. Default none. */
  require?: readonly string[]
  /** Ends the reading. */
  signal?: AbortSignal
}

/** A memory as its reader knows it now. */
export type ContextMemory = {
  id: string
  content: string
  version: number
  /** False when `content` is the excerpt that was sealed, and the whole text has not been read. */
  whole: boolean
  /** There is a newer version than the one that was sealed. */
  moved_on?: boolean
  title?: string
  kind?: string
  author?: string
  trust?: string
}

export type OpenContext = {
  /** What can be read without asking: sealed inline or read since, in the order of the envelope. */
  readonly memories: readonly ContextMemory[]
  readonly gaps: readonly Gap[]
  /** Whether something is missing. */
  readonly degraded: boolean
  /** Reads one memory whole; the sealed excerpt when that is all there is, undefined when it is a gap. */
  get(id: string): Promise<ContextMemory | undefined>
  /** Reads many in one call; what cannot be read is added to `gaps`. */
  fetch(ids: readonly string[]): Promise<ContextMemory[]>
  /** Reads the gaps once more, when what was away may be back; answers what is still missing. */
  retry(): Promise<readonly Gap[]>
  /** Puts the gaps into an output as `context_gaps`, so that the next reader knows; without gaps, as it is. */
  output(value?: unknown): unknown
}

type Described = Pick<Memory, 'id' | 'version'> & Partial<Pick<Memory, 'title' | 'kind' | 'author' | 'trust'>>

const described = (
  { id, version, title, kind, author, trust }: Described,
  content: string,
  whole: boolean,
): ContextMemory => ({
  id,
  content,
  version,
  whole,
  ...(title !== undefined && { title }),
  ...(kind !== undefined && { kind }),
  ...(author !== undefined && { author }),
  ...(trust !== undefined && { trust }),
})

const inline = (sealed: EnvelopeMemory): ContextMemory[] =>
  sealed.content === undefined
    ? []
    : [Object.freeze(described(sealed as Described, sealed.content, sealed.level === 'full'))]

/** References of one resolve call. */
const BATCH = 1_000

/** Opens the context of an envelope and tries its gaps again: what was missing at sealing may exist by now. */
export async function openContext(spine: Spine, given: Envelope, options: ContextOptions = {}): Promise<OpenContext> {
  const envelope = currentOf(given)
  const { policy = 'latest', require: required = [], signal } = options
  const known = new Map(envelope.memories.flatMap(inline).map((memory) => [memory.id, memory]))
  const gaps = new Map(envelope.completeness.gaps.map((gap) => [gap.id, gap]))
  const read = new Set<string>()

  async function resolve(refs: string[]): Promise<void> {
    try {
      const answer = await spine.memories.resolve({ refs, policy, envelope_id: envelope.id }, signal ? { signal } : {})
      for (const gap of answer.gaps) gaps.set(gap.id, gap)
      for (const memory of answer.memories) {
        const found = described(memory, memory.content, true)
        known.set(memory.id, Object.freeze(memory.moved_on ? { ...found, moved_on: true } : found))
        read.add(memory.id)
        gaps.delete(memory.id)
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof SpineError)) throw error
      // The spine cannot be asked, or does not have this envelope: its ids may mean other memories there.
      for (const id of refs) gaps.set(id, { id, reason: 'unavailable' })
    }
  }

  /** Only what is not whole yet. Under `sealed`, a full inline text is already the answer. */
  const needed = (id: string) => !(read.has(id) || (policy === 'sealed' && known.get(id)?.whole))

  async function fetchAll(ids: readonly string[]): Promise<ContextMemory[]> {
    const unique = [...new Set(ids)]
    const refs = unique.filter((id) => needed(id) && idSchema.safeParse(id).success)
    for (const id of unique)
      if (needed(id) && !refs.includes(id) && !gaps.has(id)) gaps.set(id, { id, reason: 'not_found' })
    for (let at = 0; at < refs.length; at += BATCH) await resolve(refs.slice(at, at + BATCH))
    // A text that is here in full is not missing, even when nobody could say whether it moved on.
    for (const id of refs) if (gaps.get(id)?.reason === 'unavailable' && known.get(id)?.whole) gaps.delete(id)
    return unique.flatMap((id) => (gaps.get(id)?.reason === 'changed' ? [] : (known.get(id) ?? [])))
  }

  await fetchAll([...gaps.keys(), ...required])
  const missing = required.filter((id) => gaps.has(id))
  if (missing.length > 0)
    throw new SpineError('INCOMPLETE', `Required memories could not be read: ${missing.join(', ')}.`, {
      gaps: missing.map((id) => gaps.get(id)),
    })

  return Object.freeze({
    get memories() {
      return [...known.values()]
    },
    get gaps() {
      return [...gaps.values()]
    },
    get degraded() {
      return gaps.size > 0
    },
    get: async (id: string) => (await fetchAll([id]))[0],
    fetch: fetchAll,
    async retry() {
      await fetchAll([...gaps.keys()])
      return [...gaps.values()]
    },
    output(value?: unknown) {
      if (gaps.size === 0) return value
      const open = typeof value === 'object' && value !== null && !Array.isArray(value)
      const members = open ? value : value === undefined ? {} : { result: value }
      return { ...members, context_gaps: [...gaps.values()] }
    },
  })
}
