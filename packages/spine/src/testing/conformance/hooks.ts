/** Receivers of pushed deliveries, on loopback: one server, a path for each, answers from the test. */

import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'

export type Push = {
  headers: IncomingHttpHeaders
  body: string
  type: string
  data: ReceivedDelivery & { namespace: string; text: string }
}

/** Status 204 and no body, unless said. Nothing at all: the connection stays open. */
export type PushReply = { status?: number; headers?: Record<string, string>; body?: unknown } | 'silence'
type Answer = (push: Push, count: number) => PushReply | Promise<PushReply>

export type Hook = { url: string; pushes: Push[] }

export type Hooks = {
  /** What has to be allowed. */
  host: string
  /** An address of its own, which answers as told; `count` is 1 for the first push. */
  hook(answer?: Answer): Hook
  close(): Promise<void>
}

/** Base64 of 24 bytes, as anybody could have drawn it. */
export const pushSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

export async function openHooks(): Promise<Hooks> {
  const hooks = new Map<string, { answer: Answer; pushes: Push[] }>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    const found = hooks.get(request.url ?? '')
    if (!found) return void response.writeHead(404).end()
    const push = { headers: request.headers, body, ...JSON.parse(body) }
    found.pushes.push(push)
    const reply = await found.answer(push, found.pushes.length)
    if (reply === 'silence') return
    response.writeHead(reply.status ?? (reply.body === undefined ? 204 : 200), reply.headers)
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    hook(answer = () => ({})) {
      const path = `/hook-${hooks.size + 1}`
      const pushes: Push[] = []
      hooks.set(path, { answer, pushes })
      return { url: `http://${host}${path}`, pushes }
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
