/** What receivers call: in time, too late, twice, or never again. */

import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import { startCall } from './call.ts'
import { documentOf, leaseCall, leaseFor, note, pick, recent, type Starter } from './choosing.ts'
import { claim, claimTold, type LeaseAction, settle, told } from './lease-rules.ts'
import * as rules from './sender-rules.ts'
import { type HeldLease, letGo, remember, type World } from './world.ts'

const lease_times = [1_000, 15_000, 60_000, 60_000]

const received = (world: World, deliveries: readonly ReceivedDelivery[]): string => {
  for (const { id, lease_token, target, envelope_id, envelope } of deliveries) {
    const lease = { id, token: lease_token, target, envelope_id }
    remember(world.leases, lease)
    remember(world.open, lease)
    note(world, { id, envelope_id, target })
    if (envelope_id.startsWith('env-sim') && envelope.digest !== documentOf(envelope_id).digest) return 'DAMAGED'
  }
  return deliveries.map(({ id }) => id).join(' ')
}

const receiveWith =
  (wait_ms: number): Starter =>
  (world, [a, b, c], alone) => {
    const target = pick(world.mood.agents, a)
    const max = pick([1, 1, 2, 5], b)
    const lease_ms = pick(lease_times, c)
    return startCall({
      words: `${wait_ms === 0 ? 'receive' : 'wait'} ${target} max ${max} for ${lease_ms}`,
      promise: world.spine.deliveries.receive({ agent: target, max, wait_ms, lease_ms }),
      waits: wait_ms > 0 && 'poll',
      say: ({ deliveries }) => received(world, deliveries),
      apply(book, answer) {
        const taken = answer?.deliveries.map(({ id, lease_token }) => ({ id, token: lease_token }))
        const rule = alone && wait_ms === 0 && answer !== undefined ? claim : claimTold
        return rule(book, { target, max, lease_ms, taken })
      },
    })
  }

type Simple = 'accept' | 'heartbeat' | 'complete' | 'release'

const settleWith =
  (action: Simple): Starter =>
  (world, [a, b]) => {
    const { id, token } = leaseFor(world, a)
    const lease_ms = action === 'accept' || action === 'heartbeat' ? pick([undefined, 5_000, 120_000], b) : undefined
    const extra = lease_ms === undefined ? {} : { lease_ms }
    const promise = world.spine.deliveries[action]({ id, lease_token: token, ...extra })
    return leaseCall(world, token, `${action} ${id} ${token.slice(0, 9)}`, promise, (book) =>
      settle(book, { id, token, action, ...extra }),
    )
  }

const nackActions: Readonly<Record<string, LeaseAction>> = {
  retry: 'nack_retry',
  fatal: 'nack_fatal',
  needs_clarification: 'nack_clarify',
}

const nack: Starter = (world, [a, b, c]) => {
  const { id, token } = leaseFor(world, a)
  const kind = pick(['retry', 'retry', 'retry', 'retry', 'fatal', 'needs_clarification'] as const, b)
  const delay_ms = pick([undefined, 0, 0, 0, 2_000], c)
  const extra = delay_ms === undefined ? {} : { delay_ms }
  const promise = world.spine.deliveries.nack({ id, lease_token: token, kind, reason: 'not now', ...extra })
  return leaseCall(world, token, `nack ${kind} ${id} ${token.slice(0, 9)}`, promise, (book) =>
    settle(book, { id, token, action: nackActions[kind] as LeaseAction, ...extra }),
  )
}

const decline: Starter = (world, [a]) => {
  const { id, token } = leaseFor(world, a)
  const promise = world.spine.deliveries.nack({ id, lease_token: token, kind: 'declined', reason: 'not mine' })
  return leaseCall(world, token, `decline ${id} ${token.slice(0, 9)}`, promise, (book) =>
    rules.decline(book, { id, token }),
  )
}

const forwardWith =
  (joins: boolean): Starter =>
  (world, [a, b, c, d]) => {
    const lease = leaseFor(world, a)
    const others = joins ? [recent(world.leases, b), recent(world.leases, c)] : []
    const also = [
      ...new Map(others.flatMap((other) => (other && other.id !== lease.id ? [[other.id, other]] : []))).values(),
    ] as HeldLease[]
    const fans_out = d % 3 === 0
    const targets = fans_out ? ['ada', 'bob', 'cyd'] : [pick(world.mood.agents, d >>> 3)]
    const channel = fans_out ? 'next' : undefined
    const promise = world.spine.deliveries.forward({
      id: lease.id,
      lease_token: lease.token,
      also: also.map(({ id, token }) => ({ id, lease_token: token })),
      handoff: {
        // Never the same twice: that would be a circle.
        task_summary: `What follows ${lease.token}.`,
        include_recent: 0,
        include_pins: false,
        ...(fans_out ? {} : { target_agent: targets[0] as string }),
      },
      ...(channel === undefined ? {} : { channel, receivers: targets }),
    })
    return startCall({
      words: `forward ${lease.id} ${lease.token.slice(0, 9)}${also.map(({ id }) => ` and ${id}`).join('')} to ${targets.join(', ')}`,
      promise,
      say({ delivery }) {
        for (const { token } of [lease, ...also]) letGo(world, token)
        return told(delivery, delivery.duplicate)
      },
      apply: (book) =>
        rules.forward(book, {
          lease,
          also,
          targets,
          ...(channel === undefined ? {} : { channel }),
          hopOf: (id) => world.hops.get(id) ?? 1,
        }),
    })
  }

export const receiverCommands = {
  receive: receiveWith(0),
  wait: receiveWith(20_000),
  accept: settleWith('accept'),
  heartbeat: settleWith('heartbeat'),
  complete: settleWith('complete'),
  release: settleWith('release'),
  nack,
  decline,
  forward: forwardWith(false),
  join: forwardWith(true),
}
