/**
 * A spine agent as an A2A server: each message becomes a delivery to the agent, and the delivery's state is the task's.
 * The same message is the same delivery, however often it comes.
 */

import { createHash } from 'node:crypto'
import { type Artifact, Role, type Task, TaskState } from '@a2a-js/sdk'
import { AgentEvent, type AgentExecutor, type ExecutionEventBus, type RequestContext } from '@a2a-js/sdk/server'
import { type Delivery, type MemorySpine, SpineError } from 'memory-spine'
import { dataPart, envelopeIn, messageOf, textIn, textPart } from './extension.ts'

export type SpineExecutorOptions = {
  spine: MemorySpine
  /** The agent that works: it receives from the spine, wherever it runs. */
  agent: string
  /** Who is named as the sender of messages without an envelope. Default `a2a`. */
  from?: string
  /** How long a task is watched, in ms, at most 600,000; it then stays `working` and can be asked for. Default 600,000. */
  timeout_ms?: number
}

/** What a delivery's state means for whoever asked. */
export function taskStateOf({ state, question }: Pick<Delivery, 'state' | 'question'>): TaskState {
  if (state === 'completed') return TaskState.TASK_STATE_COMPLETED
  if (state === 'parked') return question ? TaskState.TASK_STATE_INPUT_REQUIRED : TaskState.TASK_STATE_FAILED
  if (state === 'expired' || state === 'discarded') return TaskState.TASK_STATE_FAILED
  if (state === 'cancelled') return TaskState.TASK_STATE_CANCELED
  if (state === 'ready' || state === 'leased') return TaskState.TASK_STATE_SUBMITTED
  return TaskState.TASK_STATE_WORKING
}

/** Tasks that can be cancelled here; older ones are done or are cancelled in the spine. */
const MAX_TASKS = 10_000

export function spineExecutor({
  spine,
  agent,
  from = 'a2a',
  timeout_ms = 600_000,
}: SpineExecutorOptions): AgentExecutor {
  const deliveries = new Map<string, string>()

  /** The envelope of the message, or one that is made of its words. */
  async function sent({ userMessage: message, context: caller }: RequestContext): Promise<Delivery> {
    const envelope = envelopeIn(message)
    const task_summary = textIn(message) || 'The message has no text.'
    // The id alone is unique for its client only, and clients need not say who they are. What is asked is told apart
    // with it; the context is not, because whoever names none gets a new one with each repeat.
    const asked = [from, agent, caller?.tenant, caller?.user?.userName, message.messageId, envelope ?? task_summary]
    const idempotency_key = `a2a:${createHash('sha256').update(JSON.stringify(asked)).digest('hex')}`
    if (envelope) return spine.deliveries.send({ envelope, target: agent, idempotency_key })
    const { id: envelope_id } = await spine.handoffs.create({
      target_agent: agent,
      source_agent: from,
      task_summary,
      previous: null,
      idempotency_key,
    })
    return spine.deliveries.send({ envelope_id })
  }

  /** Where it ends: with the agent, or with the one it was rerouted to. */
  async function ended(delivery: Delivery): Promise<Delivery> {
    const { envelope_id, target } = delivery
    try {
      const now = await spine.deliveries.send({ envelope_id, target, wait: 'completed', timeout_ms })
      if (now.state !== 'rerouted' || now.successor === undefined) return now
      return ended(await spine.deliveries.get({ id: now.successor }))
    } catch (error) {
      // Nobody finished in time: it stays where it is.
      if (error instanceof SpineError && error.code === 'ACK_TIMEOUT') return spine.deliveries.get({ id: delivery.id })
      throw error
    }
  }

  const statusOf = (context: RequestContext, state: TaskState, words?: string) => ({
    state,
    timestamp: new Date().toISOString(),
    message:
      words === undefined
        ? undefined
        : messageOf(
            {
              messageId: `${context.taskId}-${state}`,
              role: Role.ROLE_AGENT,
              contextId: context.contextId,
              taskId: context.taskId,
            },
            [textPart(words)],
          ),
  })

  const taskOf = (context: RequestContext, state: TaskState, words?: string, artifacts: Artifact[] = []): Task => ({
    id: context.taskId,
    contextId: context.contextId,
    status: statusOf(context, state, words),
    artifacts,
    history: [context.userMessage],
    metadata: undefined,
  })

  const artifactOf = ({ id, output }: Delivery): Artifact[] =>
    output === undefined
      ? []
      : [
          {
            artifactId: id,
            name: 'output',
            description: '',
            parts: [typeof output === 'string' ? textPart(output) : dataPart(output)],
            metadata: undefined,
            extensions: [],
          },
        ]

  return {
    async execute(context: RequestContext, bus: ExecutionEventBus): Promise<void> {
      try {
        const delivery = await sent(context)
        deliveries.set(context.taskId, delivery.id)
        for (const oldest of deliveries.keys()) if (deliveries.size > MAX_TASKS) deliveries.delete(oldest)
        bus.publish(AgentEvent.task(taskOf(context, TaskState.TASK_STATE_SUBMITTED)))
        const end = await ended(delivery)
        bus.publish(AgentEvent.task(taskOf(context, taskStateOf(end), end.question ?? end.reason, artifactOf(end))))
      } catch (error) {
        if (!(error instanceof SpineError)) throw error
        const refused = error.retryable ? TaskState.TASK_STATE_FAILED : TaskState.TASK_STATE_REJECTED
        bus.publish(AgentEvent.task(taskOf(context, refused, `${error.code}: ${error.message} ${error.next}`)))
      } finally {
        bus.finished()
      }
    },
    async cancelTask(taskId: string, _bus: ExecutionEventBus): Promise<void> {
      const id = deliveries.get(taskId)
      // Its watcher hears of it, and publishes the end.
      if (id !== undefined) await spine.deliveries.cancel({ id, reason: 'cancelled over A2A' })
    },
  }
}
