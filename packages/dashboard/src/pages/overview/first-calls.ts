/**
 * The three calls of a first handoff, as one would type them. Each is a piece of one program: pasted one after the other
 * they run as they stand and finish one handoff, which `first-calls.test.ts` tries.
 */

export const languages = ['TypeScript', 'Python', 'curl'] as const
export type Language = (typeof languages)[number]

export const stepsIn = (language: Language, endpoint: string): readonly string[] => steps[language](endpoint)

/** All of them, to be pasted at once. */
export const programIn = (language: Language, endpoint: string): string =>
  `${stepsIn(language, endpoint).join('\n\n')}\n`

const steps: Readonly<Record<Language, (endpoint: string) => readonly string[]>> = {
  TypeScript: (endpoint) => [
    `// As first.ts, in the repository: npm run example first.ts
import { MemorySpine } from 'memory-spine'

const spine = new MemorySpine({ endpoint: '${endpoint}' })
await spine.memories.store({ content: 'Never retry a 409: the first call may have gone through.', pinned: true })`,
    `const envelope = await spine.agentHandoff({
  source_agent: 'planner',
  target_agent: 'builder',
  task_summary: 'Add retries to the uploader.',
  constraints: { production: 'never touch it', max_tokens: 4000 },
})
await spine.deliveries.send({ envelope_id: envelope.id }) // stored: it waits for its receiver`,
    `spine.receive('builder', async ({ text }) => {
  console.log(text) // what the agent reads
  return 'Retries are in.' // completes it; the receiver goes on until Ctrl+C
})`,
  ],
  Python: (endpoint) => [
    `# In the repository: pip install ./clients/python
from memory_spine import MemorySpine

spine = MemorySpine(endpoint="${endpoint}")
spine.store_memory("Never retry a 409: the first call may have gone through.", pinned=True)`,
    `envelope = spine.agent_handoff(
    source_agent="planner",
    target_agent="builder",
    task_summary="Add retries to the uploader.",
    constraints={"production": "never touch it", "max_tokens": 4000},
)
spine.enqueue_handoff(envelope)  # stored: it waits for its receiver`,
    `def build(received):
    print(received.text)  # what the agent reads
    return "Retries are in."  # completes it; the receiver goes on until Ctrl+C

spine.receive("builder", build).join()`,
  ],
  curl: (endpoint) => [
    `curl -sS ${endpoint}/v1/memories --json '{"content": "Never retry a 409.", "pinned": true}'`,
    `id=$(curl -sS ${endpoint}/v1/handoffs --json '{"source_agent": "planner", "target_agent": "builder",
  "task_summary": "Add retries to the uploader."}' | sed 's/.*"id":"\\(env_[^"]*\\)".*/\\1/')
curl -sS ${endpoint}/v1/deliveries --json '{"envelope_id": "'$id'"}'`,
    `delivery=$(curl -sS ${endpoint}/v1/agents/builder/receive --json '{}'); echo "$delivery"
id=$(echo "$delivery" | sed 's/.*"id":"\\(dlv_[^"]*\\)".*/\\1/')
token=$(echo "$delivery" | sed 's/.*"lease_token":"\\([^"]*\\)".*/\\1/')
curl -sS ${endpoint}/v1/deliveries/$id/complete --json '{"lease_token": "'$token'", "output": "Retries are in."}'`,
  ],
}
