/**
 * Runs a chain of agents from end to end, one after another, with the client that runs them in production: accepted,
 * kept by heartbeats, completed or handed on, and tried again when a handler throws.
 */

import { AssertionError } from 'node:assert'
import { type Pacing, systemPacing } from '../client/pacing.ts'
import type { Handler, Received } from '../client/received.ts'
import { work } from '../client/work.ts'
import { type Delivery, deliveryDefaults } from '../protocol/delivery.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { HandoffInput } from '../protocol/handoff.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import { toMs } from '../protocol/scalars.ts'
import type { Spine } from '../protocol/spine.ts'
import type { TestSpine } from './test-spine.ts'

export type ChainStep = {
  agent: string
  /** As for `receive`: what it returns is its output, and goes on to the next agent unless it handed on by itself. */
  handler: Handler
  /** What the next agent is told to do. Default: to go on with the work of this one. */
  task_summary?: string
}

/** The handoff to the first agent. */
export type RunChainOptions = Omit<HandoffInput, 'target_agent' | 'task_summary'> & {
  /** What the first agent is told to do. Default: "Begin." */
  task_summary?: string
}

export type ChainRun = {
  /** From the first handoff to the last. */
  readonly envelopes: readonly Envelope[]
  /** One for each step, as it ended. */
  readonly deliveries: readonly Delivery[]
  /** What the last agent made. */
  readonly output: unknown
}

/** Throws an AssertionError when the chain stops before its end. A manual clock is moved to each next try. */
export async function runChain(
  spine: Spine | TestSpine,
  steps: readonly ChainStep[],
  root: RunChainOptions = {},
): Promise<ChainRun> {
  const [first] = steps
  if (!first) throw new AssertionError({ message: 'A chain has at least one step.' })
  const begun = await spine.handoffs.create({
    task_summary: 'Begin.',
    previous: null,
    ...root,
    target_agent: first.agent,
  })
  await spine.deliveries.send({ envelope_id: begun.id })
  const deliveries: Delivery[] = []
  for (const [index, step] of steps.entries()) deliveries.push(await runStep(spine, step, steps[index + 1]))
  const last = deliveries.at(-1) as Delivery
  const { envelopes } = await spine.handoffs.lineage({ id: last.envelope_id })
  return { envelopes, deliveries, output: last.output }
}

async function runStep(spine: Spine | TestSpine, step: ChainStep, next: ChainStep | undefined): Promise<Delivery> {
  const errors: unknown[] = []
  for (;;) {
    const received = await receiveOne(spine, step.agent, errors)
    await workOn(spine, received, { ...step, handler: handingOn(step, next) }, errors)
    const delivery = await spine.deliveries.get({ id: received.id })
    if (delivery.state === 'completed') return delivery
    if (delivery.state !== 'ready')
      throw stopped(step.agent, `is ${delivery.state}: ${delivery.reason ?? 'no reason was given'}`, errors)
    if ('clock' in spine) await spine.clock.advance(Math.max(0, toMs(delivery.ready_at) - spine.clock.now()))
  }
}

/** With a real clock, the pause before the next try is waited for. */
async function receiveOne(spine: Spine | TestSpine, agent: string, errors: unknown[]): Promise<ReceivedDelivery> {
  const wait_ms = 'clock' in spine ? 0 : deliveryDefaults.backoff_cap_ms
  const { deliveries } = await spine.deliveries.receive({ agent, wait_ms })
  if (deliveries[0]) return deliveries[0]
  throw stopped(agent, 'got nothing: nobody handed on to it', errors)
}

function workOn(
  spine: Spine | TestSpine,
  delivery: ReceivedDelivery,
  step: ChainStep,
  errors: unknown[],
): Promise<void> {
  const pacing: Pacing = 'pacing' in spine ? spine.pacing : systemPacing
  const never = new AbortController().signal
  return work({
    spine,
    agent: step.agent,
    delivery,
    handler: step.handler,
    lease_ms: deliveryDefaults.lease_ms,
    pacing,
    stopping: never,
    halting: never,
    report: (error) => errors.push(error),
  })
}

/** The handler of a step, which hands on to the next one when it has not ended its delivery by itself. */
function handingOn({ agent, handler, task_summary }: ChainStep, next: ChainStep | undefined): Handler {
  return async (received) => {
    let ended = false
    const noting = <A, B>(call: (input: A) => B) => {
      return (input: A) => {
        ended = true
        return call(input)
      }
    }
    const { ack, nack, forward } = received
    const watched: Received = Object.create(received, {
      ack: { value: noting(ack) },
      nack: { value: noting(nack) },
      forward: { value: noting(forward) },
    })
    const output = await handler(watched)
    if (ended || !next) return output
    const summary = task_summary ?? `Go on with the work of ${agent}.`
    await forward({ target_agent: next.agent, task_summary: summary, ...(output === undefined ? {} : { output }) })
    return undefined
  }
}

function stopped(agent: string, why: string, errors: readonly unknown[]): AssertionError {
  const sentence = why.endsWith('.') ? why : `${why}.`
  const error = new AssertionError({ message: `The chain stopped: the delivery to ${agent} ${sentence}` })
  error.cause = errors.at(-1)
  return error
}
