/**
 * Pages of an operation as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): each
 * item under its own cursor as the event id, so that a reader which comes back with Last-Event-ID misses nothing.
 */

import { once } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'

type Item = { cursor: string; type: string }
type Page = Record<string, unknown> & { next: string }

/** Asks for one page; rejects as the operation does. */
export type NextPage = (input: Record<string, unknown>) => Promise<object>

/** How often a line is written where nothing happens, so that both sides see a connection that is gone. */
const QUIET_MS = 15_000

export const wantsStream = ({ headers }: FastifyRequest): boolean =>
  headers.accept?.includes('text/event-stream') ?? false

/** What the reader saw last wins over what its address says: a browser comes back with the address it began with. */
export function placeOf({ headers }: FastifyRequest, input: Record<string, unknown>): Record<string, unknown> {
  const last = headers['last-event-id']
  return typeof last === 'string' && last !== '' ? { ...input, after: last } : input
}

/** Writes until the reader is gone or `signal` ends it. The first page is asked for before anything is answered. */
export async function writeStream(
  reply: FastifyReply,
  stream: { member: string; input: Record<string, unknown>; next: NextPage; signal: AbortSignal | undefined },
): Promise<void> {
  const { member, input, next, signal } = stream
  let page = (await next({ ...input, wait_ms: 0 })) as Page
  const { raw } = reply
  reply.hijack()
  raw.writeHead(200, { ...reply.getHeaders(), 'content-type': 'text/event-stream; charset=utf-8' } as Record<
    string,
    string
  >)
  const gone = new AbortController()
  raw.once('close', () => gone.abort())
  if (raw.destroyed) gone.abort()
  const over = signal ? AbortSignal.any([signal, gone.signal]) : gone.signal
  const write = async (text: string) => {
    over.throwIfAborted()
    if (!raw.write(text)) await once(raw, 'drain', { signal: over })
  }
  try {
    for (;;) {
      const items = page[member] as Item[]
      for (const item of items)
        await write(`id: ${item.cursor}\nevent: ${item.type}\ndata: ${JSON.stringify(item)}\n\n`)
      // The id alone moves a reader on past what it did not want.
      if (items.length === 0) await write(`: nothing new\nid: ${page.next}\n\n`)
      over.throwIfAborted()
      page = (await next({ ...input, after: page.next, wait_ms: QUIET_MS })) as Page
    }
  } catch {
    // The answer has begun: the reader comes back with its last id, and hears the reason as an answer then.
  } finally {
    // What a reader does not take would keep the answer open for as long as it likes.
    if (raw.writableNeedDrain) raw.destroy()
    else raw.end()
  }
}
