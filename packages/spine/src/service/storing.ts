/** Storing memories: numbers, versions, what they replace, and their place in the term index, in one commit. */

import type { z } from 'zod'
import type { Memory, memoryInput } from '../protocol/memory.ts'
import { priorities, toMs } from '../protocol/scalars.ts'
import { TOK_VERSION } from '../rules/terms.ts'
import type { Row, Statement } from '../store/database.ts'
import * as sql from '../store/memories.ts'
import { leaveForGood, leaveToReturn } from '../store/postings.ts'
import type { Caller, Service } from './context.ts'
import { toMemory } from './documents.ts'
import { claimKey, earlierRef, findEarlier, type KeyClaim, readKeys, takeKeys } from './idempotency.ts'
import { enter, indexText, leave } from './indexing.ts'
import { contentDigest, memoryRows } from './memory-rows.ts'
import { countLong, DEFAULT_TOKENIZER, tokenizer } from './tokenizers.ts'

type Given = z.output<typeof memoryInput>

/** Notes that an envelope's reader may need: what is missing here was a secret, and which ones were the same. */
const MAX_NOTES = 20

export async function storeMemories(
  service: Service,
  memories: readonly Given[],
  key: string | undefined,
  caller: Caller,
): Promise<Memory[]> {
  const { database, clock } = service
  const { dialect } = database
  const { ns } = caller
  const asKey = (ref: string) => claimKey(service, { ns, key, operation: 'memories.store', body: memories, ref })
  const earlier = await findEarlier(service, asKey(''))
  if (earlier !== undefined) return storedBefore(service, ns, earlier)

  const first_seq = await takeNumbers(service, ns, memories)
  const claim = asKey(JSON.stringify(memories.map(({ id }, index) => id ?? `ms-${first_seq + index}`)))
  const made = await rowsOf(service, memories, first_seq, caller, claim)
  const rows = made.map(({ row }) => row)

  const batch: Statement[] = claim ? takeKeys(service, [claim]) : []
  const known = [...new Set(memories.flatMap(({ id }) => id ?? []))].sort()
  if (known.length > 0) {
    const owned = known.map((id) => ({ id, key: claim?.key ?? null, owner: claim?.owner ?? null }))
    batch.push(...leaveToReturn(dialect, owned, { ns }), ...leave(dialect, ns))
  }
  const stored: number[] = []
  for (const list of withoutRepeats(rows)) {
    for (const statement of sql.storeMemories(dialect, list, { now: clock.now(), first_seq, indexed: TOK_VERSION }))
      stored.push(batch.push(statement) - 1)
    batch.push(...sql.keepVersions(dialect, list, { ns }))
  }
  batch.push(
    ...enter(
      dialect,
      ns,
      made.map(({ row, postings }) => ({ ...row, postings })),
      null,
    ),
  )
  const replaced = lastOfEach(
    rows.flatMap(({ id, supersedes }) => (supersedes === null ? [] : [{ id: supersedes, by: id }])),
  )
  if (replaced.length > 0)
    batch.push(
      ...sql.markSuperseded(dialect, replaced, { ns }),
      ...leaveForGood(
        dialect,
        replaced.map(({ id }) => ({ id })),
        { ns },
      ),
      ...leave(dialect, ns),
    )
  if (claim) batch.push(...readKeys(service, [claim]))

  const tables: Row[][] = await database.write(batch)
  const faster = claim && earlierRef(claim, tables.at(-1) ?? [])
  if (faster !== undefined) return storedBefore(service, ns, faster)
  const answers: Row[] = stored.flatMap((index) => tables[index] ?? [])
  return answers.sort((left, right) => Number(left.seq) - Number(right.seq)).map(toMemory)
}

/** Numbers order memories and name those without an id; ids like ms-7 that callers chose are never given out. */
async function takeNumbers({ database }: Service, ns: string, memories: readonly Given[]): Promise<number> {
  const chosen = memories.map(({ id }) => Number(/^ms-(\d{1,15})$/.exec(id ?? '')?.[1] ?? 0))
  const count = memories.length
  const [, [row] = []] = await database.write([
    sql.openCounter(database.dialect, { ns }),
    sql.takeNumbers(database.dialect, { ns, count, floor: Math.max(0, ...chosen) }),
  ])
  return Number(row?.value) - count + 1
}

async function rowsOf(
  { clock }: Service,
  memories: readonly Given[],
  first_seq: number,
  caller: Caller,
  claim: KeyClaim | undefined,
) {
  const count = await tokenizer(DEFAULT_TOKENIZER)
  const said = new Map<string, number>()
  const made = []
  for (const [index, memory] of memories.entries()) {
    const seq = first_seq + index
    const tokens = await countLong(memory.content, count)
    const session = sessionOf(memory)
    const before = said.get(session) ?? 0
    said.set(session, before + tokens)
    const { row: outline, postings } = await indexText({ ...memory, tokens })
    const row = {
      ns: caller.ns,
      id: memory.id ?? `ms-${seq}`,
      seq,
      content: memory.content,
      title: memory.title ?? null,
      kind: memory.kind,
      tags: JSON.stringify(memory.tags),
      priority: priorities.indexOf(memory.priority),
      pinned: memory.pinned ? 1 : 0,
      task_id: memory.task_id ?? null,
      author: memory.author ?? caller.agent ?? 'unknown',
      trust: memory.trust,
      metadata: JSON.stringify(withSecrets(memory.metadata, caller, index)),
      digest: contentDigest(memory.content),
      tokens,
      supersedes: memory.supersedes ?? null,
      expires_at: memory.expires_at === undefined ? null : toMs(memory.expires_at),
      created_at: memory.created_at === undefined ? clock.now() : toMs(memory.created_at),
      session,
      before,
      ...outline,
      key: claim?.key ?? null,
      owner: claim?.owner ?? null,
    }
    made.push({ row, postings })
  }
  return made
}

/** The metadata with what the guard found in this memory; `index` is its place where many are stored. */
export function withSecrets(metadata: Memory['metadata'], { secrets }: Caller, index = 0): Memory['metadata'] {
  const own = secrets.filter(({ path }) => path[0] !== 'memories' || path[1] === index)
  if (own.length === 0) return metadata
  const notes = own.slice(0, MAX_NOTES).map(({ path, kind, hash }) => {
    const place = path[0] === 'memories' ? path.slice(2) : path
    return { in: place.join('.'), kind, hash }
  })
  return { ...metadata, secrets: notes }
}

/** What was said together: `metadata.session`, else the task. Memories of one session are each other's context. */
const sessionOf = ({ metadata, task_id }: Given): string =>
  typeof metadata.session === 'string' ? metadata.session : (task_id ?? '')

/** What an earlier call with the same key stored, as it is now. */
async function storedBefore(service: Service, ns: string, ref: string): Promise<Memory[]> {
  const ids: string[] = JSON.parse(ref)
  const found = await memoryRows(service, ns, ids)
  const rows = ids.map((id) => found.get(id)).filter((row) => row !== undefined)
  return rows.filter((row) => row.deleted_at === null).map(toMemory)
}

/** PostgreSQL refuses one id twice in a statement: the k-th mention of an id goes into the k-th list. */
function withoutRepeats<T extends { id: string }>(rows: readonly T[]): T[][] {
  const lists: T[][] = []
  const seen = new Map<string, number>()
  for (const row of rows) {
    const turn = seen.get(row.id) ?? 0
    seen.set(row.id, turn + 1)
    const list = lists[turn] ?? []
    list.push(row)
    lists[turn] = list
  }
  return lists
}

const lastOfEach = <T extends { id: string }>(rows: readonly T[]): T[] => [
  ...new Map(rows.map((row) => [row.id, row])).values(),
]
