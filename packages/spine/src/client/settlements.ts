/**
 * Settlements that are made at the same time travel together: one request, one commit, and an answer for each. The
 * caller sees no difference. What is spoilt by one of them (an input that is refused) is sent again one by one.
 */

import { deliveryDefaults } from '../protocol/delivery.ts'
import { fromProblem, SpineError } from '../protocol/errors.ts'
import { isPassing } from './repeat.ts'

export const settleActions = ['accept', 'heartbeat', 'complete', 'release', 'nack'] as const
export type SettleAction = (typeof settleActions)[number]

export type Settlement = { action: SettleAction; input: object }

type Result = { delivery?: object | undefined; error?: object | undefined }
type Entry = { settlement: Settlement; resolve(delivery: unknown): void; reject(error: unknown): void }

export type SettlementCalls = {
  /** The operation of that name, for itself. */
  one(settlement: Settlement): Promise<unknown>
  /** `deliveries.settle` */
  many(items: readonly object[]): Promise<{ results: readonly Result[] }>
}

/** Requests under way at once: while one is answered, the next one gathers. */
const LANES = 2

export function gatherSettlements({ one, many }: SettlementCalls): (settlement: Settlement) => Promise<unknown> {
  let waiting: Entry[] = []
  let under_way = 0
  let scheduled = false

  const schedule = (): void => {
    if (scheduled || under_way >= LANES || waiting.length === 0) return
    scheduled = true
    // One turn later all that this turn has to say is here.
    setImmediate(() => {
      scheduled = false
      const batch = waiting.slice(0, deliveryDefaults.max_batch)
      waiting = waiting.slice(batch.length)
      under_way += 1
      void carryOut(batch).finally(() => {
        under_way -= 1
        schedule()
      })
      schedule()
    })
  }

  const oneByOne = (batch: readonly Entry[]) =>
    Promise.all(batch.map(({ settlement, resolve, reject }) => one(settlement).then(resolve, reject)))

  const carryOut = async (batch: readonly Entry[]): Promise<unknown> => {
    if (batch.length === 1) return oneByOne(batch)
    try {
      const { results } = await many(batch.map(({ settlement: { action, input } }) => ({ ...input, action })))
      for (const [index, { resolve, reject }] of batch.entries()) {
        const { delivery, error } = results[index] ?? {}
        if (delivery) resolve(delivery)
        else reject(fromProblem(error, 200))
      }
    } catch (error) {
      const spoilt = error instanceof SpineError && !isPassing(error) && error.code !== 'CALL_TIMEOUT'
      if (spoilt) return oneByOne(batch)
      for (const { reject } of batch) reject(error)
    }
    return undefined
  }

  return (settlement) =>
    new Promise((resolve, reject) => {
      waiting.push({ settlement, resolve, reject })
      schedule()
    })
}
