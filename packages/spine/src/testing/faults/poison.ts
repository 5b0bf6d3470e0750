/**
 * An envelope that ends the process of whoever handles it: it is parked after exactly three accepts, and what was
 * handled beside it completes. The receiver is started again each time, as a supervisor would.
 */

import { join } from 'node:path'
import { connect } from '../../client/connect.ts'
import { check } from './checker.ts'
import { openEffects } from './effects.ts'
import { type FaultOptions, pause } from './fault.ts'
import { createHistory } from './history.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { type Started, startServer, startWorker } from './processes.ts'
import { sealed } from './sealing.ts'

const AGENT = 'coder'
const LEASE_MS = 1_000
const HANDLER_MS = 20
const ACCEPTS = 3
/** At least one. */
const POISON_ONE_IN = 1_000

type PoisonOptions = FaultOptions & {
  /** Deliveries that one receiver handles at the same time. */
  concurrency?: number
}

/** `runs` counts the envelopes. */
export async function poison(options: PoisonOptions): Promise<Outcome> {
  const { store, runs, control = false, concurrency = 8, progress } = options
  const one_in = Math.min(POISON_ONE_IN, runs)
  const findings = createFindings()
  const placed = await store.place()
  const effects_file = join(placed.folder, 'effects.db')
  const effects = openEffects(effects_file)
  const server = control
    ? await startWorker('server-worker.ts', [placed.url, 'uncounted'])
    : await startServer(placed.url)
  const endpoint = String(server.first.endpoint)
  const spine = connect({ endpoint })
  const history = createHistory(() => false)
  const isPoison = (index: number) => index % one_in === Math.floor(one_in / 2)
  const accepts = new Map<string, number>()
  const handler = { crashes: 0, stopped: false, process: undefined as Started | undefined }

  async function supervise(): Promise<void> {
    const numbers = [LEASE_MS, effects_file, concurrency, HANDLER_MS].map(String)
    while (!handler.stopped) {
      const receiver = await startWorker('receiver-worker.ts', [endpoint, AGENT, ...numbers])
      handler.process = receiver
      // It may have been started while all came to rest.
      if (handler.stopped) await receiver.kill()
      try {
        for (;;) {
          const { accepted } = await receiver.next<{ accepted?: string }>()
          if (accepted !== undefined) accepts.set(accepted, (accepts.get(accepted) ?? 0) + 1)
        }
      } catch {
        handler.crashes += 1
      }
    }
  }

  try {
    const poisonous = new Set<string>()
    for (let index = 0; index < runs; index += 1) {
      const envelope = sealed({ id: `env-${index}`, target_agent: AGENT, extensions: { poison: isPoison(index) } })
      const told = { namespace: 'default', envelope_id: envelope.id, digest: envelope.digest, receivers: [AGENT] }
      const { id } = await history.call({ op: 'send', ...told }, () => spine.deliveries.send({ envelope }))
      if (isPoison(index)) poisonous.add(id)
    }
    progress?.(`${runs} envelopes sent, ${poisonous.size} of them poisonous`)
    const supervised = supervise()
    // Uncounted attempts would go on until the claims are spent.
    const limit = poisonous.size * (ACCEPTS + 1)
    let ledger = await ledgerOf(spine)
    const resting = () => ledger.every(({ state }) => state === 'completed' || state === 'parked')
    while (!resting() && handler.crashes <= limit) {
      await pause(100)
      ledger = await ledgerOf(spine)
    }
    handler.stopped = true
    await handler.process?.kill()
    await supervised

    for (const { id, state, attempts, reason } of ledger) {
      const found = `${id} is ${state} after ${attempts} attempts and ${accepts.get(id) ?? 0} accepts (${reason ?? ''})`
      if (!poisonous.has(id)) findings.expect(state === 'completed', `beside poison: ${found}`)
      else if (attempts > ACCEPTS || (accepts.get(id) ?? 0) > ACCEPTS) findings.add('over_attempts', found)
      else findings.expect(state === 'parked' && accepts.get(id) === ACCEPTS && !!reason, `poison: ${found}`)
    }
    findings.figure('crashes', handler.crashes)
    if (!control) findings.take(check({ events: history.events, ledger, effects: effects.all() }))
    return findings.outcome(runs)
  } finally {
    handler.stopped = true
    await handler.process?.kill()
    await spine.close()
    await server.kill()
    effects.close()
    await placed.remove()
  }
}
