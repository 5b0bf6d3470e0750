/** What the server writes down: one line per request, and the causes of failures. Never headers, bodies or tokens. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { type DestinationStream, type Logger, pino } from 'pino'
import type { Alert } from '../protocol/alert.ts'
import type { SpineError } from '../protocol/errors.ts'
import type { Trouble } from '../protocol/trouble.ts'

export type LogOptions = {
  level: string
  /** Default: standard error, so that standard output stays free for answers. */
  destination?: DestinationStream | undefined
}

const secrets: string[] = ['authorization', 'lease_token', 'idempotency_key', 'body', 'input', 'headers']

/** What an error says about itself; what it promises its caller beside that (ids, tokens) stays out. */
function described(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name: type, message, stack, cause } = error
  return {
    type,
    code: (error as { code?: unknown }).code,
    message,
    stack,
    ...(cause ? { cause: described(cause) } : {}),
  }
}

export function createLog({ level, destination }: LogOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // The lines below name none of these; this is for the line that somebody adds one day.
      redact: secrets,
      serializers: { err: described },
    },
    // A write per line would cost as much as serving the request.
    destination ?? pino.destination({ dest: 2, sync: false, minLength: 4_096, periodicFlush: 100 }),
  )
}

/** The line of a request. The path is given as its route: ids stay out of the log. */
export function logRequest(log: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const { id, method, caller } = request
  log.info({
    id,
    method,
    route: request.routeOptions.url,
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    namespace: caller?.identity.namespace,
    key: caller?.key,
    gone: reply.raw.writableFinished ? undefined : true,
  })
}

const ours: ReadonlySet<string> = new Set([
  'INTERNAL',
  'INTEGRITY',
  'STORAGE_FULL',
  'STORAGE_FAILED',
  'STORE_UNAVAILABLE',
  'SCHEMA_TOO_NEW',
])

/** Writes down a failure of our own, with its cause; what callers did wrong is in their answer. */
export function logFailure(log: Logger, request_id: string, error: SpineError): void {
  if (!ours.has(error.code)) return
  log.error({ id: request_id, code: error.code, err: error.cause ?? error }, error.message)
  flush(log)
}

const flushing = new WeakSet<Logger>()

/** The next line may never come. Many at once, as when a database is away, are one flush. */
function flush(log: Logger): void {
  if (flushing.has(log)) return
  flushing.add(log)
  log.flush(() => flushing.delete(log))
}

const levels = { critical: 'error', warning: 'warn', info: 'info' } as const

/** The line of an alert: when it is raised at the level of its tier, when it is resolved as information. */
export function logAlert(log: Logger, namespace: string, alert: Alert): void {
  const { id, rule, tier, target, state, title, next } = alert
  const level = state === 'open' ? levels[tier] : 'info'
  log[level]({ alert: id, rule, tier, target, namespace, state, next: state === 'open' ? next : undefined }, title)
}

/** The line of work in the background that began to fail; that it goes on failing is in the metrics. */
export function logTrouble(log: Logger, { work, error, failures }: Trouble): void {
  if (failures > 1) return
  log.error({ work, err: error }, `The work in the background failed, and is tried again: ${work}.`)
  flush(log)
}
