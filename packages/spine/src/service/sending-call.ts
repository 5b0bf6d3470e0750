/** From a call to a row: which envelope, to whom, until when, and whether that receiver could use it at all. */

import type { Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { type Priority, priorities, toMs } from '../protocol/scalars.ts'
import { canRead, readableVersion, sealedOf } from '../protocol/versions.ts'
import type { Agents } from './agents.ts'
import type { Caller, Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'
import type { KeyClaim } from './idempotency.ts'
import type { Sending } from './sending.ts'

export type SendingCalls = ReturnType<typeof createSendingCalls>

type Given = { envelope_id?: string | undefined; envelope?: Record<string, unknown> | undefined }
type Wanted = {
  id: string
  target: string
  priority: Priority
  deadline?: string | undefined
  claim?: KeyClaim | undefined
  /** It goes to a channel; `emitted`: the forms that are sealed with it, where they are not stored yet. */
  published?: { emitted?: readonly string[] } | undefined
}

const versionOf = (form: Envelope) => String(form.envelope_version)

export function createSendingCalls(
  { clock }: Service,
  { envelopes, agents }: { envelopes: Envelopes; agents: Agents },
) {
  /** The envelope of a call, with its bytes when it came whole. */
  const envelopeOf = async (
    given: Given,
    caller: Caller,
  ): Promise<{ envelope: Envelope; bytes: Uint8Array | undefined }> => {
    if ((given.envelope_id === undefined) === (given.envelope === undefined))
      throw new SpineError('INVALID_INPUT', 'Give the envelope either by `envelope_id` or whole as `envelope`.')
    if (given.envelope === undefined)
      return { envelope: await envelopes.mustFind(caller.ns, given.envelope_id ?? ''), bytes: undefined }
    const whole = envelopes.checkForeign(given.envelope)
    if (caller.agent !== undefined && whole.envelope.source_agent !== caller.agent)
      throw new SpineError(
        'FORBIDDEN',
        `The key is that of ${caller.agent}; the envelope is from ${whole.envelope.source_agent}.`,
      )
    return whole
  }

  /**
   * Why the target could not use it: no version it reads, or more than its window. One receiver is given a view in its
   * version; what was published stays as it was emitted.
   */
  const unusable = async (
    ns: string,
    target: string,
    envelope: Envelope,
    published?: { emitted?: readonly string[] },
  ): Promise<string | undefined> => {
    const profile = await agents.profile(ns, target)
    if (!profile) return undefined
    const accepts = profile.accepts_versions
    const sealed = String(sealedOf(envelope).envelope_version)
    if (!canRead(accepts, sealed) && (published || readableVersion(accepts) === undefined)) {
      const others = published?.emitted ?? (await envelopes.formsOf(ns, envelope.id)).map(versionOf)
      if (!others.some((version) => canRead(accepts, version)))
        return `${target} reads versions ${accepts?.join(', ')}, the envelope has ${[sealed, ...others].join(', ')}`
    }
    const window = profile.context_window === undefined ? undefined : profile.context_window - profile.reserved_tokens
    if (window !== undefined && envelope.token_count > window)
      return `${target} has room for ${window} tokens, the envelope has ${envelope.token_count}`
    return undefined
  }

  /** Milliseconds: of the call, else of the envelope, else of its constraints. */
  const deadlineOf = (call: string | undefined, envelope: Envelope): number | undefined => {
    const constraint = envelope.constraints.deadline
    const given = call ?? envelope.deadline ?? (typeof constraint === 'string' ? constraint : undefined)
    const at = given === undefined ? Number.NaN : toMs(given)
    return Number.isNaN(at) ? undefined : at
  }

  const sendingOf = async (
    ns: string,
    envelope: Envelope,
    bytes: Uint8Array | undefined,
    wanted: Wanted,
  ): Promise<Sending> => {
    const { id, target, claim, published } = wanted
    const deadline = deadlineOf(wanted.deadline, envelope)
    const expired =
      deadline !== undefined && deadline <= clock.now() ? 'the deadline passed before it was sent' : undefined
    const reason = expired ?? (await unusable(ns, target, envelope, published))
    const state = expired ? 'expired' : reason ? 'parked' : 'ready'
    return {
      ns,
      id,
      envelope,
      bytes,
      target,
      priority: priorities.indexOf(wanted.priority),
      deadline,
      state,
      reason,
      claim,
    }
  }

  return Object.freeze({ envelopeOf, unusable, deadlineOf, sendingOf })
}
