/**
 * The way of one request to the server and back. Node's own client is a third of the cost of the global fetch, which
 * makes streams and objects that nobody looks at here; a fetch that the caller gives is used as it is.
 */

import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import type { WireRequest } from './request.ts'

export type WireAnswer = {
  status: number
  header(name: string): string | undefined
  bytes: Uint8Array
}

export type Transport = {
  /** Rejects when there is no whole answer, or when `signal` is aborted before. Redirects are not followed. */
  send(request: WireRequest, signal: AbortSignal): Promise<WireAnswer>
  /** Lets go of connections that nothing uses any more. */
  close(): void
}

export function fetchTransport(base: string, send: typeof fetch): Transport {
  return {
    async send({ method, path, headers, body }, signal) {
      const init = { method, headers, signal, redirect: 'manual', ...(body ? { body } : {}) } as const
      const response = await send(`${base}${path}`, init)
      const bytes = new Uint8Array(await response.arrayBuffer())
      return { status: response.status, header: (name) => response.headers.get(name) ?? undefined, bytes }
    },
    close() {},
  }
}

/** Keeps connections open. As many as there are calls at a time: a call that waits must not hold up another one. */
export function nodeTransport(base: string): Transport {
  const url = new URL(base)
  const { protocol, hostname, port } = urlToHttpOptions(url)
  const secure = protocol === 'https:'
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const before = url.pathname === '/' ? '' : url.pathname
  const begin = secure ? requestHttps : requestHttp

  const open = ({ method, path, headers, body }: WireRequest) =>
    begin({
      agent,
      hostname: hostname ?? '',
      ...(port ? { port } : {}),
      method,
      path: `${before}${path}`,
      headers: { ...headers, 'content-length': Buffer.byteLength(body ?? '') },
    })

  return {
    send: (request, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const outgoing = open(request)
        const abort = () => outgoing.destroy(signal.reason as Error)
        const fail = (error: Error) => {
          signal.removeEventListener('abort', abort)
          reject(error)
        }
        signal.addEventListener('abort', abort, { once: true })
        outgoing.once('error', fail)
        outgoing.once('response', (incoming) => {
          incoming.once('error', fail)
          collect(incoming, (bytes) => {
            signal.removeEventListener('abort', abort)
            const header = (name: string) => incoming.headers[name]?.toString()
            resolve({ status: incoming.statusCode ?? 0, header, bytes })
          })
        })
        outgoing.end(request.body)
      }),
    close() {
      agent.destroy()
    },
  }
}

function collect(incoming: IncomingMessage, done: (bytes: Uint8Array) => void): void {
  const chunks: Uint8Array[] = []
  incoming.on('data', (chunk: Uint8Array) => chunks.push(chunk))
  incoming.once('end', () => done(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
}
