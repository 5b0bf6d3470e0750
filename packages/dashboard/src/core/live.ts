/**
 * What the pages show, kept fresh: an answer is read once for everybody who looks at it, read again when an event says
 * that it has changed, and kept while it cannot be read. A list that changes a hundred times a second is read once a second.
 */

import { useEffect, useState } from 'preact/hooks'
import type { SpineEvent } from '../../../spine/src/protocol/event.ts'
import { type Failure, failureOf } from './failure.ts'
import { onSession } from './session.ts'
import { type Connection, onConnection, onEvent } from './stream.ts'

export type Answer<T> = {
  /** The last that could be read; it stays when a later reading fails. */
  value?: T
  failure?: Failure
  /** When `value` was read, ms since 1970. */
  at?: number
}

export type Live<T> = Answer<T> & { again: () => void }

type Read<T> = (signal: AbortSignal) => Promise<T>
type Affects = (event: SpineEvent) => boolean

type Entry = {
  answer: Answer<unknown>
  read: Read<unknown>
  affects: Affects
  listeners: Set<() => void>
  reading: AbortController | undefined
  /** An event came while it was being read, or too soon after. */
  stale: boolean
  timer: ReturnType<typeof setTimeout> | undefined
  last_read: number
}

const least_pause_ms = 1_000
const most_kept = 60

const entries = new Map<string, Entry>()

const never: Affects = () => false

/** `key` names the answer: all who give the same one share it; none reads nothing. */
export function useLive<T>(key: string | undefined, read: Read<T>, affects: Affects = never): Live<T> {
  const [, redraw] = useState(0)
  useEffect(() => {
    if (key === undefined) return
    const entry = entryOf(key, read, affects)
    const listener = () => redraw((count) => count + 1)
    entry.listeners.add(listener)
    if (entry.answer.at === undefined || entry.stale) refresh(entry)
    else listener()
    return () => {
      entry.listeners.delete(listener)
      forgetOld()
    }
    // The key says all that `read` depends on.
  }, [key])
  const current = () => (key === undefined ? undefined : entries.get(key))
  const again = () => {
    const entry = current()
    if (entry) refresh(entry)
  }
  return { ...((current()?.answer ?? {}) as Answer<T>), again }
}

function entryOf(key: string, read: Read<unknown>, affects: Affects): Entry {
  const known = entries.get(key)
  if (known) {
    Object.assign(known, { read, affects })
    return known
  }
  const made: Entry = {
    answer: {},
    read,
    affects,
    listeners: new Set(),
    reading: undefined,
    stale: false,
    timer: undefined,
    last_read: 0,
  }
  entries.set(key, made)
  return made
}

function refresh(entry: Entry): void {
  clearTimeout(entry.timer)
  entry.timer = undefined
  entry.stale = false
  entry.last_read = Date.now()
  entry.reading?.abort()
  const reading = new AbortController()
  entry.reading = reading
  const settle = (answer: Answer<unknown>) => {
    if (entry.reading !== reading) return
    entry.reading = undefined
    entry.answer = answer
    for (const listener of [...entry.listeners]) listener()
    if (entry.stale) later(entry)
  }
  entry.read(reading.signal).then(
    (value) => settle({ value, at: Date.now() }),
    (error: unknown) => settle({ ...entry.answer, failure: failureOf(error) }),
  )
}

function later(entry: Entry): void {
  entry.stale = true
  // A page that nobody sees is read when it is looked at again.
  if (entry.timer !== undefined || entry.reading || entry.listeners.size === 0 || document.hidden) return
  entry.timer = setTimeout(() => refresh(entry), Math.max(0, entry.last_read + least_pause_ms - Date.now()))
}

/** Reads again what is looked at, after a change made from this page. */
export function refreshAll(): void {
  for (const entry of entries.values())
    if (entry.listeners.size > 0) refresh(entry)
    else entry.stale = true
}

function forgetOld(): void {
  for (const [key, { listeners }] of entries) {
    if (entries.size <= most_kept) return
    if (listeners.size === 0) entries.delete(key)
  }
}

onEvent((event) => {
  for (const entry of entries.values()) if (entry.affects(event)) later(entry)
})

document.addEventListener('visibilitychange', () => {
  for (const entry of entries.values()) if (entry.stale) later(entry)
})

let lost = false
onConnection(({ state }: Connection) => {
  // What happened meanwhile comes as events; what failed to be read does not.
  if (state === 'live' && lost) refreshAll()
  lost = state === 'lost'
})

onSession(() => {
  for (const entry of entries.values()) {
    entry.answer = {}
    entry.reading?.abort()
    entry.reading = undefined
  }
  refreshAll()
})
