/** Everything that one schedule plays with: the server in its present life, its callers, and what they remember. */

import type { Spine } from '../../protocol/spine.ts'
import type { Call } from './call.ts'
import type { Mood } from './moods.ts'

/** What a receiver was given, and may use long after it has lost it. */
export type HeldLease = { id: string; token: string; target: string; envelope_id: string }

export type World = {
  spine: Spine
  /** In simulated milliseconds. */
  now(): number
  readonly mood: Mood
  /** What a person sees in the dead-letter box. */
  parked(): string[]
  /** Newest last; callers pick mostly from the end. */
  readonly leases: HeldLease[]
  /** Those of them that nothing was said about yet that ends them. */
  readonly open: HeldLease[]
  /** Ids of deliveries that senders know. */
  readonly known: { id: string; envelope_id: string; target: string }[]
  /** Hop of each envelope. */
  readonly hops: Map<string, number>
  /** Envelopes used so far. */
  envelopes: number
  /** Publications of new envelopes in this step, by channel: all of these get it, or nobody does. */
  readonly publications: Map<string, { envelope_id: string; targets: readonly string[] }>
  /** Channels used so far. */
  channels: number
  /** Sends that can be said once more. */
  readonly calls: (() => Call)[]
  /** Long polls and waits that have not been answered yet. */
  pending: Call[]
}

export const remember = <T>(list: T[], item: T, most = 400): void => {
  list.push(item)
  if (list.length > most) list.splice(0, most / 2)
}

/** The holder has heard that its lease is over. */
export const letGo = (world: World, token: string): void => {
  const at = world.open.findIndex((lease) => lease.token === token)
  if (at >= 0) world.open.splice(at, 1)
}
