/**
 * Requests whose body is still on its way. They are no calls yet and keep no call out: there may be only so many of
 * them, and the one that was waited for longest gives way to a new one.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { SpineError } from '../protocol/errors.ts'
import { hasBody } from './body.ts'
import { writeProblem } from './problems.ts'

export type HalfSent = {
  /** Watches a request from its headers until its body is there. */
  watch(request: IncomingMessage, response: ServerResponse): void
  /** Ends all that are open as SHUTTING_DOWN. */
  end(): void
}

export function createHalfSent(max: number): HalfSent {
  const open = new Map<IncomingMessage, ServerResponse>()

  const refuse = (request: IncomingMessage, response: ServerResponse, error: SpineError) => {
    open.delete(request)
    // Answered already, or behind another request on its connection: there is nothing to say.
    if (response.headersSent || response.socket === null) request.socket.destroy()
    else writeProblem(response, error)
  }

  return Object.freeze({
    watch: (request: IncomingMessage, response: ServerResponse) => {
      if (!hasBody(request.headers)) return
      open.set(request, response)
      request.once('close', () => open.delete(request))
      const [oldest] = open.size > max ? open : []
      if (oldest)
        refuse(...oldest, new SpineError('OVERLOADED', 'Too many requests are half sent; this one waited longest.'))
    },
    end: () => {
      for (const [request, response] of open)
        refuse(
          request,
          response,
          new SpineError('SHUTTING_DOWN', 'The server is shutting down; the request was not read.'),
        )
    },
  })
}
