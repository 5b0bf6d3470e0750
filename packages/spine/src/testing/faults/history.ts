/**
 * What the clients of a fault did and were told, in order. A call is invoked, and then answered (`ok`), refused
 * (`fail`), or of unknown outcome (`info`): the connection broke, and it may or may not have happened.
 */

import { performance } from 'node:perf_hooks'

export type Told = {
  op: 'send' | 'publish' | 'receive' | 'accept' | 'heartbeat' | 'complete' | 'nack'
  namespace: string
  envelope_id: string
  /** Of a send or publish: what was sealed, and to whom. */
  digest?: string
  receivers?: readonly string[]
  /** Of everything that a receiver says or hears. */
  delivery_id?: string
  epoch?: number
  /** Until when the lease was promised, and when the server began it, in its own time, ms. */
  lease_until?: number
  leased_at?: number
  duplicate?: boolean
}

export type Event = Told & {
  kind: 'invoke' | 'ok' | 'fail' | 'info'
  /** Ties the answer to its call. */
  call: number
  /** Monotonic, ms. */
  at: number
}

export type History = {
  readonly events: readonly Event[]
  /** Writes down a call and what becomes of it. `answered` adds what the answer says. */
  call<T>(told: Told, work: () => Promise<T>, answered?: (answer: T) => Partial<Told>): Promise<T>
  /** Something that was heard without a call of its own: a delivery in an answer to a poll. */
  heard(told: Told): void
}

/** `unknown` tells failures that say nothing about the outcome from refusals. */
export function createHistory(unknown: (error: unknown) => boolean): History {
  const events: Event[] = []
  let calls = 0
  const write = (kind: Event['kind'], call: number, told: Told) => {
    events.push({ ...told, kind, call, at: performance.now() })
  }
  return Object.freeze({
    events,
    async call<T>(told: Told, work: () => Promise<T>, answered: (answer: T) => Partial<Told> = () => ({})) {
      calls += 1
      const call = calls
      write('invoke', call, told)
      try {
        const answer = await work()
        write('ok', call, { ...told, ...answered(answer) })
        return answer
      } catch (error) {
        write(unknown(error) ? 'info' : 'fail', call, told)
        throw error
      }
    },
    heard(told: Told) {
      calls += 1
      write('ok', calls, told)
    },
  })
}
