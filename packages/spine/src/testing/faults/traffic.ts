/**
 * Clients under a fault: senders that repeat what they do not know the outcome of, and receivers that accept, make
 * their effect once, and complete. Everything they do and hear goes into one history.
 */

import { connect } from '../../client/connect.ts'
import { digestOf } from '../../protocol/canonical.ts'
import type { Delivery } from '../../protocol/delivery.ts'
import { SpineError } from '../../protocol/errors.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import type { Spine } from '../../protocol/spine.ts'
import type { Seeded } from '../seeded.ts'
import type { Evidence } from './checker.ts'
import type { Effects } from './effects.ts'
import { pause } from './fault.ts'
import { createHistory, type Told } from './history.ts'
import { ledgerOf } from './ledger.ts'
import { sealed } from './sealing.ts'

export type TrafficOptions = {
  endpoint: string
  chance: Seeded
  effects: Effects
  /** Clients that send, each on its own. */
  senders: number
  /** Clients that receive, spread over all inboxes. */
  receivers: number
  /** The longest pause of a sender between two sends, in ms. */
  pace_ms: number
  lease_ms: number
  /** Keeps the ids of two runs over one store apart. */
  run: string
  /** Receivers make their effects without an inbox: a negative control. */
  no_inbox?: boolean
}

export type Traffic = {
  /** Envelopes whose send was acknowledged so far. */
  acknowledged(): number
  /** Nothing new is sent; resolves when every send has an answer. */
  stopSending(): Promise<void>
  /** Waits until nothing is under way, for at most `drain_ms`, and ends the receivers: what the checker wants to see. */
  drain(drain_ms: number): Promise<Evidence>
}

const namespaces = ['blue', 'green']
const agents = ['analyst', 'coder', 'reviewer', 'writer']

/** Of a hundred sends: broadcasts, and repeats of a send that was answered. */
const BROADCASTS = 10
const REPEATS = 5
/** Of a hundred accepted deliveries: handed back, and left behind as by a crash. */
const HANDED_BACK = 4
const LEFT_BEHIND = 2

/** Sooner, those who call a server that starts would keep it from starting. */
const AGAIN_MS = 100

const unknownOutcome = (error: unknown): boolean => !(error instanceof SpineError) || error.retryable

export function startTraffic(options: TrafficOptions): Traffic {
  const { endpoint, chance, effects, lease_ms, pace_ms, run } = options
  const history = createHistory(unknownOutcome)
  const spines = new Map(
    namespaces.map((namespace) => [namespace, connect({ endpoint, namespace, timeout_ms: 4_000 })]),
  )
  const spineOf = (namespace: string) => spines.get(namespace) as Spine
  const receiving = new AbortController()
  let sending = true
  let made = 0
  let acknowledged = 0

  /** Until it is answered: the key says that it is the same. */
  async function sendOne(): Promise<void> {
    const namespace = chance.pick(namespaces)
    made += 1
    const broadcast = chance.int(100) < BROADCASTS
    const target = chance.pick(agents)
    const id = `env-${run}-${made}`
    const envelope = sealed({ id, namespace, target_agent: broadcast ? 'broadcast' : target })
    const receivers = broadcast ? agents.slice(0, 3) : [target]
    const told = { namespace, envelope_id: id, digest: envelope.digest, receivers }
    const { channels, deliveries } = spineOf(namespace)
    const attempt = () =>
      broadcast
        ? history.call({ op: 'publish', ...told }, () =>
            channels.publish({ channel: 'findings', envelope, receivers, idempotency_key: id }),
          )
        : history.call({ op: 'send', ...told }, () => deliveries.send({ envelope, target, idempotency_key: id }))
    for (let repeats = chance.int(100) < REPEATS ? 1 : 0; repeats >= 0; ) {
      try {
        await attempt()
        repeats -= 1
      } catch (error) {
        if (!unknownOutcome(error)) throw error
        await pause(AGAIN_MS)
      }
    }
    acknowledged += 1
  }

  async function sender(): Promise<void> {
    while (sending) {
      await sendOne()
      await pause(chance.int(pace_ms))
    }
  }

  /** What a receiver says about its delivery, until it is answered or overtaken. */
  async function say(op: 'accept' | 'complete' | 'nack', namespace: string, held: ReceivedDelivery): Promise<boolean> {
    const { deliveries } = spineOf(namespace)
    const lease = { id: held.id, lease_token: held.lease_token }
    const told: Told = { op, namespace, envelope_id: held.envelope_id, delivery_id: held.id, epoch: held.epoch }
    const answered = ({ duplicate, lease_until }: Delivery) => ({
      duplicate: duplicate === true,
      ...(lease_until === undefined ? {} : { lease_until: Date.parse(lease_until) }),
    })
    for (;;) {
      try {
        await history.call(
          told,
          () => (op === 'nack' ? deliveries.nack({ ...lease, reason: 'not now', delay_ms: 0 }) : deliveries[op](lease)),
          answered,
        )
        return true
      } catch (error) {
        if (!unknownOutcome(error)) return false
        await pause(AGAIN_MS)
      }
    }
  }

  async function work(namespace: string, held: ReceivedDelivery): Promise<void> {
    history.heard({
      op: 'receive',
      namespace,
      envelope_id: held.envelope_id,
      delivery_id: held.id,
      epoch: held.epoch,
      digest: digestOf(held.envelope),
      lease_until: Date.parse(held.lease_until),
      leased_at: Date.parse(held.lease_until) - lease_ms,
    })
    if (!(await say('accept', namespace, held))) return
    const fate = sending ? chance.int(100) : 99
    if (options.no_inbox) await effects.always(held)
    else await effects.once(held)
    if (fate < LEFT_BEHIND) return
    await say(fate < LEFT_BEHIND + HANDED_BACK ? 'nack' : 'complete', namespace, held)
  }

  async function receiver(index: number): Promise<void> {
    const namespace = namespaces[index % namespaces.length] as string
    const agent = agents[Math.floor(index / namespaces.length) % agents.length] as string
    const { signal } = receiving
    while (!signal.aborted) {
      try {
        const wanted = { agent, max: 4, wait_ms: 1_000, lease_ms }
        const answer = await spineOf(namespace).deliveries.receive(wanted, { signal })
        await Promise.all(answer.deliveries.map((held) => work(namespace, held)))
        if (answer.retry_after_ms) await pause(100)
      } catch {
        if (!signal.aborted) await pause(AGAIN_MS)
      }
    }
  }

  const senders = Array.from({ length: options.senders }, sender)
  const receivers = Array.from({ length: options.receivers }, (_, index) => receiver(index))

  return Object.freeze({
    acknowledged: () => acknowledged,
    async stopSending() {
      sending = false
      await Promise.all(senders)
    },
    async drain(drain_ms: number) {
      const all = namespaces.map(async (namespace) => {
        // As long as it takes: nobody else reads the evidence.
        const reader = connect({ endpoint, namespace, timeout_ms: drain_ms })
        const found = await ledgerOf(reader, { namespace, drain_ms })
        await reader.close()
        return found
      })
      const ledger = (await Promise.all(all)).flat()
      receiving.abort()
      await Promise.all(receivers)
      for (const spine of spines.values()) await spine.close()
      return { events: history.events, ledger, effects: effects.all() }
    },
  })
}
