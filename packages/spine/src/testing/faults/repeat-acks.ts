/** Each acknowledgement is sent three times at once: one of them counts, the others are told that it was a repeat. */

import { connect } from '../../client/connect.ts'
import type { SpineError } from '../../protocol/errors.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import { check } from './checker.ts'
import type { FaultOptions } from './fault.ts'
import { createHistory } from './history.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { startServer, startWorker } from './processes.ts'
import { sealed } from './sealing.ts'

const AGENT = 'coder'
const AT_ONCE = 64

/** `runs` counts the deliveries. */
export async function repeatAcks({ store, runs, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const placed = await store.place()
  const server = control
    ? await startWorker('server-worker.ts', [placed.url, 'unguarded'])
    : await startServer(placed.url)
  const spine = connect({ endpoint: String(server.first.endpoint) })
  const history = createHistory(() => false)
  // With a signal of its own, each goes as a call of its own.
  const { signal } = new AbortController()

  const ack = async (held: ReceivedDelivery): Promise<boolean> => {
    const { id: delivery_id, envelope_id, epoch, lease_token } = held
    const told = { op: 'complete', namespace: 'default', envelope_id, delivery_id, epoch } as const
    const { duplicate = false } = await history.call(
      told,
      () => spine.deliveries.complete({ id: delivery_id, lease_token, output: envelope_id }, { signal }),
      (answer) => ({ duplicate: answer.duplicate === true }),
    )
    return duplicate
  }

  try {
    for (let done = 0; done < runs; done += AT_ONCE) {
      const count = Math.min(AT_ONCE, runs - done)
      const ids = Array.from({ length: count }, (_, index) => `env-${done + index}`)
      await Promise.all(ids.map((id) => spine.deliveries.send({ envelope: sealed({ id, target_agent: AGENT }) })))
      const { deliveries } = await spine.deliveries.receive({ agent: AGENT, max: count })
      await Promise.all(
        deliveries.map(async (held) => {
          const refused = (error: unknown) => {
            findings.add('broken', `a repeat for ${held.id} was refused: ${(error as SpineError).message}`)
            return true
          }
          const repeats = await Promise.all([ack(held), ack(held), ack(held)].map((one) => one.catch(refused)))
          const first = repeats.filter((duplicate) => !duplicate).length
          findings.expect(first === 1, `of three acknowledgements of ${held.id} ${first} were the first`)
        }),
      )
      if (done % (AT_ONCE * 20) === 0) progress?.(`${done + count} of ${runs} deliveries`)
    }
    const ledger = await ledgerOf(spine)
    findings.expect(ledger.length === runs, `${ledger.length} deliveries for ${runs} sends`)
    for (const { id, history: lines } of ledger) {
      const completed = lines.filter(({ event }) => event === 'complete').length
      findings.expect(completed === 1, `${id} was completed ${completed} times by its own record`)
    }
    findings.take(check({ events: history.events, ledger, effects: [] }))
    return findings.outcome(runs)
  } finally {
    await spine.close()
    await server.kill()
    await placed.remove()
  }
}
