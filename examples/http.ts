// A server and two programs that talk to it. `memory-spine serve` is the same server; here it lives in this process.

import { MemorySpine } from 'memory-spine'
import { createSpine, openSqlite } from 'memory-spine/embedded'
import { createServer } from 'memory-spine/server'

const embedded = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
const server = createServer({ spine: embedded, log_level: 'warn' })
const endpoint = await server.listen()

const analyst = new MemorySpine({ endpoint, agent: 'analyst' })
const coder = new MemorySpine({ endpoint, agent: 'coder' })

coder.receive('coder', async ({ handoff, delivery }) => {
  const next = await handoff({ target_agent: 'reviewer', task_summary: 'Review retry.py.' })
  await coder.deliveries.send({ envelope_id: next.id })
  return `handed on from ${delivery.id}`
})

const first = await analyst.agentHandoff({
  target_agent: 'coder',
  intent: 'Payments must survive a short outage of the gateway.',
  task_summary: 'Write the retry logic.',
  constraints: { language: 'python' },
})
const { output } = await analyst.deliveries.send({ envelope_id: first.id, wait: 'completed' })
console.log(output)

// Whoever speaks HTTP receives; the constraints have come along by themselves.
const answer = await fetch(`${endpoint}/v1/agents/reviewer/receive`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ wait_ms: 5_000 }),
})
const { deliveries } = (await answer.json()) as { deliveries: { envelope: { constraints: object } }[] }
console.log('done:', JSON.stringify(deliveries[0]?.envelope.constraints))

for (const ending of [analyst, coder, server, embedded]) await ending.close()
