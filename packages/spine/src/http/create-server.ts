/**
 * The server as a whole: Fastify with our limits, checks and error answers, the routes, how it starts to listen and how
 * it stops. Headers for safety are set by hand: nothing here is a page but /docs.
 */

import { randomUUID } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type InjectOptions,
  type LightMyRequestResponse,
} from 'fastify'
import type { DestinationStream } from 'pino'
import type { Alert } from '../protocol/alert.ts'
import { operations } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { limits } from '../protocol/limits.ts'
import type { Spine } from '../protocol/spine.ts'
import type { Trouble } from '../protocol/trouble.ts'
import { createAdmission } from './admission.ts'
import { watchEventLoop } from './event-loop.ts'
import { createHalfSent } from './half-sent.ts'
import { authenticator, parseKeys } from './keys.ts'
import { createLog, logAlert, logFailure, logRequest, logTrouble } from './log.ts'
import { addMounts, type Mount } from './mounts.ts'
import { checkHostHeader, isLoopback, originCheck } from './origin.ts'
import { endWithProblem, refuseConnection, sendProblem, spineErrorOf } from './problems.ts'
import { addRoutes } from './routes.ts'
import { addSystemRoutes } from './system-routes.ts'

export type ServerOptions = {
  spine: Spine
  /** Other protocols, by the path they are served at, such as `/mcp`. Default: none. */
  mounts?: Readonly<Record<string, Mount>>
  /** As in SPINE_API_KEYS: `name:namespace:sha256[:agent],...`. Default: none, everybody on this machine may call. */
  keys?: string
  /** What the Host header may be beside loopback, as in SPINE_ALLOWED_HOSTS. Default: nothing. */
  allowed_hosts?: readonly string[]
  /** silent, fatal, error, warn, info, debug or trace. Default info. */
  log_level?: string
  /** Where log lines go. Default: standard error. */
  log_destination?: DestinationStream
  /** Calls at a time, waits not counted; more are OVERLOADED. Default 4,096. */
  max_in_flight?: number
  /** Calls that wait for a delivery or an acknowledgement. Default 16,384. */
  max_waiting?: number
  /** Requests whose body is on its way; of more, the one waited for longest ends as OVERLOADED. Default 4,096. */
  max_half_sent?: number
  /** Open connections. Default 24,576. */
  max_connections?: number
  /** Until the headers of a request are there, in ms. Default 10,000. */
  headers_timeout_ms?: number
  /** Until all of a request is there, in ms. Default 30,000. */
  request_timeout_ms?: number
  /** How long an idle connection is kept, in ms. Default 72,000. */
  keep_alive_timeout_ms?: number
}

export type ListenOptions = {
  /** Default 127.0.0.1; other than loopback only with keys. */
  host?: string
  /** 0 takes a free one. Default 0. */
  port?: number
}

export type SpineServer = {
  /** Starts to listen and answers the endpoint. Throws INVALID_INPUT for an open address without keys. */
  listen(options?: ListenOptions): Promise<string>
  /** Writes an alert into the log: when it is raised, and when it is resolved. */
  logAlert(namespace: string, alert: Alert): void
  /** Counts work in the background that failed, for /metrics, and writes into the log when it begins to. */
  noteTrouble(trouble: Trouble): void
  /** Drains: waiting receives answer empty, calls in flight finish, then the connections end. The spine stays open. */
  close(): Promise<void>
  /** Calls a route without a socket, for tests. */
  inject(request: InjectOptions): Promise<LightMyRequestResponse>
}

/** Longer than the longest wait of a call, so that it only ends connections whose other side does not read. */
const idle_connection_ms = 660_000

/** An id of 128 characters, each of three bytes, each byte escaped. */
const longest_param = 128 * 9

const safetyHeaders = Object.freeze({
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
})

export function createServer(options: ServerOptions): SpineServer {
  const { spine, allowed_hosts = [], log_level = 'info', log_destination, max_connections = 24_576 } = options
  const { max_in_flight = 4_096, max_waiting = 16_384, max_half_sent = 4_096 } = options
  const keys = parseKeys(options.keys ?? '')
  const log = createLog({ level: log_level, destination: log_destination })
  const admission = createAdmission({ max_in_flight, max_waiting })
  const halfSent = createHalfSent(max_half_sent)
  const eventLoop = watchEventLoop()
  const troubles = new Map<string, number>()
  const checkOrigin = originCheck(allowed_hosts)

  const answerError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const refusal = spineErrorOf(error, request.id)
    if (!reply.raw.destroyed) logFailure(log, request.id, refusal)
    return sendProblem(reply, refusal)
  }
  const app = createFastify(options, (error, request, reply) => {
    reply.headers(safetyHeaders)
    answerError(error, request, reply)
  })
  app.server.maxConnections = max_connections
  // An expectation that we do not know is left out of account; Node would answer with an empty 417.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.server.on('connect', (request, socket: Socket) => {
    socket.on('error', () => {})
    endWithProblem(socket, new SpineError('ROUTE_NOT_FOUND', notFound(request.method ?? '', '')))
  })
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request) => {
    throw new SpineError('ROUTE_NOT_FOUND', notFound(request.method, request.url))
  })
  // The scanner reads bodies; Fastify only collects their bytes.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(safetyHeaders).header('spine-request-id', request.id)
    if (admission.draining) reply.header('connection', 'close')
    checkHostHeader(request.raw)
    checkOrigin(request.headers)
    halfSent.watch(request.raw, reply.raw)
    // A whole address names a host of its own, as for a proxy, which this is not.
    if (!request.raw.url?.startsWith('/')) throw new SpineError('ROUTE_NOT_FOUND', 'The path has to begin with /.')
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(log, request, reply)
    done()
  })
  const authenticate = authenticator(keys)
  addRoutes(app, { spine, admission, authenticate, log })
  addMounts(app, options.mounts ?? {}, { admission, authenticate })
  addSystemRoutes(app, { spine, admission, authenticate, eventLoop, troubles, needs_key: keys.length > 0 })

  async function listen({ host = '127.0.0.1', port = 0 }: ListenOptions = {}): Promise<string> {
    checkListening({ host, keys: options.keys })
    await app.listen({ host: addressOf(host), port })
    return endpointOf(app.server.address() as AddressInfo)
  }

  const end = async () => {
    const drained = admission.drain()
    halfSent.end()
    await drained
    eventLoop.stop()
    await app.close()
    log.flush()
  }
  let ending: Promise<void> | undefined
  return Object.freeze({
    listen,
    close: () => {
      ending ??= end()
      return ending
    },
    logAlert: (namespace: string, alert: Alert) => logAlert(log, namespace, alert),
    noteTrouble(trouble: Trouble) {
      troubles.set(trouble.work, (troubles.get(trouble.work) ?? 0) + 1)
      logTrouble(log, trouble)
    },
    inject: (request: InjectOptions) => app.inject(request),
  })
}

/** Throws INVALID_INPUT for keys that are none, and for an open address without keys. */
export function checkListening({ host, keys = '' }: { host: string; keys?: string | undefined }): void {
  if (parseKeys(keys).length > 0 || isLoopback(host)) return
  throw new SpineError(
    'INVALID_INPUT',
    `Without keys everybody who reaches ${host} could call: set SPINE_API_KEYS, or listen on 127.0.0.1.`,
  )
}

/** One address, whatever the name resolves to: two listeners would need one free port on both. */
export const addressOf = (host: string): string => (host === 'localhost' ? '127.0.0.1' : host)

type AnswerError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void

function createFastify(options: ServerOptions, frameworkErrors: AnswerError): FastifyInstance {
  const { headers_timeout_ms = 10_000, request_timeout_ms = 30_000, keep_alive_timeout_ms = 72_000 } = options
  return fastify({
    logger: false,
    genReqId: () => randomUUID(),
    bodyLimit: limits.body_bytes,
    requestTimeout: request_timeout_ms,
    keepAliveTimeout: keep_alive_timeout_ms,
    connectionTimeout: idle_connection_ms,
    // Nothing is in flight any more when it closes; what is left are idle connections and halves of requests.
    forceCloseConnections: true,
    // A late request gets a problem document of ours.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: longest_param },
    frameworkErrors,
    clientErrorHandler: refuseConnection,
    http: {
      // Node would answer with an empty 400; the check is ours.
      requireHostHeader: false,
      headersTimeout: headers_timeout_ms,
      requestTimeout: request_timeout_ms,
      connectionsCheckingInterval: Math.min(1_000, headers_timeout_ms),
    },
  })
}

function endpointOf({ address, port, family }: AddressInfo): string {
  // Every address of the machine: this one surely reaches it.
  if (address === '0.0.0.0') return `http://127.0.0.1:${port}`
  if (address === '::') return `http://[::1]:${port}`
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`
}

/** Says which methods a path has, if the method was all that was wrong. */
function notFound(method: string, url: string): string {
  const path = url.split('?', 1)[0] ?? ''
  const methods = operations()
    .filter(({ operation }) => new RegExp(`^${operation.path.replace(/:\w+/g, '[^/]+')}$`).test(path))
    .map(({ operation }) => operation.method)
  if (methods.length === 0) return 'There is no such route here.'
  return `This path has no ${method}, only ${[...new Set(methods)].join(' and ')}.`
}
