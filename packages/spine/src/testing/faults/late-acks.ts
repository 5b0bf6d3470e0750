/**
 * Acknowledgements that come one second after the lease: they count, and say that they are late, as long as nobody
 * else has the delivery; they are refused once somebody has.
 */

import { SpineError } from '../../protocol/errors.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import type { Spine } from '../../protocol/spine.ts'
import type { FaultOptions } from './fault.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { sealed } from './sealing.ts'
import { openTimed } from './timed.ts'

const AGENT = 'coder'
const BATCH = 100
const LEASE_MS = 30_000
const LATE_MS = 1_000

const situations = ['before the sweep', 'after the sweep', 'after a new claim'] as const

/** `runs` counts the late acknowledgements of each of the three situations. */
export async function lateAcks({ store, runs, seed, control = false }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const placed = await store.place({ in_memory: true })
  const { spine, clock, unswept } = await openTimed(placed, { seed, weakness: control ? 'unfenced' : undefined })
  const take = async () =>
    (await spine.deliveries.receive({ agent: AGENT, max: BATCH, wait_ms: 0, lease_ms: LEASE_MS })).deliveries
  try {
    for (let done = 0; done < runs; done += BATCH) {
      for (const situation of situations) {
        const count = Math.min(BATCH, runs - done)
        for (let index = 0; index < count; index += 1) {
          const id = `env-${situation.replaceAll(' ', '-')}-${done + index}`
          await spine.deliveries.send({ envelope: sealed({ id, target_agent: AGENT }) })
        }
        const held = await take()
        const answerAll = () => Promise.all(held.map((one) => outcomeOf(spine, one)))
        const swept = situation !== 'before the sweep'
        if (swept) await clock.advance(LEASE_MS + LATE_MS)
        const owners = situation === 'after a new claim' ? await take() : []
        const answers = await (swept ? answerAll() : unswept(LEASE_MS + LATE_MS, answerAll))
        for (const answer of answers) {
          if (situation !== 'after a new claim')
            findings.expect(answer === 'completed, late', `${situation}: ${answer}`)
          else if (answer !== 'LEASE_LOST') findings.add('double_leases', `${situation}: ${answer}`)
        }
        for (const owner of owners) {
          const answer = await outcomeOf(spine, owner)
          findings.expect(answer === 'completed', `the new owner was answered ${answer}`)
        }
      }
    }
    return findings.outcome(runs * situations.length)
  } finally {
    await spine.close()
    await placed.remove()
  }
}

async function outcomeOf({ deliveries }: Spine, { id, lease_token }: ReceivedDelivery): Promise<string> {
  try {
    const { state, late, duplicate } = await deliveries.complete({ id, lease_token })
    return [state, late ? ', late' : '', duplicate ? ', a repeat' : ''].join('')
  } catch (error) {
    return error instanceof SpineError ? error.code : String(error)
  }
}
