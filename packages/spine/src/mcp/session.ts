/** One MCP session: whose it is, which spine it talks to, and the leases it holds. */

import { SpineError } from '../protocol/errors.ts'
import type { CallOptions, Spine } from '../protocol/spine.ts'
import type { HeldLeases } from './held.ts'

export type Session = {
  readonly spine: Spine
  readonly leases: HeldLeases
  /** The agent that the session speaks for, if that is settled. */
  readonly agent: string | undefined
  /** For every call: on whose behalf. */
  readonly options: CallOptions
  /** Aborted when the answer of this request cannot reach its host any more; over a pipe the session ends then. */
  readonly lost?: AbortSignal
}

/** The agent of a call: the session's, or the one that the call names where none is set. */
export function agentOf({ agent }: Session, named: string | undefined): string {
  if (agent !== undefined && named !== undefined && named !== agent)
    throw new SpineError('FORBIDDEN', `This session speaks for ${agent}, not for ${named}.`)
  const found = agent ?? named
  if (found === undefined)
    throw new SpineError('INVALID_INPUT', 'Say which `agent` you are: no agent is set for this session.')
  return found
}
