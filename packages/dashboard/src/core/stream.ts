/**
 * The event stream: one connection for the whole page, picked up at the last cursor when it breaks. It is read with
 * fetch, because an EventSource cannot send a key.
 */

import type { SpineEvent } from '../../../spine/src/protocol/event.ts'
import { failureIn } from './failure.ts'
import { onSession, sessionHeaders } from './session.ts'
import { notify, useWatched, watch } from './watch.ts'

export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  /** `since`, `again_at`: ms since 1970. */
  | { state: 'lost'; since: number; again_at: number }

const first_wait_ms = 1_000
const longest_wait_ms = 8_000

const events = watch<SpineEvent>()
const connections = watch<Connection>()
let connection: Connection = { state: 'connecting' }
let cursor: string | undefined
let running: AbortController | undefined
let wake: (() => void) | undefined

export const onEvent = events.add
export const onConnection = connections.add
export const useConnection = (): Connection => useWatched(connections.add, readConnection)
const readConnection = () => connection

function set(next: Connection): void {
  connection = next
  notify(connections, next)
}

/** Does not wait for its turn. */
export const tryNow = (): void => wake?.()

/** Reads until told to stop; begins anew when the session changes. */
export function startStream(): () => void {
  const begin = () => {
    running?.abort()
    running = new AbortController()
    cursor = undefined
    void run(running.signal)
  }
  const stop = onSession(begin)
  begin()
  return () => {
    stop()
    running?.abort()
  }
}

async function run(signal: AbortSignal): Promise<void> {
  let wait_ms = first_wait_ms
  let since = 0
  while (!signal.aborted) {
    try {
      await read(signal, () => {
        wait_ms = first_wait_ms
        since = 0
        set({ state: 'live' })
      })
    } catch {
      // Whatever it was: it is tried again, and the banner says so.
    }
    if (signal.aborted) return
    since ||= Date.now()
    set({ state: 'lost', since, again_at: Date.now() + wait_ms })
    await pause(wait_ms, signal)
    wait_ms = Math.min(longest_wait_ms, wait_ms * 2)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      wake = undefined
      resolve()
    }
    const timer = setTimeout(end, ms)
    wake = end
    signal.addEventListener('abort', end, { once: true })
  })
}

async function read(signal: AbortSignal, opened: () => void): Promise<void> {
  const headers = { ...sessionHeaders(), accept: 'text/event-stream' }
  const response = await fetch(`/v1/events?after=${cursor ?? 'now'}`, { headers, signal })
  // A place that this store does not know: it is another one, and the pages are read anew anyway.
  if (response.status === 400) cursor = undefined
  if (!response.ok || !response.body) throw await failureIn(response)
  opened()
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    text += value
    const messages = text.split('\n\n')
    text = messages.pop() ?? ''
    for (const message of messages) take(message)
  }
}

/** One message of the stream; comments that keep the connection open have no data. */
function take(message: string): void {
  const fields = message.split('\n').map((line) => /^(\w+): ?(.*)$/.exec(line))
  const fieldOf = (name: string) =>
    fields
      .filter((field) => field?.[1] === name)
      .map((field) => field?.[2])
      .join('\n')
  const place = fieldOf('id')
  if (place) cursor = place
  const body = fieldOf('data')
  if (body) notify(events, JSON.parse(body) as SpineEvent)
}
