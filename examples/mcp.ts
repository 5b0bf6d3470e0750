// Two hosts on one machine, each with its own `memory-spine mcp`: the first opens the store, the second finds it served.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

const folder = await mkdtemp(join(tmpdir(), 'mcp-example-'))
const program = fileURLToPath(new URL('../packages/spine/bin/memory-spine.js', import.meta.url))

/** As a host starts it: `npx memory-spine mcp --agent planner --store sqlite:FILE`. */
async function host(agent: string): Promise<Client> {
  const client = new Client({ name: agent, version: '1' }, { versionNegotiation: { mode: 'auto' } })
  const args = [program, 'mcp', '--agent', agent, '--store', `sqlite:${join(folder, 'spine.db')}`]
  await client.connect(new StdioClientTransport({ command: process.execPath, args }))
  return client
}
const [planner, coder] = [await host('planner'), await host('coder')]

await planner.callTool({
  name: 'handoff_create',
  arguments: {
    target_agent: 'coder',
    intent: 'Payments must survive a short outage of the gateway.',
    task_summary: 'Write the retry logic.',
    constraints: { language: 'python' },
  },
})

const inbox = await coder.callTool({ name: 'handoff_inbox', arguments: {} })
const { deliveries } = inbox.structuredContent as { deliveries: { delivery_id: string; text: string }[] }
const [work] = deliveries
console.log(work?.text) // what the model reads

// The session keeps the lease: a model names the delivery and nothing else.
const delivery_id = work?.delivery_id
await coder.callTool({ name: 'handoff_ack', arguments: { delivery_id, answer: 'accepted' } })
const ended = await coder.callTool({ name: 'handoff_complete', arguments: { delivery_id, output: 'retry.py' } })
console.log('done:', JSON.stringify(ended.structuredContent))

for (const client of [coder, planner]) await client.close()
await rm(folder, { recursive: true })
