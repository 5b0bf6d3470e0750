/**
 * Whatever goes wrong becomes a problem document of the error table. Errors that nobody foresaw tell the caller a
 * request id and nothing else; the log has the rest.
 */

import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import { type Problem, SpineError, toProblem } from '../protocol/errors.ts'
import { limits } from '../protocol/limits.ts'

const fastifyErrors: Readonly<Record<string, () => SpineError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new SpineError('TOO_LARGE', `The body is larger than ${limits.body_bytes} bytes; send it in parts.`),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new SpineError('INVALID_INPUT', 'The body is not as long as its Content-Length says.'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new SpineError('UNSUPPORTED_MEDIA_TYPE', 'The Content-Type is not application/json.'),
  FST_ERR_BAD_URL: () => new SpineError('INVALID_INPUT', 'The path has a percent escape that is not UTF-8.'),
  FST_ERR_MAX_PARAM_LENGTH: () =>
    new SpineError('INVALID_INPUT', 'A part of the path is too long to be an id or a name.'),
}

/** The error that the caller is told. */
export function spineErrorOf(error: unknown, request_id: string): SpineError {
  if (error instanceof SpineError)
    return error.code === 'INTERNAL'
      ? new SpineError('INTERNAL', error.message, { ...error.extra, request_id, cause: error.cause ?? error })
      : error
  const { code = '', statusCode = 500 } = error as { code?: string; statusCode?: number }
  const known = fastifyErrors[code]
  if (known) return known()
  if (statusCode >= 400 && statusCode < 500)
    return new SpineError('INVALID_INPUT', 'The request is not one that can be read here.')
  return new SpineError('INTERNAL', 'The server failed in a way that nobody foresaw.', { request_id, cause: error })
}

const retryAfter = ({ retryable, status, retry_after_ms }: Problem): string | undefined =>
  retryable && (status === 503 || status === 429)
    ? String(Math.max(1, Math.ceil(Number(retry_after_ms ?? 0) / 1_000)))
    : undefined

export function sendProblem(reply: FastifyReply, error: SpineError): FastifyReply {
  const problem = toProblem(error)
  const wait = retryAfter(problem)
  if (wait !== undefined) reply.header('retry-after', wait)
  if (error.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer')
  // Who sends too much shall read why: the rest is thrown away, for as long as a request may take.
  if (error.code === 'TOO_LARGE') reply.removeHeader('connection')
  // As bytes: for a text Fastify would add a charset, which application/problem+json does not have.
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify(problem)))
}

/** Answers in the middle of a request, and ends its connection. */
export function writeProblem(response: ServerResponse, error: SpineError): void {
  const problem = toProblem(error)
  const wait = retryAfter(problem)
  response.writeHead(problem.status, {
    connection: 'close',
    'content-type': 'application/problem+json',
    ...(wait !== undefined && { 'retry-after': wait }),
  })
  response.end(JSON.stringify(problem))
}

const waiting = new WeakSet<Socket>()

/**
 * Answers what never became a request: broken HTTP, headers too large, or too slow a request. A call that came whole
 * before it on the connection is answered first: the caller would take the refusal for its answer.
 */
export function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  // Node keeps the answer that a connection is busy with here; into the middle of it nothing can be said.
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null }
  if (answer?.headersSent || error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
  } else if (answer?.req.complete) {
    if (waiting.has(socket)) return
    waiting.add(socket)
    answer.once('close', () => {
      waiting.delete(socket)
      refuseConnection(error, socket)
    })
  } else endWithProblem(socket, refusalOf(error.code))
}

function refusalOf(code: string | undefined): SpineError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new SpineError('REQUEST_TIMEOUT', 'The request was not there in time; what came of it was not read.')
  if (code === 'HPE_HEADER_OVERFLOW') return new SpineError('TOO_LARGE', 'The headers are larger than 16 KiB.')
  return new SpineError('INVALID_INPUT', 'This is not HTTP as it can be read here.')
}

/** The last that is said on a connection. */
export function endWithProblem(socket: Socket, error: SpineError): void {
  const body = JSON.stringify(toProblem(error))
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  // Who does not read the answer does not keep the connection either.
  socket.destroySoon()
}
