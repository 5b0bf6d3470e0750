/** Memories by search or newest first, page by page, and one with all its versions. */

import { useEffect, useState } from 'preact/hooks'
import type { Memory, MemoryKind } from '../../../spine/src/protocol/memory.ts'
import { call } from '../core/call.ts'
import { type Failure, failureOf } from '../core/failure.ts'
import { type Live, useLive } from '../core/live.ts'
import { onSession } from '../core/session.ts'

export type ListedMemory = Memory & { score?: number }

type Wanted = { q: string; kind: string; pinned: boolean }
type Pages = { rows?: ListedMemory[]; next?: string | undefined; failure?: Failure }

const page_rows = 200
/** While somebody types. */
const typing_ms = 150

async function readPage({ q, kind, pinned }: Wanted, after: string | undefined, signal: AbortSignal): Promise<Pages> {
  const filter = { ...(kind && { kind: kind as MemoryKind }), ...(pinned && { pinned }) }
  if (q.trim()) {
    const { memories } = await call('memories', 'search', { query: q, limit: page_rows, filters: filter }, signal)
    return { rows: memories as ListedMemory[] }
  }
  const { memories, next } = await call(
    'memories',
    'list',
    { ...filter, limit: page_rows, ...(after && { after }) },
    signal,
  )
  return { rows: memories, next }
}

export function useMemories(wanted: Wanted): Pages & { whole: boolean; more: () => void; again: () => void } {
  const [pages, setPages] = useState<Pages>({})
  const [turn, setTurn] = useState(0)
  const key = JSON.stringify(wanted)
  useEffect(() => onSession(() => setTurn((count) => count + 1)), [])
  useEffect(() => {
    const reading = new AbortController()
    const read = () =>
      readPage(wanted, undefined, reading.signal).then(setPages, (error: unknown) => {
        if (!reading.signal.aborted) setPages((known) => ({ ...known, failure: failureOf(error) }))
      })
    const timer = setTimeout(read, pages.rows ? typing_ms : 0)
    return () => {
      clearTimeout(timer)
      reading.abort()
    }
  }, [key, turn])
  const [reading, setReading] = useState(false)
  const more = async () => {
    if (!pages.next || reading) return
    setReading(true)
    const older = await readPage(wanted, pages.next, new AbortController().signal).catch(() => undefined)
    if (older) setPages((known) => ({ rows: [...(known.rows ?? []), ...(older.rows ?? [])], next: older.next }))
    setReading(false)
  }
  return {
    ...pages,
    whole: pages.next === undefined,
    more: () => void more(),
    again: () => setTurn((count) => count + 1),
  }
}

/** The newest version. */
export const useMemory = (id: string): Live<Memory> =>
  useLive(`memory ${id}`, (signal) => call('memories', 'get', { id }, signal))

/** One of its versions as it was. */
export const useVersion = (id: string, version: number | undefined): Live<Memory> =>
  useLive(version === undefined ? undefined : `memory ${id} ${version}`, (signal) =>
    call('memories', 'get', { id, ...(version && { version }) }, signal),
  )
