// Both directions through the real SDK, client and server, without Express and without a network.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { after, test } from 'node:test'
import { type AgentCard, Role, type SendMessageRequest, type Task, TaskState } from '@a2a-js/sdk'
import { ClientFactory, ClientFactoryOptions, JsonRpcTransportFactory } from '@a2a-js/sdk/client'
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
} from '@a2a-js/sdk/server'
import { type Handler, MemorySpine, type ReceiveOptions } from 'memory-spine'
import { messageOf, textPart } from './extension.ts'
import { envelopeIn, envelopeMessage, receiveForA2A, spineExecutor, spineExtension } from './index.ts'

const spine = await MemorySpine.open(':memory:')
after(() => spine.close())

const card: AgentCard = {
  name: 'coder',
  description: 'Writes code.',
  version: '1',
  supportedInterfaces: [
    { url: 'http://agent.invalid/a2a', protocolBinding: 'JSONRPC', tenant: '', protocolVersion: '1.0' },
  ],
  provider: undefined,
  capabilities: { streaming: false, pushNotifications: false, extensions: [spineExtension()] },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: [],
  defaultOutputModes: [],
  skills: [],
  signatures: [],
}

/** A client of the SDK whose requests reach the handler of an executor without a wire. */
async function clientOf(executor: AgentExecutor, userName = '') {
  const handler = new JsonRpcTransportHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor))
  const fetchImpl = (async (_url: unknown, init?: { body?: unknown }) => {
    const user = { userName, isAuthenticated: userName !== '' }
    const answer = await handler.handle(String(init?.body), new ServerCallContext({ requestedVersion: '1.0', user }))
    return Response.json(answer)
  }) as typeof fetch
  const options = ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
    transports: [new JsonRpcTransportFactory({ fetchImpl })],
  })
  return new ClientFactory(options).createFromAgentCard(card)
}

const request = (message: SendMessageRequest['message']): SendMessageRequest => ({
  tenant: '',
  message,
  configuration: undefined,
  metadata: undefined,
})

const sealed = (target_agent: string) =>
  spine.agentHandoff({
    source_agent: 'planner',
    target_agent,
    intent: 'Payments must survive a short outage.',
    task_summary: 'Write the retry logic.',
    previous: null,
  })

test('a spine agent answers A2A messages with envelopes: the task completes with its output', async () => {
  const receiver = spine.receive('coder', ({ envelope }) => ({ written: envelope.task.intent }))
  const client = await clientOf(spineExecutor({ spine, agent: 'coder' }))
  const message = envelopeMessage(await sealed('coder'), { messageId: 'm-1', role: Role.ROLE_USER })
  const task = (await client.sendMessage(request(message))) as Task
  assert.equal(task.status?.state, TaskState.TASK_STATE_COMPLETED)
  assert.deepEqual(task.artifacts[0]?.parts[0]?.content, {
    $case: 'data',
    value: { written: 'Payments must survive a short outage.' },
  })
  await receiver.stop()
})

test('the same message twice is one delivery, and words without an envelope are a handoff too', async () => {
  let times = 0
  const receiver = spine.receive('writer', ({ text }) => {
    times += 1
    return text.includes('Tell a story.') ? 'Once upon a time.' : 'No.'
  })
  const client = await clientOf(spineExecutor({ spine, agent: 'writer' }))
  const message = messageOf({ messageId: 'm-2', role: Role.ROLE_USER }, [textPart('Tell a story.')])
  for (const _ of [1, 2]) {
    const task = (await client.sendMessage(request(message))) as Task
    assert.deepEqual(task.artifacts[0]?.parts[0]?.content, { $case: 'text', value: 'Once upon a time.' })
  }
  assert.equal(times, 1)
  await receiver.stop()
})

test('ids of messages are unique for their client only: neither words, agents nor users meet in one', async () => {
  const receivers = ['left', 'right'].map((agent) =>
    spine.receive(agent, ({ envelope }) => `${agent} did ${envelope.id}`),
  )
  const words = (text: string) => request(messageOf({ messageId: 'm-9', role: Role.ROLE_USER }, [textPart(text)]))
  const outputs = new Set<unknown>()
  for (const agent of ['left', 'right'])
    for (const user of ['ann', 'bob']) {
      const client = await clientOf(spineExecutor({ spine, agent }), user)
      for (const text of ['Sing.', 'Dance.', 'Sing.']) {
        const task = (await client.sendMessage(words(text))) as Task
        assert.equal(task.status?.state, TaskState.TASK_STATE_COMPLETED)
        outputs.add(task.artifacts[0]?.parts[0]?.content?.value)
      }
    }
  assert.equal(outputs.size, 8)
  for (const receiver of receivers) await receiver.stop()
})

test('a question of the agent is input required, and an envelope that was changed is rejected', async () => {
  const receiver = spine.receive('asker', ({ nack }) =>
    nack({ kind: 'needs_clarification', question: 'Which branch?' }),
  )
  const client = await clientOf(spineExecutor({ spine, agent: 'asker' }))
  const envelope = await sealed('asker')
  const asked = (await client.sendMessage(
    request(envelopeMessage(envelope, { messageId: 'm-3', role: Role.ROLE_USER })),
  )) as Task
  assert.equal(asked.status?.state, TaskState.TASK_STATE_INPUT_REQUIRED)
  assert.deepEqual(asked.status?.message?.parts[0]?.content, { $case: 'text', value: 'Which branch?' })
  const forged = envelopeMessage({ ...envelope, target_agent: 'mallory' }, { messageId: 'm-4', role: Role.ROLE_USER })
  const refused = (await client.sendMessage(request(forged))) as Task
  assert.equal(refused.status?.state, TaskState.TASK_STATE_REJECTED)
  await receiver.stop()
})

/** An A2A agent of somebody else, which ends every task in one state. */
const foreign = (state: TaskState, words: string): AgentExecutor => ({
  async execute(context, bus) {
    const found = envelopeIn(context.userMessage) as { task?: { intent?: string } } | undefined
    bus.publish(
      AgentEvent.task({
        id: context.taskId,
        contextId: context.contextId,
        status: {
          state,
          timestamp: undefined,
          message: messageOf(
            { messageId: 'answer', role: Role.ROLE_AGENT, taskId: context.taskId, contextId: context.contextId },
            [textPart(words)],
          ),
        },
        artifacts: [
          {
            artifactId: 'a',
            name: '',
            description: '',
            parts: [textPart(`${words} ${found?.task?.intent}`)],
            metadata: undefined,
            extensions: [],
          },
        ],
        history: [],
        metadata: undefined,
      }),
    )
    bus.finished()
  },
  async cancelTask() {},
})

const ends = [
  { state: TaskState.TASK_STATE_COMPLETED, ends_as: 'completed' },
  { state: TaskState.TASK_STATE_INPUT_REQUIRED, ends_as: 'parked' },
  { state: TaskState.TASK_STATE_REJECTED, ends_as: 'rerouted' },
  { state: TaskState.TASK_STATE_CANCELED, ends_as: 'parked' },
] as const

for (const { state, ends_as } of ends)
  test(`an A2A agent that ends a task as ${TaskState[state]} leaves the delivery ${ends_as}`, async () => {
    const agent = `remote-${state}`
    await spine.agents.put({ name: agent, fallback_agent: 'spare' })
    const receiver = receiveForA2A({ spine, agent, client: await clientOf(foreign(state, 'Done with:')) })
    const envelope = await sealed(agent)
    const { id } = await spine.deliveries.send({ envelope_id: envelope.id })
    for await (const event of spine.events({ after: '0-0', types: ['delivery.'] }))
      if (event.delivery_id === id && ['completed', 'parked', 'rerouted'].includes(event.state ?? '')) break
    const delivery = await spine.deliveries.get({ id })
    assert.equal(delivery.state, ends_as)
    if (ends_as === 'completed') assert.equal(delivery.output, 'Done with: Payments must survive a short outage.')
    await receiver.stop()
  })

test('a task that works for long is asked for again and again, and leaves nothing behind on the signal', async () => {
  const listeners: number[] = []
  const task = (state: TaskState): Task => ({
    id: 'long',
    contextId: '',
    status: { state, timestamp: undefined, message: undefined },
    artifacts: [],
    history: [],
    metadata: undefined,
  })
  let signal: AbortSignal
  const watched = {
    receive: (agent: string, handler: Handler, options: ReceiveOptions) =>
      spine.receive(
        agent,
        (received) => {
          signal = received.signal
          return handler(received)
        },
        options,
      ),
  } as MemorySpine
  const client = {
    sendMessage: async () => task(TaskState.TASK_STATE_WORKING),
    async getTask() {
      listeners.push(getEventListeners(signal, 'abort').length)
      return task(listeners.length < 5 ? TaskState.TASK_STATE_WORKING : TaskState.TASK_STATE_COMPLETED)
    },
  }
  const receiver = receiveForA2A({ spine: watched, agent: 'patient', client, poll_ms: 1 })
  const { id: envelope_id } = await sealed('patient')
  await spine.deliveries.send({ envelope_id, wait: 'completed', timeout_ms: 60_000 })
  assert.equal(new Set(listeners).size, 1, String(listeners))
  await receiver.stop()
})
