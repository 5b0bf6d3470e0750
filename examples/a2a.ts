// A2A 1.0, both ways: a spine agent answers A2A messages, and an A2A agent works off the inbox of a spine agent.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AgentCard, Role, type Task } from '@a2a-js/sdk'
import { ClientFactory } from '@a2a-js/sdk/client'
import {
  DefaultRequestHandler,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
} from '@a2a-js/sdk/server'
import { envelopeMessage, receiveForA2A, spineExecutor, spineExtension } from '@memory-spine/a2a'
import { MemorySpine } from 'memory-spine'

await using spine = await MemorySpine.open(':memory:')
spine.receive('coder', ({ envelope }) => `wrote it under ${JSON.stringify(envelope.constraints)}`)

// The agent `coder` as an A2A server.
let handler: JsonRpcTransportHandler
const server = createServer(async (request, response) => {
  let body = ''
  for await (const part of request) body += part
  const context = new ServerCallContext({ requestedVersion: '1.0' } as never)
  response.setHeader('content-type', 'application/json').end(JSON.stringify(await handler.handle(body, context)))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
const card: AgentCard = {
  name: 'coder',
  description: 'Writes code.',
  version: '1',
  supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', tenant: '', protocolVersion: '1.0' }],
  capabilities: { streaming: false, pushNotifications: false, extensions: [spineExtension()] },
  provider: undefined,
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [],
  signatures: [],
}
const executor = spineExecutor({ spine, agent: 'coder' })
handler = new JsonRpcTransportHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor))
const client = await new ClientFactory().createFromAgentCard(card)

const sealed = (target_agent: string) =>
  spine.agentHandoff({
    source_agent: 'planner',
    target_agent,
    intent: 'Payments must survive a short outage of the gateway.',
    task_summary: 'Write the retry logic.',
    constraints: { language: 'python' },
    previous: null,
  })

// An A2A client sends a message with an envelope.
const message = envelopeMessage(await sealed('coder'), { messageId: 'message-1', role: Role.ROLE_USER })
const task = (await client.sendMessage({
  tenant: '',
  message,
  configuration: undefined,
  metadata: undefined,
})) as Task
console.log(task.artifacts[0]?.parts[0]?.content?.value)

// The other way round: what is sent to `remote-coder` goes to an A2A agent, here the same one.
receiveForA2A({ spine, agent: 'remote-coder', client })
const { id: envelope_id } = await sealed('remote-coder')
const { output } = await spine.deliveries.send({ envelope_id, wait: 'completed' })
console.log('done:', output)

server.close()
server.closeAllConnections()
