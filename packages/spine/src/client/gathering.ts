/**
 * Calls that are made at the same time travel together: one request, and an answer for each. The caller sees no
 * difference. What is spoilt by one of them (an input that is refused) is sent again one by one.
 */

import { deliveryDefaults } from '../protocol/delivery.ts'
import { fromProblem, SpineError } from '../protocol/errors.ts'
import { isPassing } from './repeat.ts'

type Result = { delivery?: object | undefined; error?: object | undefined }
type Entry<Item> = { item: Item; resolve(delivery: unknown): void; reject(error: unknown): void }

export type GatheredCalls<Item> = {
  /** The operation for one of them. */
  one(item: Item): Promise<unknown>
  /** The operation for many, which answers in their order. */
  many(items: readonly Item[]): Promise<{ results: readonly Result[] }>
  /** How much of a request it fills, about, in bytes; without it, their number alone is bounded. */
  sizeOf?(item: Item): number
}

/** Requests under way at once: while one is answered, the next one gathers. */
const LANES = 2
/** The server reads a request in one turn of its event loop, in which nobody else is answered. */
const MAX_BYTES = 131_072

export function gather<Item>({ one, many, sizeOf = () => 0 }: GatheredCalls<Item>): (item: Item) => Promise<unknown> {
  let waiting: Entry<Item>[] = []
  let under_way = 0
  let scheduled = false

  const schedule = (): void => {
    if (scheduled || under_way >= LANES || waiting.length === 0) return
    scheduled = true
    // One turn later all that this turn has to say is here.
    setImmediate(() => {
      scheduled = false
      const batch = waiting.slice(0, fitting(waiting))
      waiting = waiting.slice(batch.length)
      under_way += 1
      void carryOut(batch).finally(() => {
        under_way -= 1
        schedule()
      })
      schedule()
    })
  }

  /** How many of them fill a request; at least one. */
  const fitting = (entries: readonly Entry<Item>[]): number => {
    let bytes = 0
    const over = entries.findIndex(({ item }) => {
      bytes += sizeOf(item)
      return bytes > MAX_BYTES
    })
    return Math.min(over < 0 ? entries.length : Math.max(1, over), deliveryDefaults.max_batch)
  }

  const oneByOne = (batch: readonly Entry<Item>[]) =>
    Promise.all(batch.map(({ item, resolve, reject }) => one(item).then(resolve, reject)))

  const carryOut = async (batch: readonly Entry<Item>[]): Promise<unknown> => {
    if (batch.length === 1) return oneByOne(batch)
    try {
      const { results } = (await many(batch.map(({ item }) => item))) as { results?: readonly Result[] }
      if (results?.length !== batch.length)
        throw new SpineError('INTERNAL', `The server did not answer each of ${batch.length} calls that went together.`)
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

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      schedule()
    })
}
