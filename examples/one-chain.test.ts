// Agents of two frameworks and a Python process in one chain, over one server: the user's words, all constraints and all
// decisions are there at its end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AIMessage, HumanMessage } from '@langchain/core/messages'
import { Annotation, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph'
import { ToolNode } from '@langchain/langgraph/prebuilt'
import { createSpineHandoffTool } from '@memory-spine/langgraph'
import { spineHandoff } from '@memory-spine/openai-agents'
import { Agent, type Model, Runner, Usage } from '@openai/agents'
import { type Envelope, MemorySpine } from 'memory-spine'
import { createSpine, openSqlite } from 'memory-spine/embedded'
import { createServer } from 'memory-spine/server'
import { expectConstraintsSurvived, expectIntentPreserved } from 'memory-spine/testing'
import { noPython, startPython } from '../clients/python/run.ts'

const intent = 'Payments must survive a short outage of the gateway, and nobody may be charged twice.'
const constraints = { language: 'python', security: 'no plaintext credentials', max_retries: 5 }

type Answer = Awaited<ReturnType<Model['getResponse']>>['output'][number]
const scripted = (answer: Answer): Model => ({
  getResponse: async () => ({ usage: new Usage(), output: [answer] }),
  // biome-ignore lint/correctness/useYield: a script has nothing to stream.
  async *getStreamedResponse() {
    throw new Error('not streamed here')
  },
})

/** OpenAI Agents SDK: the desk hands over to the planner, whose plan is the answer. */
async function plan(spine: MemorySpine): Promise<Envelope> {
  const envelopes: Envelope[] = []
  const planner = new Agent({
    name: 'planner',
    model: scripted({
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Write the retry logic with full jitter.' }],
    }),
  })
  const onEnvelope = (envelope: Envelope) => void envelopes.push(envelope)
  const desk = new Agent({
    name: 'desk',
    model: scripted({
      type: 'function_call',
      callId: 'call-1',
      name: 'transfer_to_planner',
      arguments: JSON.stringify({ task_summary: 'Plan it.', decisions: ['retry at the client, not at the gateway'] }),
      status: 'completed',
    }),
    handoffs: [spineHandoff(planner, { spine, from: 'desk', call: { intent, constraints }, onEnvelope })],
  })
  const { finalOutput } = await new Runner({ tracingDisabled: true }).run(desk, intent)
  const [planned] = envelopes
  assert.ok(planned)
  return spine.agentHandoff({
    source_agent: 'planner',
    target_agent: 'coder',
    previous: planned.id,
    task_summary: String(finalOutput),
  })
}

/** LangGraph: the coder of a graph hands over to its reviewer, who lets fewer retries pass. */
async function code(spine: MemorySpine, text: string, envelope_id: string) {
  const State = Annotation.Root({ ...MessagesAnnotation.spec, envelope_id: Annotation<string>() })
  const toReviewer = createSpineHandoffTool({
    spine,
    agent: 'reviewer',
    from: 'coder',
    call: { constraints: { max_retries: 3 } },
  })
  const args = { task_summary: 'Review retry.py.', decisions: ['full jitter: no thundering herd'] }
  const asked = new AIMessage({ content: '', tool_calls: [{ id: 'call-1', name: toReviewer.name, args }] })
  const coder = new StateGraph(State)
    .addNode('model', () => ({ messages: [asked] }))
    .addNode('tools', new ToolNode([toReviewer]))
    .addEdge(START, 'model')
    .addEdge('model', 'tools')
    .compile()
  const graph = new StateGraph(State)
    .addNode('coder', coder, { ends: ['reviewer'] })
    .addNode('reviewer', () => ({ messages: [new AIMessage('Reviewed.')] }))
    .addEdge(START, 'coder')
    .compile()
  return graph.invoke({ messages: [new HumanMessage(text)], envelope_id })
}

test('two frameworks and Python make one chain of one intent, with every constraint alive at its end', {
  skip: noPython,
}, async () => {
  const embedded = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
  const server = createServer({ spine: embedded, log_level: 'silent' })
  const endpoint = await server.listen()
  const spine = new MemorySpine({ endpoint })
  const python = startPython([fileURLToPath(new URL('one-chain.py', import.meta.url))], endpoint)
  try {
    spine.receive('coder', async ({ text, envelope }) => {
      const { envelope_id } = await code(spine, text, envelope.id)
      const handoff = { source_agent: 'reviewer', target_agent: 'tester', previous: envelope_id }
      const next = await spine.agentHandoff({ ...handoff, task_summary: 'Test retry.py.' })
      await spine.deliveries.send({ envelope_id: next.id })
      return 'reviewed'
    })
    const published = Promise.withResolvers<{ text: string; envelope: Envelope }>()
    spine.receive('publisher', ({ text, envelope }) => published.resolve({ text, envelope }))

    await spine.deliverHandoff(await plan(spine), { timeout_ms: 60_000 })
    const { text, envelope } = await published.promise

    const { envelopes } = await spine.handoffs.lineage({ id: envelope.id })
    assert.deepEqual(envelope.chain.path, ['desk', 'planner', 'coder', 'reviewer', 'tester', 'publisher'])
    assert.equal(envelopes.length, 5)
    expectIntentPreserved(envelopes, intent)
    expectConstraintsSurvived(envelopes)
    assert.deepEqual(envelope.constraints, { ...constraints, max_retries: 3, regions: ['eu'] })
    assert.deepEqual(
      Object.entries(envelope.constraint_ledger).map(([key, { set_by }]) => `${key} of ${set_by}`),
      ['language of desk', 'max_retries of desk', 'regions of tester', 'security of desk'],
    )
    for (const words of [
      intent,
      'no plaintext credentials',
      'retry at the client',
      'no thundering herd',
      'all 12 tests pass',
      'Publish retry.py.',
    ])
      assert.ok(text.includes(words), `${words} is missing in:\n${text}`)

    const [tested] = (await spine.deliveries.list({ target: 'tester' })).deliveries
    assert.match(JSON.stringify(tested?.output), /no plaintext credentials/)
    const { code: ended, stderr } = await python.ended
    assert.equal(ended, 0, stderr)
  } finally {
    python.child.kill()
    await spine.close()
    await server.close()
    await embedded.close()
  }
})
