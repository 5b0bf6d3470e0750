/** A full dead-letter box is redriven all at once, twice at the same time, and one by one: each delivery goes back once. */

import type { Spine } from '../../protocol/spine.ts'
import type { FaultOptions } from './fault.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { sealed } from './sealing.ts'
import { openTimed } from './timed.ts'

const RECEIVERS = 1_000
const agents = (count: number) => Array.from({ length: count }, (_, index) => `coder-${index}`)

/** `runs` counts the parked deliveries. */
export async function redriveStorm({ store, runs, seed, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const placed = await store.place({ in_memory: true })
  const { spine } = await openTimed(placed, { seed, weakness: control ? 'redrive_blindly' : undefined })
  try {
    const targets = agents(Math.min(runs, RECEIVERS))
    for (let done = 0; done < runs; done += targets.length) {
      const envelope = sealed({ id: `env-${done}`, target_agent: 'broadcast' })
      await spine.channels.publish({ channel: 'work', envelope, receivers: targets.slice(0, runs - done) })
    }
    await failAll(spine, targets)
    const parked = await ledgerOf(spine)
    findings.expect(parked.length === runs && parked.every(({ state }) => state === 'parked'), 'not all were parked')
    progress?.(`${parked.length} parked`)

    const ids = parked.map(({ id }) => id)
    const batches = Array.from({ length: Math.ceil(ids.length / 1_000) }, (_, index) =>
      ids.slice(index * 1_000, (index + 1) * 1_000),
    )
    const singles = ids.filter((_, index) => index % 100 === 0)
    const answers = await Promise.all([
      ...batches.flatMap((batch) => [spine.parked.redrive({ ids: batch }), spine.parked.redrive({ ids: batch })]),
      ...singles.map((id) => spine.parked.redrive({ ids: [id] })),
    ])
    const redriven = answers.flatMap(({ results }) => results).filter(({ delivery }) => delivery !== undefined)
    const redriven_once = new Set(redriven.map(({ id }) => id)).size
    if (redriven.length !== runs)
      findings.add('dup_effects', `${redriven.length} redrives of ${runs} were answered as done`)
    findings.expect(redriven_once === runs, `${redriven_once} of ${runs} were redriven`)
    for (const { id, state, generation = 0, envelope_id, target, attempts } of await ledgerOf(spine)) {
      const before = parked.find((delivery) => delivery.id === id)
      if (generation !== 1) findings.add('dup_effects', `${id} is of generation ${generation}`)
      const same = before?.envelope_id === envelope_id && before.target === target
      findings.expect(same && state === 'ready' && attempts === 0, `${id} is ${state} after ${attempts} attempts`)
    }
    // Whatever failed again is parked again, and not lost.
    await failAll(spine, targets)
    const again = await ledgerOf(spine)
    findings.expect(
      again.length === runs && again.every(({ state }) => state === 'parked'),
      'not all were parked again',
    )
    return findings.outcome(runs)
  } finally {
    await spine.close()
    await placed.remove()
  }
}

/** Takes everything and says that it can never be done. */
async function failAll(spine: Spine, targets: readonly string[]): Promise<void> {
  await Promise.all(
    targets.map(async (agent) => {
      const { deliveries } = await spine.deliveries.receive({ agent, max: 256, wait_ms: 0 })
      const items = deliveries.map(({ id, lease_token }) => ({
        action: 'nack' as const,
        kind: 'fatal' as const,
        reason: 'it cannot be done',
        id,
        lease_token,
      }))
      if (items.length > 0) await spine.deliveries.settle({ items })
    }),
  )
}
