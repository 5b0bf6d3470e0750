/** The end of a schedule: nobody sends, every receiver is well, and time goes on. Nothing may be left over. */

import type { Standing } from './book.ts'
import { type Call, startCall } from './call.ts'
import type { Violation } from './invariants.ts'
import { claim, settle, told } from './lease-rules.ts'
import { agents } from './sender-rules.ts'
import type { Step } from './steps.ts'
import type { World } from './world.ts'

/** Longer than the longest lease, backoff or cool-down of the simulation. */
const ROUND_MS = 700_000
/** Far more than a delivery with three attempts and a breaker before it can need. */
const ROUNDS = 40

type Take = (step: Omit<Step, 'commands'>, start: () => (Call | undefined)[]) => Promise<Call[]>

/** What is stuck, if anything is. */
export async function drain(parts: { take: Take; world: World; standing: Standing }): Promise<Violation | undefined> {
  const { take, world, standing } = parts
  let at = 1_000_000
  const moving = () => [...standing.live.values()].filter((row) => row.state !== 'parked')
  const step = (passes: number) => {
    at += 1
    return { at, passes, fires: passes > 0 }
  }
  // Whoever still waits is answered first.
  await take(step(ROUND_MS), () => [])
  for (let round = 0; moving().length > 0; round += 1) {
    if (round === ROUNDS)
      return {
        guarantee: 'G2',
        what: `stuck: ${moving()
          .map(({ key, state }) => `${key} is ${state}`)
          .join(', ')}`,
      }
    for (const target of agents) {
      const [receiving] = await take(step(0), () => [receive(world, target)])
      for (const id of receiving?.answer?.split(' ').filter(Boolean) ?? [])
        await take(step(0), () => [complete(world, id)])
    }
    await take(step(ROUND_MS), () => [])
  }
  return undefined
}

const LEASE_MS = 60_000
const MAX = 256

function receive(world: World, target: string): Call {
  return startCall({
    words: `receive ${target}`,
    promise: world.spine.deliveries.receive({ agent: target, max: MAX, wait_ms: 0, lease_ms: LEASE_MS }),
    say({ deliveries }) {
      for (const { id, lease_token, envelope_id } of deliveries)
        world.leases.push({ id, token: lease_token, target, envelope_id })
      return deliveries.map(({ id }) => id).join(' ')
    },
    apply(book, answer) {
      const taken = answer?.deliveries.map(({ id, lease_token }) => ({ id, token: lease_token }))
      return claim(book, { target, max: MAX, lease_ms: LEASE_MS, taken })
    },
  })
}

function complete(world: World, id: string): Call {
  const token = world.leases.findLast((lease) => lease.id === id)?.token ?? ''
  return startCall({
    words: `complete ${id}`,
    promise: world.spine.deliveries.complete({ id, lease_token: token }),
    say: (row) => told(row, row.duplicate),
    apply: (book) => settle(book, { id, token, action: 'complete' }),
  })
}
