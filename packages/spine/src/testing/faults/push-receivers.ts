/**
 * Receivers that are pushed to and misbehave: they die before they have read, after they have worked and before they
 * answer, accept and forget, answer late, redirect, shed load, answer with pages, complete by a call and then break the
 * connection. Two nodes push on one store; one is closed and opened again in between. Whatever they do, each delivery
 * ends or is parked, is tried at most three times, and has its effect once.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createSpine } from '../../embedded.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import type { Spine } from '../../protocol/spine.ts'
import { pushSecret } from '../conformance/hooks.ts'
import { manualClock } from '../manual-clock.ts'
import { type Seeded, seeded } from '../seeded.ts'
import { watched } from '../watched.ts'
import { check } from './checker.ts'
import { type Effects, openEffects } from './effects.ts'
import type { FaultOptions } from './fault.ts'
import { createHistory } from './history.ts'
import { isAtRest, ledgerOf } from './ledger.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { sealed } from './sealing.ts'

const AGENT = 'coder'
/** The real time a receiver has to answer. */
const TIMEOUT_MS = 60
/** What was accepted and forgotten comes again after this. */
const ACCEPT_LEASE_MS = 60_000
const STEP_MS = 500
const MOST_STEPS = 200_000

type Work = (delivery: ReceivedDelivery) => Promise<void>
type Misbehaviour = (
  delivery: ReceivedDelivery,
  response: ServerResponse,
  rooms: { work: Work; spine: Spine },
) => Promise<unknown>

const answer = (response: ServerResponse, status: number, body = '', headers: Record<string, string> = {}) =>
  response.writeHead(status, headers).end(body)
const done = '{"state":"completed"}'

/** Half of them are what a well-behaved receiver does. */
const misbehaviours: readonly Misbehaviour[] = [
  async (delivery, response, { work }) => work(delivery).then(() => answer(response, 200, done)),
  async (delivery, response, { work, spine }) => {
    answer(response, 204)
    await work(delivery)
    await spine.deliveries.complete({ id: delivery.id, lease_token: delivery.lease_token }).catch(() => {})
  },
  async (delivery, response, { work, spine }) => {
    await spine.deliveries.accept({ id: delivery.id, lease_token: delivery.lease_token }).catch(() => {})
    await work(delivery)
    await spine.deliveries.complete({ id: delivery.id, lease_token: delivery.lease_token }).catch(() => {})
    response.destroy()
  },
  // Dead before it has read, after it has worked, and in the middle of its answer.
  async (_delivery, response) => response.destroy(),
  async (delivery, response, { work }) => work(delivery).then(() => response.destroy()),
  async (delivery, response, { work }) => {
    await work(delivery)
    response.writeHead(200, { 'content-length': '1000' }).write(done.slice(0, 9), () => response.destroy())
  },
  // Accepted, and forgotten.
  async (_delivery, response) => answer(response, 202),
  // Too late.
  async (delivery, response, { work }) => {
    await new Promise((resolve) => response.on('close', resolve))
    await work(delivery)
  },
  async (_delivery, response) => answer(response, 302, '', { location: 'http://169.254.169.254/' }),
  async (_delivery, response) => answer(response, 503, '', { 'retry-after': '5' }),
  async (_delivery, response) => answer(response, 500, '<html>'.repeat(100)),
]
const GOOD = 3

/** `runs` counts the deliveries. */
export async function pushToReceivers({ store, runs, seed, control = false }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const chance = seeded(seed)
  const placed = await store.place({ in_memory: true })
  const effects = openEffects(join(placed.folder, 'effects.db'))
  const real = await placed.open()
  const { database, idle } = watched(real)
  const clock = manualClock({ idle })
  let spine: Spine
  const receiver = await listening((delivery, response) =>
    behave(chance)(delivery, response, { spine, work: workOf(effects, control) }),
  )
  const open = () =>
    createSpine({
      database: { ...database, close: async () => {} },
      clock,
      chance,
      watch: false,
      webhook_allow: [receiver.host],
      push: { timeout_ms: TIMEOUT_MS },
    })
  spine = await open()
  let other = await open()
  const history = createHistory(() => true)
  try {
    const push_url = `http://${receiver.host}/`
    await spine.agents.put({ name: AGENT, push_url, push_secrets: [pushSecret], accept_lease_ms: ACCEPT_LEASE_MS })
    for (let index = 0; index < runs; index += 1) {
      const envelope = sealed({ id: `env-${index}`, target_agent: AGENT })
      const told = { namespace: 'default', envelope_id: envelope.id, digest: envelope.digest, receivers: [AGENT] }
      await history.call({ op: 'send', ...told }, () => spine.deliveries.send({ envelope }))
      await clock.advance(STEP_MS)
      if (index !== Math.floor(runs / 2)) continue
      const closing = other.close()
      await clock.advance(10_000)
      await closing
      other = await open()
    }
    await untilAtRest(spine, async () => {
      await clock.advance(STEP_MS)
      await new Promise((resolve) => setImmediate(resolve))
    })
    findings.take(check({ events: history.events, ledger: await ledgerOf(spine), effects: effects.all() }))
    findings.figure('pushes', receiver.pushes())
    return findings.outcome(runs)
  } finally {
    await receiver.close()
    await Promise.all([spine.close(), other.close()])
    await real.close()
    effects.close()
    await placed.remove()
  }
}

const behave = (chance: Seeded): Misbehaviour =>
  chance.int(2) === 0 ? chance.pick(misbehaviours.slice(0, GOOD)) : chance.pick(misbehaviours)

/** The negative control makes the effect of whatever comes. */
const workOf =
  (effects: Effects, control: boolean): Work =>
  (delivery) =>
    control ? effects.always(delivery) : effects.once(delivery)

async function untilAtRest(spine: Spine, step: () => Promise<void>): Promise<void> {
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    await step()
    if (steps % 20 === 0 && isAtRest(await ledgerOf(spine))) return
  }
}

async function listening(answerTo: (delivery: ReceivedDelivery, response: ServerResponse) => Promise<unknown>) {
  let pushes = 0
  const server = createServer(async (request: IncomingMessage, response) => {
    let body = ''
    for await (const part of request) body += part
    pushes += 1
    await answerTo(JSON.parse(body).data, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushes: () => pushes,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
