/**
 * The wall clock jumps an hour forward, an hour back, and back and forth by a second, while deliveries are leased: no
 * lease ends before its time, and none lives much longer. And the clock is an hour back when the store is opened
 * again: nothing waits for that hour.
 */

import { createSpine } from '../../embedded.ts'
import type { Spine } from '../../protocol/spine.ts'
import { systemClock } from '../../service/clock.ts'
import type { FaultOptions } from './fault.ts'
import { createFindings, type Findings, type Outcome } from './outcome.ts'
import { sealed } from './sealing.ts'
import type { FaultStore } from './stores.ts'
import { openTimed } from './timed.ts'
import { wallClock } from './weaknesses.ts'

const HOUR_MS = 3_600_000
const AGENT = 'coder'
const LEASE_MS = 3_000
const MAX_RECEIVERS = 1_000

/** `runs` counts the live leases. */
export async function jumpClock({ store, runs, seed, control = false }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  await jumpWhileOpen(findings, { store, runs, control })
  await openInThePast(findings, { store, runs: Math.min(runs, 100), seed, control })
  return findings.outcome(runs)
}

/** Sends in few commits: one envelope to many receivers at a time, all of which one agent then is. */
async function fill(spine: Spine, count: number): Promise<string[]> {
  const receivers = Array.from({ length: Math.min(count, MAX_RECEIVERS) }, (_, index) => `${AGENT}-${index}`)
  for (let done = 0; done < count; done += receivers.length) {
    const envelope = sealed({ id: `env-${done}`, target_agent: 'broadcast' })
    const some = receivers.slice(0, count - done)
    await spine.channels.publish({ channel: 'work', envelope, receivers: some })
  }
  return receivers
}

async function leaseAll(spine: Spine, receivers: readonly string[], lease_ms: number): Promise<number> {
  const answers = await Promise.all(
    receivers.map((agent) => spine.deliveries.receive({ agent, max: 256, wait_ms: 0, lease_ms })),
  )
  return answers.reduce((total, { deliveries }) => total + deliveries.length, 0)
}

type Scene = { store: FaultStore; runs: number; control: boolean }

async function jumpWhileOpen(findings: Findings, { store, runs, control }: Scene): Promise<void> {
  const placed = await store.place({ in_memory: true })
  const clock = systemClock()
  const spine = await createSpine({ database: await placed.open(), clock: control ? wallClock(clock) : clock })
  const trueNow = Date.now
  try {
    const receivers = await fill(spine, runs)
    const leased = await leaseAll(spine, receivers, LEASE_MS * 4)
    findings.expect(leased === runs, `${leased} of ${runs} deliveries were leased`)
    const watched = receivers[0] ?? AGENT
    // An empty inbox is waited for while sweeps go by: what comes was taken from its holder.
    const stolen = async (wait_ms: number) =>
      (await spine.deliveries.receive({ agent: watched, wait_ms })).deliveries.length
    for (const shift of [HOUR_MS, -HOUR_MS, 1_000, -1_000, 0]) {
      Date.now = () => trueNow() + shift
      if ((await stolen(600)) > 0) findings.add('double_leases', `the clock jumped by ${shift} ms and leases ended`)
    }
  } finally {
    Date.now = trueNow
    await spine.close()
    await placed.remove()
  }
}

async function openInThePast(
  findings: Findings,
  { store, runs, seed, control }: Scene & { seed: number },
): Promise<void> {
  const placed = await store.place({ in_memory: true })
  try {
    const before = await openTimed(placed, { seed })
    const start = before.clock.now()
    const receivers = await fill(before.spine, runs)
    await leaseAll(before.spine, receivers.slice(0, runs / 2), LEASE_MS)
    await before.spine.close()

    const weakness = control ? 'trusting_the_clock' : undefined
    const { spine, clock } = await openTimed(placed, { seed, start: start - HOUR_MS, weakness })
    const at_once = await leaseAll(spine, receivers, LEASE_MS)
    findings.expect(at_once === runs / 2, `of ${runs / 2} waiting deliveries ${at_once} could be claimed at once`)
    await clock.advance(2 * LEASE_MS)
    const later = await leaseAll(spine, receivers, LEASE_MS)
    findings.expect(later === runs, `of ${runs} ended leases ${later} could be claimed two leases later`)
    await spine.close()
  } finally {
    await placed.remove()
  }
}
