/** One attempt to push one leased delivery: what is posted, and what its answer makes of the delivery. */

import { deliveryDefaults } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import { limits } from '../protocol/limits.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import { render } from '../protocol/render.ts'
import { toIso } from '../protocol/scalars.ts'
import type { Operations } from '../protocol/spine.ts'
import { backoffMs } from '../rules/backoff.ts'
import { type PushVerdict, verdictOf } from '../rules/push-answer.ts'
import type { Agents } from './agents.ts'
import type { Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'
import { postWebhook, type WebhookOptions } from './outbound/webhook.ts'

export type PushTarget = {
  readonly ns: string
  readonly name: string
  readonly url: string
  readonly secrets: readonly string[]
  readonly accept_lease_ms: number
  /** The profile as it was stored then: what this address answers says nothing about one that was set later. */
  readonly set_as: { readonly profile: string; readonly push_secrets: string }
}

export type AttemptRooms = {
  operations: Operations
  agents: Agents
  envelopes: Envelopes
  /** The address of the target said that it is gone. */
  stopPush(target: PushTarget, reason: string): Promise<void>
}

type Output = Parameters<Operations['deliveries']['complete']>[0]['output']

/** Room for a whole output; a longer one belongs into a memory. */
const MAX_ANSWER_BYTES = limits.envelope_bytes

/** Stays the same until somebody redrives the delivery, so that a receiver can tell a repeat. */
const messageIdOf = ({ id, generation = 0 }: ReceivedDelivery) => (generation === 0 ? id : `${id}.${generation}`)

export function createPushAttempt(
  service: Service,
  { operations, agents, envelopes, stopPush }: AttemptRooms,
  options: Pick<WebhookOptions, 'allow' | 'timeout_ms' | 'resolve'>,
) {
  const { clock, chance } = service
  const { deliveries } = operations

  const bodyOf = async (ns: string, delivery: ReceivedDelivery): Promise<string> => {
    const text = render(await envelopes.mustFind(ns, delivery.envelope_id))
    const data = { namespace: ns, ...delivery, text }
    return JSON.stringify({ type: 'delivery.pushed', timestamp: toIso(clock.now()), data })
  }

  /** What failed on its way may have arrived: a receiver that took it over meanwhile keeps it. */
  const giveUp = async (target: PushTarget, delivery: ReceivedDelivery, verdict: PushVerdict): Promise<void> => {
    const { id, lease_token } = delivery
    const as = { identity: { namespace: target.ns } }
    const { state, epoch } = await deliveries.get({ id }, as)
    if (state !== 'leased' || epoch !== delivery.epoch) return
    if (verdict.action === 'stop') {
      await stopPush(target, verdict.reason)
      await deliveries.release({ id, lease_token }, as)
    } else if (verdict.action === 'park') {
      await deliveries.nack({ id, lease_token, kind: 'fatal', reason: verdict.reason }, as)
    } else if (verdict.action === 'retry') {
      const jitter = backoffMs(delivery.attempt, deliveryDefaults.backoff_cap_ms, chance.uniform())
      const delay = verdict.after_ms === undefined ? {} : { delay_ms: verdict.after_ms + jitter }
      await deliveries.nack({ id, lease_token, kind: 'retry', reason: verdict.reason, ...delay }, as)
    }
  }

  const settle = async (target: PushTarget, delivery: ReceivedDelivery, verdict: PushVerdict): Promise<void> => {
    const lease = { id: delivery.id, lease_token: delivery.lease_token }
    const as = { identity: { namespace: target.ns } }
    if (verdict.action === 'accept') {
      await deliveries.accept({ ...lease, lease_ms: target.accept_lease_ms }, as)
    } else if (verdict.action === 'complete') {
      const output = verdict.output as Output
      try {
        await deliveries.complete({ ...lease, ...(output === undefined ? {} : { output }) }, as)
      } catch (error) {
        if (!(error instanceof SpineError) || error.retryable || settledOtherwise.has(error.code)) throw error
        const reason = `pushed: its output is refused: ${error.message}`.slice(0, 2_000)
        await deliveries.nack({ ...lease, kind: 'fatal', reason }, as)
      }
    } else await giveUp(target, delivery, verdict)
  }

  /**
   * Never throws: what could not be settled is left to its lease. So is what `cut` ended, because it may have arrived.
   */
  return async (target: PushTarget, delivery: ReceivedDelivery, cut: AbortSignal): Promise<void> => {
    const { ns, name, url, secrets } = target
    try {
      const body = await bodyOf(ns, delivery)
      const webhook = { url, id: messageIdOf(delivery), body, secrets }
      const sent = { ...options, now: clock.now(), max_answer_bytes: MAX_ANSWER_BYTES, signal: cut }
      const answer = await postWebhook(webhook, sent)
      if (answer.status !== undefined) await agents.see(ns, name)
      else if (cut.aborted) return
      await settle(target, delivery, verdictOf(answer))
    } catch {
      // Its lease ends, and it is pushed again.
    }
  }
}

/** The receiver has answered for itself, or somebody else owns it by now. */
const settledOtherwise: ReadonlySet<string> = new Set(['WRONG_STATE', 'LEASE_LOST', 'DELIVERY_NOT_FOUND'])
