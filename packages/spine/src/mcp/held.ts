/**
 * The leases of a model. A model cannot send heartbeats and should not carry tokens, so they are kept here for it:
 * a tool names a delivery by its id alone. Over a connection that stays, the lease is kept alive for at most an hour;
 * over stateless HTTP it is taken long enough to work, and nothing is kept alive for a model that may have gone.
 */

import { type Delivery, deliveryDefaults } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import type { CallOptions, Spine } from '../protocol/spine.ts'

/** How long a lease is kept alive for a session that says nothing. */
const KEPT_MS = deliveryDefaults.max_lease_ms
/** The lease of a session without a connection. */
const STATELESS_LEASE_MS = 900_000
/** Leases one holder remembers; the oldest are forgotten first, and run out by themselves. */
const MAX_HELD = 1_000

type Held = { token: string; agent: string; envelope_id: string; since: number; stop: () => void }

export type Lease = { id: string; lease_token: string }

export type HeldLeases = {
  /** What a receive is asked for. */
  readonly lease_ms: number
  hold(delivery: ReceivedDelivery, agent: string): void
  /** Throws LEASE_LOST when this session does not hold it. */
  find(delivery_id: string): Lease & { agent: string; envelope_id: string }
  drop(delivery_id: string): void
  /** Gives these back, as far as they were not accepted. */
  release(deliveries: readonly Lease[]): Promise<void>
  /** Gives back what was not accepted; the rest runs out by itself. */
  close(): Promise<void>
}

export function holdLeases(spine: Spine, options: CallOptions, { connected }: { connected: boolean }): HeldLeases {
  const held = new Map<string, Held>()
  const lease_ms = connected ? deliveryDefaults.lease_ms : STATELESS_LEASE_MS

  const drop = (id: string) => {
    held.get(id)?.stop()
    held.delete(id)
  }

  /** A heartbeat at every third of the lease, until it is settled, another's, or an hour old. */
  function beat(id: string, token: string): () => void {
    const since = performance.now()
    const timer = setInterval(() => {
      if (performance.now() - since > KEPT_MS) return drop(id)
      spine.deliveries.heartbeat({ id, lease_token: token, lease_ms }, options).catch((error) => {
        // A server that cannot be reached is not a lost lease.
        if (error instanceof SpineError && !error.retryable) drop(id)
      })
    }, lease_ms / 3)
    timer.unref()
    return () => clearInterval(timer)
  }

  /** What was accepted cannot be released: its lease ends by itself, and it is handed out again. */
  async function release(leases: readonly Lease[]): Promise<void> {
    for (const { id, lease_token } of leases) if (held.get(id)?.token === lease_token) drop(id)
    const items = leases.map(({ id, lease_token }) => ({ action: 'release' as const, id, lease_token }))
    for (let at = 0; at < items.length; at += deliveryDefaults.max_batch)
      await spine.deliveries
        .settle({ items: items.slice(at, at + deliveryDefaults.max_batch) }, options)
        .catch(() => {})
  }

  return Object.freeze({
    lease_ms,
    hold(delivery: ReceivedDelivery, agent: string) {
      const { id, lease_token: token, envelope } = delivery
      drop(id)
      const stop = connected ? beat(id, token) : () => {}
      held.set(id, { token, agent, envelope_id: envelope.id, since: performance.now(), stop })
      for (const oldest of held.keys()) {
        if (held.size <= MAX_HELD) break
        drop(oldest)
      }
    },
    find(id: string) {
      const found = held.get(id)
      if (found) return { id, lease_token: found.token, agent: found.agent, envelope_id: found.envelope_id }
      throw new SpineError('LEASE_LOST', `This session does not hold delivery ${id}: take it with handoff_inbox.`, {
        id,
      })
    },
    drop,
    release,
    close: () => release([...held].map(([id, { token }]) => ({ id, lease_token: token }))),
  })
}

/** What a model needs to know of a delivery; the rest is for programs. */
export const briefOf = ({ id, envelope_id, source_agent, target, state, reason, question, output }: Delivery) => ({
  delivery_id: id,
  envelope_id,
  from: source_agent,
  to: target,
  state,
  ...(reason === undefined ? {} : { reason }),
  ...(question === undefined ? {} : { question }),
  ...(output === undefined ? {} : { output }),
})
