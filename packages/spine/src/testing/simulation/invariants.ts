/**
 * What must hold after every step, whatever the model thinks: the promises of the delivery engine, read off the rows
 * themselves. Each is named by its guarantee.
 */

import { deliveryState, terminalStates } from '../../protocol/delivery.ts'
import type { Standing } from './book.ts'
import type { Observed } from './explain.ts'
import { keyOf, type Seen } from './seen.ts'

export type Violation = { guarantee: string; what: string }

const isOver = (row: Seen) => terminalStates.includes(row.state)
const isHeld = (row: Seen) => row.state === 'leased' || row.state === 'accepted'
const claimedNow = (row: Seen, before: Seen | undefined) => row.epoch > (before?.epoch ?? 0)

/** A row by itself. */
function ofRow(row: Seen): Violation | undefined {
  const { key, state } = row
  if (!deliveryState.options.includes(state))
    return { guarantee: 'G2', what: `${key} is "${state}", which is no state` }
  if (isHeld(row) && (row.lease_until === null || row.token === null))
    return { guarantee: 'G2', what: `${key} is ${state} without a lease: nothing would ever happen to it` }
  if (!isHeld(row) && row.lease_until !== null)
    return { guarantee: 'G6', what: `${key} is ${state} and still has a lease` }
  if (isOver(row) !== (row.settled_at !== null))
    return { guarantee: 'G2', what: `${key} is ${state} and settled at ${row.settled_at}` }
  if (row.attempts > row.max_attempts || row.attempts < 0)
    return { guarantee: 'G9', what: `${key} has ${row.attempts} attempts of ${row.max_attempts}` }
  if (row.claims > row.max_claims || row.claims < 0)
    return { guarantee: 'G9', what: `${key} has ${row.claims} claims of ${row.max_claims}` }
  if (row.accepted_epoch > row.epoch)
    return { guarantee: 'G6', what: `${key} counted lease ${row.accepted_epoch} of ${row.epoch}` }
  if (state === 'rerouted' && row.successor === null) return { guarantee: 'G2', what: `${key} is rerouted to nobody` }
  return undefined
}

/** The longest lease and the longest pause that callers of the simulation ask for. */
const LONGEST_LEASE_MS = 120_000
const LONGEST_PAUSE_MS = 30_000

/** Whatever was done to clocks, nothing waits longer than somebody wanted. */
function ofTimes({ key, state, lease_until, ready_at }: Seen, now: number): Violation | undefined {
  if (lease_until !== null && lease_until > now + LONGEST_LEASE_MS)
    return { guarantee: 'G18', what: `${key} is ${state} for ${lease_until - now} ms to come` }
  if (state === 'ready' && ready_at > now + LONGEST_PAUSE_MS)
    return { guarantee: 'G18', what: `${key} is not handed out for ${ready_at - now} ms` }
  return undefined
}

/** A row against what it was. */
function ofChange(row: Seen, before: Seen): Violation | undefined {
  const { key } = row
  if (row.epoch < before.epoch) return { guarantee: 'G6', what: `${key}: epoch ${before.epoch} became ${row.epoch}` }
  if (row.generation < before.generation) return { guarantee: 'G2', what: `${key}: its generation went back` }
  if (isOver(before) && row.state !== before.state)
    return { guarantee: 'G2', what: `${key} was ${before.state} for good and is ${row.state}` }
  if (row.id !== before.id) return { guarantee: 'G5', what: `${key} was ${before.id} and is ${row.id}` }
  return undefined
}

/** Under a breaker that is open before and after, at most one delivery is out that was handed out since. */
function probes(standing: Standing, observed: Observed): Violation | undefined {
  for (const [target, before] of standing.breakers) {
    const after = observed.breakers.get(target)
    if (!after || before.state === 'closed' || after.state === 'closed') continue
    const out = [...observed.deliveries.values()].filter(
      (row) => row.target === target && isHeld(row) && claimedNow(row, standing.live.get(row.key)),
    )
    const probe_is_out = [...standing.live.values()].some((row) => row.id === before.probe_id && isHeld(row))
    // What was given back and handed out again in one step is the same probe.
    const another = probe_is_out && before.probe_id === after.probe_id && !out.some(({ id }) => id === before.probe_id)
    if (out.length + (another ? 1 : 0) > 1)
      return {
        guarantee: 'G11',
        what: `${target}: ${out.map(({ key }) => key).join(' and ')} are out under an open breaker`,
      }
  }
  return undefined
}

export function brokenPromise(standing: Standing, observed: Observed): Violation | undefined {
  for (const row of observed.deliveries.values()) {
    const before = standing.live.get(row.key) ?? standing.over.get(row.key)
    const found = ofRow(row) ?? ofTimes(row, observed.now) ?? (before && ofChange(row, before))
    if (found) return found
  }
  return probes(standing, observed)
}

/** All receivers of a publication have a delivery, or none has. */
export function halfPublished(
  publications: ReadonlyMap<string, { envelope_id: string; targets: readonly string[] }>,
  observed: Observed,
): Violation | undefined {
  for (const [channel, { envelope_id, targets }] of publications) {
    const there = targets.filter((target) => observed.deliveries.get(keyOf(envelope_id, target))?.channel === channel)
    if (there.length > 0 && there.length < targets.length)
      return { guarantee: 'G4', what: `${envelope_id} reached ${there.join(', ')} of ${targets.join(', ')}` }
  }
  return undefined
}
