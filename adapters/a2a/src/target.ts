/**
 * An A2A agent as a delivery target: its inbox is received here and each delivery goes to it as a message. The id of
 * the message is that of the handoff, so that a repeat is one; retries, breaker and dead-letter box are the spine's.
 */

import { setTimeout } from 'node:timers/promises'
import { type Message, Role, type SendMessageRequest, type Task, TaskState } from '@a2a-js/sdk'
import type { MemorySpine, Received, ReceiveOptions, Receiver } from 'memory-spine'
import { envelopeMessage, textIn, valueIn } from './extension.ts'

/** What is used of a client of the SDK. */
export type A2AClient = {
  sendMessage(request: SendMessageRequest): Promise<Message | Task>
  getTask(request: { tenant: string; id: string; historyLength?: number | undefined }): Promise<Task>
}

export type A2ATargetOptions = ReceiveOptions & {
  spine: MemorySpine
  /** The agent's name in the spine. */
  agent: string
  client: A2AClient
  /** How often a task that is still working is asked for, in ms. Default 1,000. */
  poll_ms?: number
}

const isTask = (answer: Message | Task): answer is Task => 'status' in answer

/** One part as it is, several as a list. */
const outputOf = (parts: Message['parts']): unknown =>
  parts.length === 1 && parts[0] ? valueIn(parts[0]) : parts.map(valueIn)

const working = new Set([TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING])

async function settle(task: Task, received: Received): Promise<unknown> {
  const words = (task.status?.message && textIn(task.status.message)) || 'The A2A agent gave no reason.'
  switch (task.status?.state) {
    case TaskState.TASK_STATE_COMPLETED:
      return outputOf(task.artifacts.flatMap(({ parts }) => parts))
    case TaskState.TASK_STATE_INPUT_REQUIRED:
    case TaskState.TASK_STATE_AUTH_REQUIRED:
      return received.nack({ kind: 'needs_clarification', question: words.slice(0, 2_000) })
    case TaskState.TASK_STATE_REJECTED:
      return received.nack({ kind: 'declined', reason: words.slice(0, 2_000) })
    case TaskState.TASK_STATE_CANCELED:
      return received.nack({ kind: 'fatal', reason: `The A2A agent cancelled its task: ${words}`.slice(0, 2_000) })
    default:
      return received.nack({ kind: 'retry', reason: words.slice(0, 2_000) })
  }
}

/** Receives for an A2A agent until it is stopped. The lease is kept for as long as the task works. */
export function receiveForA2A({ spine, agent, client, poll_ms = 1_000, ...options }: A2ATargetOptions): Receiver {
  return spine.receive(
    agent,
    async (received) => {
      const { envelope, delivery, signal } = received
      // A redrive is a new try; a redelivery is the same one.
      const messageId = `${envelope.id}:${delivery.target}:${delivery.generation ?? 0}`
      const message = envelopeMessage(envelope, { messageId, role: Role.ROLE_USER })
      let answer = await client.sendMessage({ tenant: '', message, configuration: undefined, metadata: undefined })
      while (isTask(answer) && working.has(answer.status?.state ?? TaskState.TASK_STATE_UNSPECIFIED)) {
        await setTimeout(poll_ms, undefined, { signal }).catch(() => {})
        signal.throwIfAborted()
        answer = await client.getTask({ tenant: '', id: answer.id, historyLength: undefined })
      }
      return isTask(answer) ? settle(answer, received) : outputOf(answer.parts)
    },
    options,
  )
}
