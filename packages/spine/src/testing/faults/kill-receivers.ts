/** `kill -9` of receivers in the middle of their leases, while others work: what they held is handed out again, in time. */

import { join } from 'node:path'
import { connect } from '../../client/connect.ts'
import { seeded } from '../seeded.ts'
import { check } from './checker.ts'
import { openEffects } from './effects.ts'
import { type FaultOptions, pause } from './fault.ts'
import { createHistory } from './history.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { type Started, startServer, startWorker } from './processes.ts'
import { sealed } from './sealing.ts'

type KillOptions = FaultOptions & {
  /** Processes that receive, four deliveries at a time each; default 8, a short run has 2. */
  processes?: number
}

const AGENT = 'coder'
const CONCURRENCY = 4
const HANDLER_MS = 200
const LEASE_MS = 1_000
/** On top of the lease, until the work of a dead receiver is with another one. */
const REDELIVERY_MS = 2_000
const DRAIN_MS = 60_000
/** Redeliveries that a percentile can be taken of. */
const ENOUGH = 100
/** Between two kills; in a short run there is less to wait for. */
const EVERY_MS = 1_000
const SOON_MS = 300

export async function killReceivers(options: KillOptions): Promise<Outcome> {
  const { store, runs, seed, control = false, processes = runs < 10 ? 2 : 8, progress } = options
  const findings = createFindings()
  const chance = seeded(seed)
  const placed = await store.place()
  const effects_file = join(placed.folder, 'effects.db')
  const effects = openEffects(effects_file)
  const server = await startServer(placed.url)
  const endpoint = String(server.first.endpoint)
  const spine = connect({ endpoint })
  const history = createHistory(() => true)
  /** What each process has accepted and not finished, what of it has had its effect, and since when orphans wait. */
  const holding = new Map<Started, { held: Set<string>; midway: Set<string> }>()
  const orphaned = new Map<string, number>()
  const waits: number[] = []

  async function listen(receiver: Started): Promise<void> {
    const held = new Set<string>()
    const midway = new Set<string>()
    holding.set(receiver, { held, midway })
    for (;;) {
      const { accepted, effect, worked = '' } = await receiver.next<Record<string, string | undefined>>()
      if (effect !== undefined) midway.add(effect)
      midway.delete(worked)
      held.delete(worked)
      if (accepted === undefined) continue
      held.add(accepted)
      const since = orphaned.get(accepted)
      if (since !== undefined) waits.push(performance.now() - since)
      orphaned.delete(accepted)
    }
  }
  const hire = async () => {
    const numbers = [LEASE_MS, effects_file, CONCURRENCY, HANDLER_MS].map(String)
    const receiver = await startWorker('receiver-worker.ts', [endpoint, AGENT, ...numbers, control ? 'no_inbox' : ''])
    listen(receiver).catch(() => holding.delete(receiver))
  }
  let sent = 0
  const send = async () => {
    sent += 1
    const envelope = sealed({ id: `env-${sent}`, target_agent: AGENT })
    const told = { namespace: 'default', envelope_id: envelope.id, digest: envelope.digest, receivers: [AGENT] }
    await history.call({ op: 'send', ...told }, () => spine.deliveries.send({ envelope }))
  }

  let sending = true
  const keepSending = async () => {
    // Somewhat less than the receivers can do.
    for (; sending; await pause(HANDLER_MS / (processes * 2))) await send()
  }

  let sender = Promise.resolve()
  try {
    await Promise.all(Array.from({ length: processes }, hire))
    sender = keepSending()
    for (let kill = 0; kill < runs; kill += 1) {
      await pause(runs < 10 ? SOON_MS : EVERY_MS)
      const busy = () => [...holding].filter(([, { midway }]) => midway.size > 0)
      // In the middle of its work: the effect is made, and nobody has been told.
      while (busy().length === 0) await pause(1)
      const [victim, { held }] = chance.pick(busy())
      await victim.kill()
      for (const id of held) orphaned.set(id, performance.now())
      await hire()
      if (kill % 50 === 49) progress?.(`${kill + 1} of ${runs} kills`)
    }
    sending = false
    await sender
    const ledger = await ledgerOf(spine, { drain_ms: DRAIN_MS })
    findings.take(check({ events: history.events, ledger, effects: effects.all() }))
    waits.sort((left, right) => left - right)
    const p99 = waits[Math.floor(waits.length * 0.99)] ?? 0
    findings.figure('redelivered', waits.length)
    findings.figure('redelivery_p99_ms', p99)
    // A few say more about the machine than about the server.
    const in_time = p99 <= LEASE_MS + REDELIVERY_MS || waits.length < ENOUGH
    findings.expect(in_time, `work of a dead receiver waited ${Math.round(p99)} ms`)
    return findings.outcome(runs)
  } finally {
    sending = false
    await sender.catch(() => {})
    for (const receiver of holding.keys()) await receiver.kill()
    await spine.close()
    await server.kill()
    effects.close()
    await placed.remove()
  }
}
