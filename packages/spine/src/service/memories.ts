/** Memories: store, read, change, pin. What was stored is readable at once by everybody. */

import type { z } from 'zod'
import { sha256 } from '../protocol/canonical.ts'
import type { contract } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Gap, Memory, memoryInput } from '../protocol/memory.ts'
import { priorities, toMs } from '../protocol/scalars.ts'
import type { Row, Statement } from '../store/database.ts'
import * as sql from '../store/memories.ts'
import type { Caller, Service } from './context.ts'
import { toMemory, toVersion } from './documents.ts'
import { claimKey, earlierRef, findEarlier, type KeyClaim, readKeys, takeKeys } from './idempotency.ts'
import { countLong, DEFAULT_TOKENIZER, tokenizer } from './tokenizers.ts'

type In<N extends keyof typeof contract.memories> = z.output<(typeof contract.memories)[N]['input']>
type Given = z.output<typeof memoryInput>

/** Where a page of a list goes on when nothing was given. */
const NEWEST = Number.MAX_SAFE_INTEGER

/** Rows by id, deleted and expired ones included. */
export async function memoryRows({ database }: Service, ns: string, ids: readonly string[]): Promise<Map<string, Row>> {
  const distinct = [...new Set(ids)]
  const statements = sql.memoriesById(
    database.dialect,
    distinct.map((id) => ({ id })),
    { ns },
  )
  const tables = await Promise.all(statements.map((statement) => database.read(statement)))
  return new Map(tables.flat().map((row) => [String(row.id), row]))
}

/** Why a row cannot be used, if it cannot. */
export function gapReason(
  row: Row | undefined,
  now: number,
): Extract<Gap['reason'], 'not_found' | 'deleted' | 'expired'> | undefined {
  if (!row) return 'not_found'
  if (row.deleted_at !== null) return 'deleted'
  return row.expires_at !== null && Number(row.expires_at) <= now ? 'expired' : undefined
}

async function liveRow(service: Service, ns: string, id: string): Promise<Row> {
  const row = (await memoryRows(service, ns, [id])).get(id)
  const reason = gapReason(row, service.clock.now())
  if (row && !reason) return row
  throw new SpineError('MEMORY_NOT_FOUND', `There is no memory ${id} in namespace ${ns} (${reason}).`, { id, reason })
}

export async function versionRow(
  { database }: Service,
  ns: string,
  id: string,
  version: number,
): Promise<Row | undefined> {
  const [statement] = sql.versionsById(database.dialect, [{ id, version }], { ns })
  return statement && (await database.read(statement))[0]
}

export function memoryOperations(service: Service) {
  const { database, clock } = service
  const { dialect } = database

  /** Numbers order memories and name those without an id; ids like ms-7 that callers chose are never given out. */
  const takeNumbers = async (ns: string, memories: readonly Given[]): Promise<number> => {
    const chosen = memories.map(({ id }) => Number(/^ms-(\d{1,15})$/.exec(id ?? '')?.[1] ?? 0))
    const count = memories.length
    const [, [row] = []] = await database.write([
      sql.openCounter(dialect, { ns }),
      sql.takeNumbers(dialect, { ns, count, floor: Math.max(0, ...chosen) }),
    ])
    return Number(row?.value) - count + 1
  }

  const toRow = async (memory: Given, index: number, seq: number, caller: Caller, claim: KeyClaim | undefined) => ({
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
    digest: `sha256:${sha256(memory.content)}`,
    tokens: await countLong(memory.content, await tokenizer(DEFAULT_TOKENIZER)),
    supersedes: memory.supersedes ?? null,
    expires_at: memory.expires_at === undefined ? null : toMs(memory.expires_at),
    created_at: memory.created_at === undefined ? clock.now() : toMs(memory.created_at),
    key: claim?.key ?? null,
    owner: claim?.owner ?? null,
  })

  const store = async (memories: readonly Given[], key: string | undefined, caller: Caller): Promise<Memory[]> => {
    const { ns } = caller
    const asKey = (ref: string) => claimKey(service, { ns, key, operation: 'memories.store', body: memories, ref })
    const earlier = await findEarlier(service, asKey(''))
    if (earlier !== undefined) return storedBefore(ns, earlier)

    const first = await takeNumbers(ns, memories)
    const claim = asKey(JSON.stringify(memories.map(({ id }, index) => id ?? `ms-${first + index}`)))
    const rows = []
    for (const [index, memory] of memories.entries())
      rows.push(await toRow(memory, index, first + index, caller, claim))

    const batch: Statement[] = claim ? takeKeys(service, [claim]) : []
    const stored: number[] = []
    for (const list of withoutRepeats(rows)) {
      for (const statement of sql.storeMemories(dialect, list, { now: clock.now() }))
        stored.push(batch.push(statement) - 1)
      batch.push(...sql.keepVersions(dialect, list, { ns }))
    }
    const replaced = rows.flatMap(({ id, supersedes }) => (supersedes === null ? [] : [{ id: supersedes, by: id }]))
    batch.push(...sql.markSuperseded(dialect, lastOfEach(replaced), { ns }))
    if (claim) batch.push(...readKeys(service, [claim]))

    const tables: Row[][] = await database.write(batch)
    const faster = claim && earlierRef(claim, tables.at(-1) ?? [])
    if (faster !== undefined) return storedBefore(ns, faster)
    const answers: Row[] = stored.flatMap((index) => tables[index] ?? [])
    return answers.sort((left, right) => Number(left.seq) - Number(right.seq)).map(toMemory)
  }

  /** What an earlier call with the same key stored, as it is now. */
  const storedBefore = async (ns: string, ref: string): Promise<Memory[]> => {
    const ids: string[] = JSON.parse(ref)
    const found = await memoryRows(service, ns, ids)
    const rows = ids.map((id) => found.get(id)).filter((row) => row !== undefined)
    return rows.filter((row) => row.deleted_at === null).map(toMemory)
  }

  const setPinned = async (ns: string, id: string, pinned: 0 | 1): Promise<Memory> => {
    const [[row] = []] = await database.write([sql.setPinned(dialect, { ns, id, pinned, now: clock.now() })])
    return toMemory(row ?? (await liveRow(service, ns, id)))
  }

  return {
    store: async (input: In<'store'>, caller: Caller) => {
      const { idempotency_key, ...given } = input
      return { memories: await store('memories' in given ? given.memories : [given], idempotency_key, caller) }
    },

    get: async ({ id, version }: In<'get'>, { ns }: Caller) => {
      const row = await liveRow(service, ns, id)
      if (version === undefined || version === row.version) return toMemory(row)
      const older = await versionRow(service, ns, id, version)
      if (!older) throw new SpineError('MEMORY_NOT_FOUND', `Memory ${id} has no version ${version}.`, { id, version })
      return toVersion(row, older)
    },

    update: async ({ id, if_match, ...patch }: In<'update'>, caller: Caller) => {
      const { ns } = caller
      const wanted = if_match === undefined ? undefined : Number(String(if_match).replace(/^W\/|"/g, ''))
      for (;;) {
        const row = await liveRow(service, ns, id)
        const version = Number(row.version)
        if (wanted !== undefined && wanted !== version)
          throw new SpineError('VERSION_CONFLICT', `Memory ${id} has version ${version}, not ${if_match}.`, {
            id,
            version,
          })
        const next = { ...toMemory(row), ...(withoutUndefined(patch) as Partial<Memory>) } as Memory
        const change = sql.updateMemory(dialect, {
          ns,
          id,
          version,
          content: next.content,
          title: next.title ?? null,
          kind: next.kind,
          tags: JSON.stringify(next.tags),
          priority: priorities.indexOf(next.priority),
          metadata: JSON.stringify(withSecrets(next.metadata, caller)),
          digest: `sha256:${sha256(next.content)}`,
          tokens: await countLong(next.content, await tokenizer(DEFAULT_TOKENIZER)),
          expires_at: next.expires_at == null ? null : toMs(next.expires_at),
          now: clock.now(),
        })
        const [[changed] = []] = await database.write([change, ...sql.keepVersions(dialect, [{ id }], { ns })])
        if (changed) return toMemory(changed)
      }
    },

    delete: async ({ id }: In<'delete'>, { ns }: Caller) => {
      const [[row] = []] = await database.write([
        sql.deleteMemory(dialect, { ns, id, now: clock.now() }),
        sql.deleteVersions(dialect, { ns, id }),
      ])
      if (!row) throw new SpineError('MEMORY_NOT_FOUND', `There is no memory ${id} in namespace ${ns}.`, { id })
      return { id, deleted: true }
    },

    list: async ({ task_id, kind, pinned, limit, after }: In<'list'>, { ns }: Caller) => {
      const rows = await database.read(
        sql.listMemories(dialect, {
          ns,
          task_id: task_id ?? null,
          kind: kind ?? null,
          pinned: pinned === undefined ? null : Number(pinned),
          before: after === undefined ? NEWEST : positionOf(after),
          now: clock.now(),
          limit,
        }),
      )
      const last = rows.length === limit ? rows.at(-1) : undefined
      return { memories: rows.map(toMemory), ...(last ? { next: String(last.seq) } : {}) }
    },

    pin: async ({ id }: In<'pin'>, { ns }: Caller) => setPinned(ns, id, 1),
    unpin: async ({ id }: In<'unpin'>, { ns }: Caller) => setPinned(ns, id, 0),
  }
}

/** Notes that an envelope's reader may need: what is missing here was a secret, and which ones were the same. */
const MAX_NOTES = 20

/** The metadata with what the guard found in this memory; `index` is its place where many are stored. */
function withSecrets(metadata: Memory['metadata'], { secrets }: Caller, index = 0): Memory['metadata'] {
  const own = secrets.filter(({ path }) => path[0] !== 'memories' || path[1] === index)
  if (own.length === 0) return metadata
  const notes = own.slice(0, MAX_NOTES).map(({ path, kind, hash }) => {
    const place = path[0] === 'memories' ? path.slice(2) : path
    return { in: place.join('.'), kind, hash }
  })
  return { ...metadata, secrets: notes }
}

function positionOf(after: string): number {
  const position = Number(after)
  if (Number.isSafeInteger(position)) return position
  throw new SpineError(
    'INVALID_INPUT',
    `after: ${JSON.stringify(after)} is not a place in this list; give back \`next\` as it came.`,
  )
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

const withoutUndefined = <T extends object>(value: T): Partial<T> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>
