// In one process, without a server: seal, deliver, work, complete.

import { MemorySpine } from 'memory-spine'

await using spine = await MemorySpine.open(':memory:') // a file name keeps it

await spine.memories.store({ id: 'ms-1', content: 'The gateway answers 429 after 12 requests a second.' })

spine.receive('coder', ({ text, envelope }) => {
  console.log(text) // what a model would read
  return { file: 'retry.py', language: envelope.constraints.language }
})

const handoff = await spine.agentHandoff({
  source_agent: 'analyst',
  target_agent: 'coder',
  intent: 'Payments must survive a short outage of the gateway.',
  task_summary: 'Write the retry logic; the limit is in ms-1.',
  constraints: { language: 'python' },
})
await spine.deliverHandoff(handoff) // the coder has taken responsibility

const { output } = await spine.deliveries.send({ envelope_id: handoff.id, wait: 'completed' })
console.log('done:', JSON.stringify(output))
