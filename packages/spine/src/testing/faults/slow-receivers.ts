/**
 * Receivers that take ten times as long as their lease. With heartbeats nobody notices; without, the work is tried
 * three times and no more.
 */

import type { Pacing } from '../../client/pacing.ts'
import { receive } from '../../client/receive.ts'
import { SpineError } from '../../protocol/errors.ts'
import type { Spine } from '../../protocol/spine.ts'
import type { ManualClock } from '../manual-clock.ts'
import { seeded } from '../seeded.ts'
import type { FaultOptions } from './fault.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { sealed } from './sealing.ts'
import { openTimed } from './timed.ts'

const AGENT = 'coder'
const LEASE_MS = 30_000
const QUICK_MS = 500
const SLOW_MS = 10 * LEASE_MS
/** One in so many is slow. */
const SLOW_ONE_IN = 10
const ATTEMPTS = 3
/** Time enough for every slow one to be tried alone three times. */
const LONGEST_MS = 24 * 3_600_000

/** `runs` counts the deliveries. */
export async function slowReceivers({ store, runs, seed, control = false }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  for (const heartbeats of [true, false]) {
    const placed = await store.place({ in_memory: true, inline: true })
    const { spine, clock } = await openTimed(placed, {
      seed,
      weakness: control && !heartbeats ? 'uncounted' : undefined,
    })
    try {
      for (let index = 0; index < runs; index += 1) {
        const extensions = { slow: index % SLOW_ONE_IN === 0 }
        await spine.deliveries.send({ envelope: sealed({ id: `env-${index}`, target_agent: AGENT, extensions }) })
      }
      const beating = heartbeats && !control
      await workThrough(beating ? spine : withoutHeartbeats(spine), clock, seed)
      for (const { id, state, claims, attempts } of await ledgerOf(spine)) {
        const found = `${id} is ${state} after ${claims} claims and ${attempts} attempts`
        if (heartbeats) findings.expect(state === 'completed' && claims === 1, `with heartbeats: ${found}`)
        else if (attempts > ATTEMPTS || claims > ATTEMPTS) findings.add('over_attempts', `without heartbeats: ${found}`)
        else findings.expect(state === 'completed' || state === 'parked', `without heartbeats: ${found}`)
      }
    } finally {
      await spine.close()
      await placed.remove()
    }
  }
  return findings.outcome(runs)
}

/** Time of the client on the clock of the spine. */
function pacingOf(clock: ManualClock, seed: number): Pacing {
  return {
    now: clock.now,
    random: seeded(seed).uniform,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const stop = clock.after(ms, resolve)
        const wake = () => {
          stop()
          resolve()
        }
        signal?.addEventListener('abort', wake, { once: true })
      }),
  }
}

async function workThrough(spine: Spine, clock: ManualClock, seed: number): Promise<void> {
  const pacing = pacingOf(clock, seed)
  const receiver = receive(
    spine,
    AGENT,
    ({ envelope, signal }) => pacing.sleep(envelope.extensions?.slow === true ? SLOW_MS : QUICK_MS, signal),
    { lease_ms: LEASE_MS, concurrency: 32, max: 32, pacing, onError: () => {} },
  )
  const until = clock.now() + LONGEST_MS
  for (let quiet = false; !quiet && clock.now() < until; ) {
    await clock.advance(SLOW_MS / 4)
    quiet = (await ledgerOf(spine)).every(
      ({ state, claims }) => state === 'completed' || (state === 'parked' && claims > 0),
    )
  }
  await receiver.stop()
}

function withoutHeartbeats(spine: Spine): Spine {
  const lost = async () => {
    throw new SpineError('UNREACHABLE', 'The heartbeat is lost on its way.')
  }
  return { ...spine, deliveries: { ...spine.deliveries, heartbeat: lost } }
}
