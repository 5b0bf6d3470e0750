// An agent that is a web server and nothing else: deliveries are posted to it, signed as Standard Webhooks.

import { randomBytes } from 'node:crypto'
import { createServer as createWebServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MemorySpine } from 'memory-spine'
import { createSpine, openSqlite } from 'memory-spine/embedded'
import { Webhook } from 'standardwebhooks'

type Pushed = { data: { id: string; lease_token: string; attempt: number; text: string } }

const secret = `whsec_${randomBytes(32).toString('base64')}`
const agent = createWebServer(async (request, response) => {
  let body = ''
  for await (const part of request) body += part
  try {
    new Webhook(secret).verify(body, request.headers as Record<string, string>)
  } catch {
    return void response.writeHead(401).end()
  }
  const { data }: Pushed = JSON.parse(body)
  console.log(data.text) // what a model would read
  if (data.text.includes('in a moment')) {
    // Any other 2xx accepts. The lease runs on; `id` and `lease_token` complete it later.
    response.writeHead(202).end()
    const { id, lease_token } = data
    await spine.deliveries.complete({ id, lease_token, output: 'written later' })
  } else response.end(JSON.stringify({ state: 'completed', output: 'written at once' }))
})
await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve))
const host = `127.0.0.1:${(agent.address() as AddressInfo).port}`

// For a server: SPINE_WEBHOOK_ALLOW. Without it only public addresses are pushed to, over https.
const embedded = await createSpine({ database: await openSqlite({ file: ':memory:' }), webhook_allow: [host] })
const spine = new MemorySpine({ spine: embedded, agent: 'analyst' })

await spine.agents.put({ name: 'coder', push_url: `http://${host}/deliveries`, push_secrets: [secret] })

for (const task_summary of ['Write the retry logic.', 'Write the tests in a moment.']) {
  const { id: envelope_id } = await spine.agentHandoff({ target_agent: 'coder', task_summary, previous: null })
  const { output } = await spine.deliveries.send({ envelope_id, wait: 'completed' })
  console.log('done:', output)
}

await spine.close()
agent.close()
