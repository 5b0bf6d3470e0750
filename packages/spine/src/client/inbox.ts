/**
 * Deliveries come at least once; their effects should be made once. An inbox keeps a mark per effect and makes it only
 * where there is no mark yet. How strong that is depends on where the marks are:
 *
 * - beside the effect, in the same database transaction, the effect is made once, whatever crashes. Make the inbox
 *   where the transaction begins: either both are committed or neither is.
 *
 *       await database.transaction(async (tx) => {
 *         const inbox = new Inbox({ store: marksIn(tx) })
 *         await inbox.once(delivery, () => tx.insert(invoice))
 *       })
 *
 *   `take` is then `insert into inbox (key) values ($1) on conflict do nothing` and, when that inserted nothing,
 *   `select result from inbox where key = $1`; `done` is `update inbox set result = $2 where key = $1`. There is no
 *   `drop`: the rollback removes the mark. Another transaction that takes the same key waits for this one.
 * - in memory, the default, it is made once for as long as this process lives.
 */

import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import { type InboxStore, marksInMemory } from './marks.ts'

export type InboxOptions = {
  /** Default: in memory, the newest 100,000 marks. */
  store?: InboxStore
}

export type OnceOptions = {
  /** Tells the effects of one delivery apart, where there are several. Default: "", the only one. */
  effect?: string
}

/** What a mark is made of: the envelope and the receiver. A redelivery and a redrive have the same. */
export type Arrival = {
  readonly target: string
  readonly envelope: Pick<ReceivedDelivery['envelope'], 'id' | 'digest'>
}

export class Inbox {
  readonly #store: InboxStore

  constructor({ store = marksInMemory() }: InboxOptions = {}) {
    this.#store = store
  }

  /** Calls `fn` once for an envelope and its receiver. A repeat answers with the first result, a failure may repeat. */
  async once<T>(
    { target, envelope }: Arrival,
    fn: () => T | Promise<T>,
    { effect = '' }: OnceOptions = {},
  ): Promise<T> {
    // The digest keeps envelopes of the same id, from other namespaces, apart.
    const key = JSON.stringify([envelope.id, envelope.digest, target, effect])
    const mark = await this.#store.take(key)
    if (!mark.taken) return mark.result as T
    let result: T
    try {
      result = await fn()
    } catch (error) {
      await this.#store.drop?.(key)
      throw error
    }
    await this.#store.done(key, result)
    return result
  }
}
