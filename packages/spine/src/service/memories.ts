/** Memories: store, read, change, pin. What was stored is readable at once by everybody. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Memory } from '../protocol/memory.ts'
import { priorities, toMs } from '../protocol/scalars.ts'
import { TOK_VERSION } from '../rules/terms.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/memories.ts'
import { leaveForGood, leaveToChange } from '../store/postings.ts'
import type { Caller, Service } from './context.ts'
import { toMemory, toVersion } from './documents.ts'
import { enter, indexText, leave } from './indexing.ts'
import { absence, contentDigest, isWhole, leftOut, memoryRows, versionRow } from './memory-rows.ts'
import { storeMemories, withSecrets } from './storing.ts'
import { countLong, DEFAULT_TOKENIZER, tokenizer } from './tokenizers.ts'

type In<N extends keyof typeof contract.memories> = z.output<(typeof contract.memories)[N]['input']>

/** Where a page of a list goes on when nothing was given. */
const NEWEST = Number.MAX_SAFE_INTEGER

async function liveRow(service: Service, ns: string, id: string): Promise<Row> {
  const row = (await memoryRows(service, ns, [id])).get(id)
  const reason = absence(row, service.clock.now())
  if (row && !reason) return row
  throw new SpineError('MEMORY_NOT_FOUND', `There is no memory ${id} in namespace ${ns} (${reason}).`, { id, reason })
}

export function memoryOperations(service: Service) {
  const { database, clock } = service
  const { dialect } = database

  const setPinned = async (ns: string, id: string, pinned: 0 | 1): Promise<Memory> => {
    const [[row] = []] = await database.write([sql.setPinned(dialect, { ns, id, pinned, now: clock.now() })])
    return toMemory(row ?? (await liveRow(service, ns, id)))
  }

  return {
    store: async (input: In<'store'>, caller: Caller) => {
      const { idempotency_key, ...given } = input
      return {
        memories: await storeMemories(service, 'memories' in given ? given.memories : [given], idempotency_key, caller),
      }
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
        const changes = withoutUndefined(patch) as Partial<Memory>
        if (Object.keys(changes).length === 0) return toMemory(row)
        const next = { ...toMemory(row), ...changes } as Memory
        const digest = contentDigest(next.content)
        const tokens = await countLong(next.content, await tokenizer(DEFAULT_TOKENIZER))
        const indexed = await indexText({ ...next, tokens })
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
          digest,
          tokens,
          expires_at: next.expires_at == null ? null : toMs(next.expires_at),
          indexed: TOK_VERSION,
          ...indexed.row,
          now: clock.now(),
        })
        const { seq, author } = { seq: Number(row.seq), author: next.author }
        const before = [leaveToChange(dialect, { ns, id, version }), ...leave(dialect, ns)]
        const after = [
          ...sql.keepVersions(dialect, [{ id }], { ns }),
          ...enter(dialect, ns, [{ seq, author, postings: indexed.postings }], digest),
        ]
        const changed = (await database.write([...before, change, ...after]))[before.length]?.[0]
        if (changed) return toMemory(changed)
      }
    },

    delete: async ({ id }: In<'delete'>, { ns }: Caller) => {
      const [[row] = []] = await database.write([
        sql.deleteMemory(dialect, { ns, id, now: clock.now() }),
        sql.deleteVersions(dialect, { ns, id }),
        ...leaveForGood(dialect, [{ id }], { ns }),
        ...leave(dialect, ns),
      ])
      if (!row) throw new SpineError('MEMORY_NOT_FOUND', `There is no memory ${id} in namespace ${ns}.`, { id })
      return { id, deleted: true }
    },

    list: async ({ task_id, kind, pinned, limit, after }: In<'list'>, { ns, warn }: Caller) => {
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
      const damaged = rows.filter((row) => !isWhole(row))
      if (damaged.length > 0) warn(leftOut(damaged.map((row) => String(row.id))))
      return { memories: rows.filter(isWhole).map(toMemory), ...(last ? { next: String(last.seq) } : {}) }
    },

    pin: async ({ id }: In<'pin'>, { ns }: Caller) => setPinned(ns, id, 1),
    unpin: async ({ id }: In<'unpin'>, { ns }: Caller) => setPinned(ns, id, 0),
  }
}

function positionOf(after: string): number {
  const position = Number(after)
  if (Number.isSafeInteger(position)) return position
  throw new SpineError(
    'INVALID_INPUT',
    `after: ${JSON.stringify(after)} is not a place in this list; give back \`next\` as it came.`,
  )
}

const withoutUndefined = <T extends object>(value: T): Partial<T> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>
