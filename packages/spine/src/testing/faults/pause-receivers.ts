/**
 * SIGSTOP of a receiver until its leases are another's, then SIGCONT: all of its answers come too late, are refused,
 * and do not touch the work of the new owner.
 */

import { join } from 'node:path'
import { connect } from '../../client/connect.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import type { Spine } from '../../protocol/spine.ts'
import { check } from './checker.ts'
import { type Effects, openEffects } from './effects.ts'
import type { FaultOptions } from './fault.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Findings, type Outcome } from './outcome.ts'
import { type Started, startServer, startWorker } from './processes.ts'
import { sealed } from './sealing.ts'

const AGENT = 'coder'
const LEASE_MS = 1_000
/** Deliveries that one paused receiver holds. */
const HELD = 100

/** `runs` counts the answers that came too late. */
export async function pauseReceivers({ store, runs, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const placed = await store.place()
  const effects_file = join(placed.folder, 'effects.db')
  const effects = openEffects(effects_file)
  const server = control
    ? await startWorker('server-worker.ts', [placed.url, 'unfenced'])
    : await startServer(placed.url)
  const endpoint = String(server.first.endpoint)
  const spine = connect({ endpoint })
  try {
    for (let done = 0; done < runs; done += HELD) {
      const count = Math.min(HELD, runs - done)
      for (let index = 0; index < count; index += 1)
        await spine.deliveries.send({ envelope: sealed({ id: `env-${done + index}`, target_agent: AGENT }) })
      const holder = await startWorker('holder-worker.ts', [
        endpoint,
        AGENT,
        String(count),
        String(LEASE_MS),
        effects_file,
      ])
      try {
        await overtake({ spine, holder, count, effects, findings })
      } finally {
        await holder.kill()
      }
      progress?.(`${done + count} of ${runs} stale answers`)
    }
    const ledger = await ledgerOf(spine)
    for (const { id, output } of ledger)
      if (output === 'stale') findings.add('double_leases', `${id} has a stale output`)
    findings.take(check({ events: [], ledger, effects: effects.all() }))
    return findings.outcome(runs)
  } finally {
    await spine.close()
    await server.kill()
    effects.close()
    await placed.remove()
  }
}

type Scene = { spine: Spine; holder: Started; count: number; effects: Effects; findings: Findings }

async function overtake({ spine, holder, count, effects, findings }: Scene): Promise<void> {
  await holder.next()
  holder.child.kill('SIGSTOP')
  const taken: ReceivedDelivery[] = []
  while (taken.length < count)
    taken.push(
      ...(await spine.deliveries.receive({ agent: AGENT, max: Math.min(256, count - taken.length) })).deliveries,
    )
  for (const delivery of taken) await effects.once(delivery)
  const complete = async ({ id, lease_token }: ReceivedDelivery) => {
    const { duplicate } = await spine.deliveries.complete({ id, lease_token, output: 'fresh' })
    findings.expect(duplicate !== true, `the answer of the new owner of ${id} did not count`)
  }
  // Half of the new owners are done before the stale answers come, half are still at work.
  const half = Math.ceil(count / 2)
  await Promise.all(taken.slice(0, half).map(complete))
  holder.child.kill('SIGCONT')
  const { LEASE_LOST = 0, ...others } = await holder.next<Record<string, number>>()
  findings.expect(
    LEASE_LOST === count,
    `of ${count} stale answers ${LEASE_LOST} were refused: ${JSON.stringify(others)}`,
  )
  for (let index = 0; index < (others.counted ?? 0); index += 1) findings.add('double_leases', 'a stale answer counted')
  await Promise.all(taken.slice(half).map((delivery) => complete(delivery).catch(() => {})))
}
