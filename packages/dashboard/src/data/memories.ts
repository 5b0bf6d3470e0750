/** Memories by search or newest first, page by page, and one with all its versions. */

import { useEffect, useRef, useState } from 'preact/hooks'
import type { Memory, MemoryKind } from '../../../spine/src/protocol/memory.ts'
import { call } from '../core/call.ts'
import { type Failure, failureOf } from '../core/failure.ts'
import { type Live, useLive } from '../core/live.ts'
import { onSession } from '../core/session.ts'

export type ListedMemory = Memory & { score?: number }

type Wanted = { q: string; kind: string; pinned: boolean }
type Pages = { rows?: ListedMemory[]; next?: string | undefined; failure?: Failure }
/** One search with the end of what was read of it. Aborted when another one takes its place. */
type Query = { signal: AbortSignal; next: string | undefined }

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
  const current = useRef<Query>(undefined)
  const anew = () => {
    setPages({})
    setTurn((count) => count + 1)
  }
  useEffect(() => onSession(anew), [])
  useEffect(() => {
    const reading = new AbortController()
    const query: Query = { signal: reading.signal, next: undefined }
    current.current = query
    const read = async () => {
      try {
        const page = await readPage(wanted, undefined, query.signal)
        query.next = page.next
        setPages(page)
      } catch (error) {
        if (!query.signal.aborted) setPages((known) => ({ ...known, failure: failureOf(error) }))
      }
    }
    const timer = setTimeout(read, pages.rows ? typing_ms : 0)
    return () => {
      clearTimeout(timer)
      reading.abort()
    }
  }, [key, turn])
  const more = async () => {
    const query = current.current
    if (query?.next === undefined) return
    const { next, signal } = query
    query.next = undefined
    try {
      const older = await readPage(wanted, next, signal)
      query.next = older.next
      setPages((known) => ({ rows: [...(known.rows ?? []), ...(older.rows ?? [])], next: older.next }))
    } catch {
      // The end of the list stays where it is; scrolling asks again.
      query.next = next
    }
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
