/**
 * What the server says about itself: alive, ready, its interface for programs and for people, for which no key
 * is needed; and its metrics. */

import type { FastifyInstance } from 'fastify'
import { SpineError } from '../protocol/errors.ts'
import { envelopeJsonSchema, envelopeMajors } from '../protocol/json-schema.ts'
import type { Spine } from '../protocol/spine.ts'
import type { Admission } from './admission.ts'
import { addDashboard } from './dashboard.ts'
import { docsPage, docsPolicy } from './docs-page.ts'
import type { EventLoopDelay } from './event-loop.ts'
import type { Authenticate } from './keys.ts'
import { openApi } from './openapi.ts'

/** Everything that is served beside the contract. */
const schemaPath = (major: string) => `/schema/envelope-${major}.json`

export const systemPaths: readonly string[] = [
  ...['/', '/docs', '/healthz', '/openapi.json', '/readyz'],
  ...envelopeMajors.map(schemaPath),
]

const ready_timeout_ms = 2_000

export type SystemParts = {
  spine: Spine
  admission: Admission
  authenticate: Authenticate
  eventLoop: EventLoopDelay
  /** How often which work in the background failed. */
  troubles: ReadonlyMap<string, number>
  needs_key: boolean
}

/** Asks the store through the front door; probes that come together share one question. */
function readiness(spine: Spine): () => Promise<void> {
  let asking: Promise<void> | undefined
  const ask = async () => {
    const overdue = Promise.withResolvers<never>()
    const timer = setTimeout(() => overdue.reject(new Error('no answer in time')), ready_timeout_ms)
    try {
      await Promise.race([spine.agents.list({ limit: 1 }, { identity: { namespace: 'default' } }), overdue.promise])
    } catch (cause) {
      throw new SpineError('STORAGE_FAILED', 'The store does not answer.', { cause })
    } finally {
      clearTimeout(timer)
    }
  }
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}

export function addSystemRoutes(app: FastifyInstance, parts: SystemParts): void {
  const { spine, admission, authenticate, eventLoop, troubles, needs_key } = parts
  const storeAnswers = readiness(spine)
  app.get('/healthz', () => ({
    status: 'ok',
    uptime_s: Math.floor(process.uptime()),
    event_loop_delay_p99_ms: eventLoop.p99(),
    in_flight: admission.in_flight,
    waiting: admission.waiting,
  }))
  app.get('/readyz', async () => {
    if (admission.draining) throw new SpineError('SHUTTING_DOWN', 'The server is shutting down.')
    await storeAnswers()
    return { status: 'ready' }
  })
  // Loaded by the first scrape. Where there are keys it needs one, and shows its namespace.
  app.get('/metrics', async (request, reply) => {
    const { identity } = authenticate(request.headers)
    const { metricsOf, metricsType } = await import('./metrics.ts')
    return reply.header('content-type', metricsType).send(await metricsOf(spine, { admission, troubles }, identity))
  })
  let description: string | undefined
  app.get('/openapi.json', (_request, reply) => {
    description ??= JSON.stringify(openApi())
    return reply.header('content-type', 'application/json').send(Buffer.from(description))
  })
  for (const major of envelopeMajors) {
    const schema = JSON.stringify(envelopeJsonSchema(major))
    app.get(schemaPath(major), (_request, reply) =>
      reply.header('content-type', 'application/schema+json').send(Buffer.from(schema)),
    )
  }
  app.get('/docs', (request, reply) => {
    const page = docsPage({ endpoint: `${request.protocol}://${request.headers.host}`, needs_key })
    return reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', docsPolicy)
      .send(page)
  })
  addDashboard(app)
}
