/**
 * A target that was away comes back to a full inbox: retries are spread, its breaker hands out one probe over all
 * nodes, no attempt is burned while it is open, and the drain does not trip it again.
 */

import { createSpine } from '../../embedded.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import type { Spine } from '../../protocol/spine.ts'
import { seeded } from '../seeded.ts'
import type { FaultOptions } from './fault.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Findings, type Outcome } from './outcome.ts'
import { sealed } from './sealing.ts'
import { openTimed, type Timed } from './timed.ts'

const AGENT = 'coder'
const BUCKET_MS = 100
/** Of the fullest bucket, against the mean. */
const MOST_OF_MEAN = 3
const FAILURES = 3
const ATTEMPTS = 3
const COOLDOWN_MS = 60_000
const RECEIVERS = 32
const BATCH = 256

/** `runs` counts the queued deliveries. */
export async function thunderingHerd({ store, runs, seed, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const placed = await store.place({ in_memory: true })
  const always_half = { ...seeded(seed), uniform: () => 0.5 }
  const timed = await openTimed(placed, {
    seed,
    ...(control ? { weakness: 'many_probes', chance: always_half } : {}),
  })
  const { spine, clock, database } = timed
  // Another node on the same store; the first one closes the database.
  const other = await createSpine({
    database: { ...database, close: async () => {} },
    clock,
    chance: seeded(seed + 1),
    watch: false,
    push: false,
  })
  try {
    for (let done = 0; done < runs; done += BATCH) {
      const ids = Array.from({ length: Math.min(BATCH, runs - done) }, (_, index) => `env-${done + index}`)
      await Promise.all(ids.map((id) => spine.deliveries.send({ envelope: sealed({ id, target_agent: AGENT }) })))
    }
    await spreadRetries(findings, timed)
    progress?.('retries are spread')
    await tripBreaker(spine)
    await handOutProbe(findings, timed, [spine, other])
    progress?.('one probe')
    await drain(findings, spine)
    return findings.outcome(runs)
  } finally {
    await other.close()
    await spine.close()
    await placed.remove()
  }
}

const take = async (spine: Spine, max = BATCH): Promise<ReceivedDelivery[]> =>
  (await spine.deliveries.receive({ agent: AGENT, max, wait_ms: 0 })).deliveries

const settle = (
  spine: Spine,
  held: readonly ReceivedDelivery[],
  answer: { action: 'complete' } | { action: 'nack'; reason: string; delay_ms?: number },
) => spine.deliveries.settle({ items: held.map(({ id, lease_token }) => ({ ...answer, id, lease_token })) })

/** All fail in the same moment, and come back over the whole of their backoff. */
async function spreadRetries(findings: Findings, { spine, clock }: Timed): Promise<void> {
  for (let held = await take(spine); held.length > 0; held = await take(spine))
    await settle(spine, held, { action: 'nack', reason: 'the target is away' })
  const buckets = new Map<number, number>()
  const ledger = await ledgerOf(spine)
  const span_ms = 2_000
  for (const { ready_at } of ledger) {
    const bucket = Math.floor((Date.parse(ready_at) - clock.now()) / BUCKET_MS)
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
  }
  const mean = ledger.length / (span_ms / BUCKET_MS)
  const most = Math.max(...buckets.values())
  findings.figure('fullest_bucket_of_mean', most / mean)
  findings.expect(most <= MOST_OF_MEAN * mean, `${most} retries in ${BUCKET_MS} ms, ${mean} on average`)
  await clock.advance(span_ms)
}

async function tripBreaker(spine: Spine): Promise<void> {
  for (let attempt = 1; attempt < ATTEMPTS; attempt += 1)
    await settle(spine, await take(spine, FAILURES), { action: 'nack', reason: 'still away', delay_ms: 0 })
}

async function handOutProbe(findings: Findings, { spine, clock }: Timed, nodes: readonly Spine[]): Promise<void> {
  const all = () =>
    Promise.all(Array.from({ length: RECEIVERS }, (_, index) => take(nodes[index % nodes.length] as Spine)))
  const before = (await ledgerOf(spine)).reduce((total, { attempts }) => total + attempts, 0)
  findings.expect((await spine.agents.get({ name: AGENT })).breaker?.state === 'open', 'the breaker did not open')
  // The other node hears of it by its sweep.
  await clock.advance(1_000)
  const early = (await all()).flat().length
  findings.expect(early === 0, `${early} deliveries were handed out while the breaker was open`)
  await clock.advance(COOLDOWN_MS)
  const probes = (await all()).flat()
  findings.expect(probes.length === 1, `${probes.length} probes were handed out`)
  const after = (await ledgerOf(spine)).reduce((total, { attempts }) => total + attempts, 0)
  findings.expect(after === before, `${after - before} attempts were burned`)
  await settle(spine, probes, { action: 'complete' })
  // Closed, on both nodes.
  await clock.advance(1_000)
}

async function drain(findings: Findings, spine: Spine): Promise<void> {
  for (let held = await take(spine); held.length > 0; held = await take(spine))
    await settle(spine, held, { action: 'complete' })
  const ledger = await ledgerOf(spine)
  for (const { id, state } of ledger)
    if (state !== 'completed' && state !== 'parked') findings.add('stuck', `${id} is ${state}`)
  const parked = ledger.filter(({ state }) => state === 'parked').length
  findings.expect(parked === FAILURES, `${parked} were parked, ${FAILURES} were exhausted`)
  findings.expect((await spine.agents.get({ name: AGENT })).breaker?.state !== 'open', 'the drain tripped the breaker')
}
