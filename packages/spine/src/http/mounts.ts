/**
 * Other protocols behind the same door: a mount answers web-standard requests at one path, after the host, the origin,
 * the key and the body were checked as for every other route.
 */

import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseJson } from '../protocol/scan.ts'
import type { Identity } from '../protocol/spine.ts'
import type { Admission, Admitted } from './admission.ts'
import type { Authenticate } from './keys.ts'
import { type Caller, entrance } from './routes.ts'

/** `body` is the scanned JSON of a request that has one. */
export type Mount = (request: Request, identity: Identity, body: unknown) => Promise<Response>

export type MountParts = { admission: Admission; authenticate: Authenticate }

function requestOf(request: FastifyRequest, signal: AbortSignal | undefined): Request {
  const { method, url, body } = request
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers))
    for (const one of [value ?? []].flat()) headers.append(name, one)
  const bytes = Buffer.isBuffer(body) && method !== 'GET' ? new Uint8Array(body) : undefined
  return new Request(new URL(url, `http://${request.headers.host}`), {
    method,
    headers,
    ...(bytes ? { body: bytes } : {}),
    ...(signal ? { signal } : {}),
  })
}

async function answer(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  reply.code(response.status)
  for (const [name, value] of response.headers) reply.header(name, value)
  return reply.send(response.body === null ? null : Readable.fromWeb(response.body as never))
}

export function addMounts(app: FastifyInstance, mounts: Readonly<Record<string, Mount>>, parts: MountParts): void {
  for (const [url, mount] of Object.entries(mounts))
    app.route({
      method: ['GET', 'POST', 'DELETE'],
      url,
      // Such a request may be held open for as long as its host likes.
      ...entrance(parts, true),
      handler: async (request, reply) => {
        const { identity } = request.caller as Caller
        const { signal } = request.admitted as Admitted
        const body = Buffer.isBuffer(request.body) ? parseJson(request.body).value : undefined
        return answer(reply, await mount(requestOf(request, signal), identity, body))
      },
    })
}
