/** What a conformance suite is given, and the steps that most of its tests begin with. */

import assert from 'node:assert/strict'
import type { Delivery } from '../../protocol/delivery.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { type ErrorCode, SpineError } from '../../protocol/errors.ts'
import type { HandoffInput } from '../../protocol/handoff.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import type { Spine } from '../../protocol/spine.ts'
import type { Database } from '../../store/database.ts'
import type { ManualClock } from '../manual-clock.ts'
import type { Hooks } from './hooks.ts'

/** A store with its door. Every test takes a namespace of its own, so that all can share one subject. */
export type Subject = {
  /** The spine as a caller of this namespace, or an agent in it, sees it. */
  at(namespace: string, agent?: string): Spine | Promise<Spine>
  /** Where it listens, if it is behind a wire. */
  endpoint?: string
  /** Addresses that it may push to. */
  hooks: Hooks
  close(): Promise<void>
}
export type OpenSubject = () => Promise<Subject>

export type TimedSubject = Subject & {
  /** Another node on the same store, under the same clock. */
  openAnother(): Promise<Spine>
  clock: ManualClock
  database: Database
  /** Waits until nothing is under way any more. */
  idle(): Promise<void>
}
export type OpenTimedSubject = () => Promise<TimedSubject>

let namespaces = 0

export function newNamespace(): string {
  namespaces += 1
  return `ns-${namespaces}`
}

/** A spine in a namespace that nobody else uses. */
export const fresh = async (open: OpenSubject): Promise<Spine> => (await open()).at(newNamespace())

/** The refusal of a call, which has to carry this code. */
export async function refused(call: Promise<unknown>, code: ErrorCode): Promise<SpineError> {
  const outcome = await call.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  )
  if (!('error' in outcome)) return assert.fail(`${code} expected, answered was ${JSON.stringify(outcome.answer)}`)
  const { error } = outcome
  assert.ok(error instanceof SpineError, `${code} expected, thrown was ${String(error)}`)
  assert.equal(error.code, code, error.message)
  return error
}

/** A sealed envelope; what the test does not care about has a value. */
export const sealed = (spine: Spine, call: Partial<HandoffInput> = {}): Promise<Envelope> =>
  spine.handoffs.create({ target_agent: 'coder', task_summary: 'Do the next step.', ...call })

/** A sealed envelope on its way. */
export async function sent(
  spine: Spine,
  call: Partial<HandoffInput> = {},
): Promise<{ envelope: Envelope; delivery: Delivery }> {
  const envelope = await sealed(spine, call)
  return { envelope, delivery: await spine.deliveries.send({ envelope_id: envelope.id }) }
}

type Wanted = Omit<Parameters<Spine['deliveries']['receive']>[0], 'agent'>

/** What an agent finds in its inbox now, or after as long as it is told to wait. */
export async function received(spine: Spine, agent = 'coder', wanted: Wanted = {}): Promise<ReceivedDelivery[]> {
  return (await spine.deliveries.receive({ agent, wait_ms: 0, ...wanted })).deliveries
}

/** The one delivery that has to be there. */
export async function receivedOne(spine: Spine, agent = 'coder', wanted: Wanted = {}): Promise<ReceivedDelivery> {
  const [delivery, ...others] = await received(spine, agent, wanted)
  assert.ok(delivery, `nothing for ${agent}`)
  assert.equal(others.length, 0)
  return delivery
}

export const leaseOf = ({ id, lease_token }: ReceivedDelivery) => ({ id, lease_token })

/** One hop: sealed, sent, received and accepted by its target, which then holds it. */
export async function handedOver(spine: Spine, call: Partial<HandoffInput> = {}): Promise<ReceivedDelivery> {
  const { envelope, delivery } = await sent(spine, call)
  const inbox = await received(spine, envelope.target_agent, { max: 256 })
  const found = inbox.find(({ id }) => id === delivery.id)
  assert.ok(found, `the delivery of ${envelope.id} is not in the inbox of ${envelope.target_agent}`)
  await spine.deliveries.accept(leaseOf(found))
  return found
}

/** All that is stored, to see that a refused call wrote nothing. */
export async function contents(spine: Spine): Promise<unknown> {
  const [{ memories }, { handoffs }, { deliveries }, { agents }] = await Promise.all([
    spine.memories.list({ limit: 1_000 }),
    spine.handoffs.list({ limit: 1_000 }),
    spine.deliveries.list({ limit: 1_000 }),
    spine.agents.list({ limit: 1_000 }),
  ])
  return { memories, handoffs, deliveries, agents: agents.map(({ name, registered }) => ({ name, registered })) }
}

/** Stores `ms-<from>` to `ms-<to>`. */
export async function storedRange(spine: Spine, from: number, to: number): Promise<string[]> {
  const ids = Array.from({ length: to - from + 1 }, (_, index) => `ms-${from + index}`)
  await spine.memories.store({ memories: ids.map((id) => ({ id, content: `What ${id} says about the release.` })) })
  return ids
}
