/** The three calls of a first handoff, as one would type them. */

export const languages = ['TypeScript', 'Python', 'curl'] as const
export type Language = (typeof languages)[number]

export const stepsIn = (language: Language, endpoint: string): readonly string[] => steps[language](endpoint)

const steps: Readonly<Record<Language, (endpoint: string) => readonly string[]>> = {
  TypeScript: (endpoint) => [
    `const spine = new MemorySpine({ endpoint: '${endpoint}' })
await spine.store({ content: 'Never retry a 409: the first call may have gone through.', pinned: true })`,
    `const envelope = await spine.agentHandoff({
  target_agent: 'builder',
  task_summary: 'Add retries to the uploader.',
  constraints: { production: 'never touch it', max_tokens: 4000 },
})
await spine.deliverHandoff(envelope)`,
    `spine.receive('builder', async (delivery) => {
  console.log(delivery.text)
  await delivery.ack()
})`,
  ],
  Python: (endpoint) => [
    `spine = MemorySpine(endpoint="${endpoint}")
spine.store("Never retry a 409: the first call may have gone through.", pinned=True)`,
    `envelope = spine.agent_handoff(
    target_agent="builder",
    task_summary="Add retries to the uploader.",
    constraints={"production": "never touch it", "max_tokens": 4000},
)
spine.deliver_handoff(envelope)`,
    `for delivery in spine.receive("builder"):
    print(delivery.text)
    delivery.ack()`,
  ],
  curl: (endpoint) => [
    `curl ${endpoint}/v1/memories --json '{"content": "Never retry a 409.", "pinned": true}'`,
    `id=$(curl -s ${endpoint}/v1/handoffs --json '{"target_agent": "builder",
  "task_summary": "Add retries to the uploader."}' | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')
curl ${endpoint}/v1/deliveries --json "{\\"envelope_id\\": \\"$id\\"}"`,
    `curl ${endpoint}/v1/agents/builder/receive --json '{}'
curl ${endpoint}/v1/deliveries/ID/complete --json '{"lease_token": "TOKEN"}'`,
  ],
}
