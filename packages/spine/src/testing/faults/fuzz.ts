/**
 * Hostile requests to every route of a real server: each is refused with a code of the table or done in full, nothing
 * that was refused has left a row behind, and the server is neither ended nor grown by it.
 */

import { readFileSync } from 'node:fs'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { connect } from '../../client/connect.ts'
import { errorTable } from '../../protocol/errors.ts'
import type { Spine } from '../../protocol/spine.ts'
import { seeded } from '../seeded.ts'
import type { FaultOptions } from './fault.ts'
import { type HostileRequest, hostileRequest, type KnownIds } from './hostile-requests.ts'
import { createFindings, type Findings, type Outcome } from './outcome.ts'
import { startServer, startWorker } from './processes.ts'
import { sealed } from './sealing.ts'

/** An answer that is held back longer is a wait; its caller leaves. */
const PATIENCE_MS = 150
const MAX_GROWTH_MB = 50
const MAX_MEDIAN_MS = 5
/** With fewer inputs, a figure about all of them says nothing. */
const ENOUGH = 10_000
/**
 * As in a small container. With the gigabytes that V8 allows itself here, it lets garbage lie as it likes, and what is
 * resident says little about what is held; with these, what is held without end ends the server. At the edge of its
 * heap it is six times as slow, which is worth it only where growth is judged.
 */
const bounded = (runs: number) => ({ NODE_OPTIONS: `--max-old-space-size=${runs >= ENOUGH ? 96 : 128}` })

/** These refusals move the delivery that they are about, as documented; a send that nobody accepted in time is sent. */
const movingCodes: ReadonlySet<string> = new Set(['HOP_LIMIT', 'CYCLE', 'ACK_TIMEOUT'])
/** These come from the state of a receiver, not from a failure of the server. */
const patientCodes: ReadonlySet<string> = new Set(['ACK_TIMEOUT', 'CIRCUIT_OPEN'])

type Answer = { status: number; type: string; body: string; took_ms: number } | 'held back' | 'not sent'

/** `runs` counts the requests. */
export async function fuzz({ store, runs, seed, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const chance = seeded(seed)
  const placed = await store.place()
  const server = await (control
    ? startWorker('server-worker.ts', [placed.url, 'writing_first'], { env: bounded(runs) })
    : startServer(placed.url, { env: bounded(runs) }))
  const endpoint = String(server.first.endpoint)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const watch = await placed.watch()
  const refused_ms: number[] = []
  const seen = new Map<string, number>()
  let grown_from = 0
  try {
    const known = await somethingThere(endpoint)
    let rows = await watch.rows()
    for (let run = 0; run < runs; run += 1) {
      if (run === Math.floor(runs / 10)) grown_from = residentMb(server.first.pid)
      const request = hostileRequest(known, chance)
      const version = await watch.version()
      const answer = await send(endpoint, agent, request)
      const moved = (await watch.version()) !== version
      const before = rows
      if (moved) rows = await watch.rows()
      judge(findings, request, answer, before === rows ? undefined : `${before} became ${rows}`)
      if (typeof answer === 'string') {
        // What its caller left may still be at work.
        await atRest(endpoint)
        rows = await watch.rows()
        continue
      }
      seen.set(String(answer.status), (seen.get(String(answer.status)) ?? 0) + 1)
      if (answer.status >= 400) refused_ms.push(answer.took_ms)
      if (run % 10_000 === 9_999) progress?.(`${run + 1} of ${runs} inputs`)
    }
    const health = await fetch(`${endpoint}/healthz`).catch((error: unknown) => String(error))
    findings.expect(typeof health === 'object' && health.ok, `after all, /healthz: ${String(health)}`)
    for (const [status, count] of seen) findings.figure(`answers_${status}`, count)
    refused_ms.sort((left, right) => left - right)
    const median = refused_ms[refused_ms.length >> 1] ?? 0
    const growth = residentMb(server.first.pid) - grown_from
    findings.figure('refusal_median_ms', median)
    findings.figure('rss_growth_mb', growth)
    if (runs >= ENOUGH) {
      findings.expect(growth <= MAX_GROWTH_MB, `the server grew by ${growth} MB`)
      findings.expect(median <= MAX_MEDIAN_MS, `the median refusal took ${median} ms`)
    }
    return findings.outcome(runs)
  } finally {
    agent.destroy()
    await watch.close()
    await server.kill()
    await placed.remove()
  }
}

function judge(findings: Findings, request: HostileRequest, answer: Answer, written: string | undefined): void {
  if (typeof answer === 'string') return
  const { status, type, body } = answer
  const words = `${request.method} ${request.path.slice(0, 200)} (${request.what}): ${status} ${body.slice(0, 300)}`
  // What answers HEAD has no body to look at.
  if (status < 400 || request.method === 'HEAD') {
    findings.expect(status >= 200 && status < 500, words)
    return
  }
  const code = type.startsWith('application/problem+json') ? String(JSON.parse(body).code) : ''
  const known = Object.hasOwn(errorTable, code) && errorTable[code as keyof typeof errorTable].status === status
  findings.expect(known && (status < 500 || patientCodes.has(code)), words)
  if (written && !movingCodes.has(code)) findings.add('broken', `${written} by what was refused: ${words}`)
}

function send(endpoint: string, agent: Agent, { method, path, headers, body }: HostileRequest): Promise<Answer> {
  const { hostname, port } = new URL(endpoint)
  const began = performance.now()
  return new Promise((resolve) => {
    let request: ReturnType<typeof httpRequest>
    try {
      request = httpRequest({ agent, hostname, port, path, method, headers })
    } catch {
      // What the client itself does not let out is sent over bare sockets, in the tests of the server.
      return resolve('not sent')
    }
    const timer = setTimeout(() => {
      resolve('held back')
      request.destroy()
    }, PATIENCE_MS)
    const done = (answer: Answer) => {
      clearTimeout(timer)
      resolve(answer)
    }
    request.on('error', () => done('not sent'))
    request.once('response', async (response) => {
      const chunks: Buffer[] = []
      try {
        for await (const chunk of response) chunks.push(chunk as Buffer)
      } catch {
        return done('not sent')
      }
      const type = response.headers['content-type'] ?? ''
      const took_ms = performance.now() - began
      done({ status: response.statusCode ?? 0, type, body: Buffer.concat(chunks).toString(), took_ms })
    })
    request.end(body)
  })
}

/**
 * On a connection of its own each time: the server takes connections in their order, so that it has heard of what was
 * sent before.
 */
async function atRest(endpoint: string): Promise<void> {
  for (let busy = true; busy; ) {
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      httpRequest(`${endpoint}/healthz`, { agent: false }, resolve).on('error', reject).end(),
    )
    const health = (await json(response)) as { in_flight: number; waiting: number }
    busy = health.in_flight + health.waiting > 0
  }
}

/** One of everything, so that a request can be about something. */
async function somethingThere(endpoint: string): Promise<KnownIds> {
  const spine: Spine = connect({ endpoint })
  await spine.agents.put({ name: 'coder', fallback_agent: 'reviewer' })
  await spine.tasks.put({ id: 'T-1', intent: 'Make the export retry on its own.', constraints: { language: 'python' } })
  const { memories } = await spine.memories.store({
    memories: ['ms-1', 'ms-2', 'ms-3'].map((id) => ({ id, content: `What ${id} says.`, pinned: id === 'ms-1' })),
  })
  const ids: string[] = []
  const leases: string[] = []
  for (let index = 0; index < 12; index += 1) {
    const envelope = sealed({ id: `env-${index}`, target_agent: index % 2 === 0 ? 'coder' : 'reviewer' })
    ids.push((await spine.deliveries.send({ envelope })).id)
  }
  const { deliveries } = await spine.deliveries.receive({ agent: 'coder', max: 4, lease_ms: 3_600_000 })
  for (const { id, lease_token } of deliveries) leases.push(lease_token, id)
  await spine.parked.park({ envelope_id: 'env-1', reason: 'a person has to look' })
  await spine.close()
  const envelopes = Array.from({ length: 12 }, (_, index) => `env-${index}`)
  return {
    id: ids,
    ids,
    'memories.id': memories.map(({ id }) => id),
    refs: memories.map(({ id }) => id),
    'tasks.id': ['T-1'],
    'handoffs.id': envelopes,
    envelope_id: envelopes,
    lease_token: leases.filter((token) => token.startsWith('lt_')),
  }
}

/** Resident memory of a process, where the system tells. */
function residentMb(pid: string | undefined): number {
  try {
    const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kilobytes) / 1_024
  } catch {
    return 0
  }
}
