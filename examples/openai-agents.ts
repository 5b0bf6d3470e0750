// The OpenAI Agents SDK: the next agent reads a sealed envelope instead of the chat. The models answer from a script.

import { spineHandoff } from '@memory-spine/openai-agents'
import { Agent, type Model, type ModelRequest, Runner, Usage } from '@openai/agents'
import { MemorySpine } from 'memory-spine'

type Answer = Awaited<ReturnType<Model['getResponse']>>['output'][number]

/** A model that always answers the same. With a key, leave `model` out and the SDK's own is used. */
const scripted = (answer: Answer, hear = (_request: ModelRequest) => {}): Model => ({
  async getResponse(request) {
    hear(request)
    return { usage: new Usage(), output: [answer] }
  },
  // biome-ignore lint/correctness/useYield: a script has nothing to stream.
  async *getStreamedResponse() {
    throw new Error('not streamed here')
  },
})

await using spine = await MemorySpine.open(':memory:')
const request = 'Payments must survive a short outage of the gateway.'

const coder = new Agent({
  name: 'coder',
  instructions: 'You write Python.',
  model: scripted(
    {
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'I wrote retry.py.' }],
    },
    ({ input }) => console.log(JSON.stringify(input)), // the envelope, and nothing else
  ),
})
const planner = new Agent({
  name: 'planner',
  model: scripted({
    type: 'function_call',
    callId: 'call-1',
    name: 'transfer_to_coder',
    arguments: JSON.stringify({ task_summary: 'Write the retry logic.', decisions: ['full jitter: no herd'] }),
    status: 'completed',
  }),
  handoffs: [
    spineHandoff(coder, { spine, from: 'planner', call: { intent: request, constraints: { language: 'python' } } }),
  ],
})

const { finalOutput } = await new Runner({ tracingDisabled: true }).run(planner, request)
console.log('done:', finalOutput)
