/** The call that ends a delivery and hands its work on in one commit, as a handler writes it. */

import type { HandoffInput } from '../protocol/handoff.ts'
import type { Priority } from '../protocol/scalars.ts'
import type { Spine } from '../protocol/spine.ts'
import type { Lease } from './lease.ts'

type NextHandoff = Omit<HandoffInput, 'previous' | 'source_agent' | 'target_agent' | 'idempotency_key'>

/** The next handoff; its sender is this receiver, its `previous` this delivery and those of `also`. */
export type ForwardInput = NextHandoff & {
  /** Who is next. Default: `next_agent` of this agent's profile; not needed with a `channel`. */
  target_agent?: string
  /** What this agent made, kept with the delivery and in the history of the next envelope. Default: none. */
  output?: unknown
  /** Other deliveries of this agent that end here as well, where branches join, at most 15. Default: none. */
  also?: readonly Lease[]
  /** Publishes to the `receivers` under this name, instead of to one agent. Default: one agent. */
  channel?: string
  /** Who gets it on the `channel`, 1 to 1,000 names. Default: none; a channel needs them. */
  receivers?: readonly string[]
  /** Of the deliveries that are sent. Default `normal`. */
  priority?: Priority
}

/** This delivery, completed; the next envelope; and its deliveries. */
export type Forwarded = Awaited<ReturnType<Spine['deliveries']['forward']>>

type ForwardCall = Parameters<Spine['deliveries']['forward']>[0]

/** `output` is given apart, because it is read as JSON and gets the gaps of the context. */
export function forwardCall(lease: Lease, input: ForwardInput, output: unknown): ForwardCall {
  const { output: _output, also, channel, receivers, priority, ...handoff } = input
  return {
    ...lease,
    handoff,
    ...(output === undefined ? {} : { output: output as never }),
    ...(also && { also: also.map(({ id, lease_token }) => ({ id, lease_token })) }),
    ...(channel !== undefined && { channel }),
    ...(receivers && { receivers: [...receivers] }),
    ...(priority && { priority }),
  }
}
