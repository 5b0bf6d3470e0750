/** What handlers did to the world outside, written down by them, so that a test can see what was done twice. */

import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'

export type Effect = {
  readonly envelope_id: string
  readonly target: string
  /** What was done: one delivery may have several effects. */
  readonly name: string
}

export type EffectLog = Iterable<Effect> & {
  /** Call it where the effect is made: the mail sent, the order placed. */
  add(delivery: Pick<ReceivedDelivery, 'envelope_id' | 'target'>, name?: string): void
  readonly count: number
}

export function effectLog(): EffectLog {
  const effects: Effect[] = []
  return Object.freeze({
    add({ envelope_id, target }: Pick<ReceivedDelivery, 'envelope_id' | 'target'>, name = 'effect') {
      effects.push(Object.freeze({ envelope_id, target, name }))
    },
    get count() {
      return effects.length
    },
    [Symbol.iterator]: () => effects[Symbol.iterator](),
  })
}
