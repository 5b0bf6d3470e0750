/** Sealed envelopes for the benchmark: each has an id and a digest of its own, and is about as long as asked for. */

import { canonicalBytes, digestOf } from '../packages/spine/src/protocol/canonical.ts'
import type { Envelope } from '../packages/spine/src/protocol/envelope.ts'

const words = `the agent found that retry logic in the payment gateway must use exponential backoff with jitter because
  the upstream rate limiter answers 429 after ten requests and the client library swallows the header so that every
  constraint on tokens, style and security has to be carried to the next agent without loss or the review will fail`
  .trim()
  .split(/\s+/)

/** The same text in every run. */
function prose(chars: number, seed: number): string {
  let state = seed
  let text = ''
  while (text.length < chars) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    text += `${words[state % words.length]} `
  }
  return text.slice(0, chars).trim()
}

const created_at = '2026-01-05T09:00:00.000Z'

const memoryOf = (index: number, chars: number): Envelope['memories'][number] => ({
  id: `ms-${4821 + index}`,
  version: 1,
  digest: `sha256:${'0'.repeat(64)}`,
  tokens: Math.ceil(chars / 4),
  priority: index % 4 === 0 ? 'high' : 'normal',
  pinned: index % 4 === 0,
  level: 'full',
  content: prose(chars, index + 1),
  kind: 'fact',
  author: 'researcher',
  created_at,
})

/** Everything but the memories, which fill it up to its length. */
const frame = (run: string, target_agent: string): Envelope => ({
  envelope_version: '2',
  id: `env-${run}-000000`,
  created_at,
  namespace: 'default',
  digest: `sha256:${'0'.repeat(64)}`,
  source_agent: 'analyst',
  target_agent,
  chain: {
    root_id: `env-${run}-000000`,
    previous: [],
    hop: 1,
    max_hops: 10,
    path: ['analyst', target_agent],
    cycle: 'stop',
    linked: 'root',
  },
  task: {
    intent: 'Payments must survive a short outage of the gateway.',
    summary: prose(300, 7),
    state: {},
    amendments: [],
  },
  constraints: { language: 'python', max_tokens: 4000, security: 'no plaintext credentials' },
  constraint_ledger: {},
  execution_history: [
    { agent: 'researcher', action: 'read the gateway documentation', memory_id: 'ms-4821' },
    { agent: 'analyst', action: 'chose a strategy', decision: 'exponential backoff with jitter', memory_id: 'ms-4824' },
  ],
  expected_output: { format: 'patch' },
  memory_refs: [],
  memories: [],
  facts: [],
  budget: { max_tokens: 4000, tokenizer: 'o200k_base', used: 2000, reserved: 0 },
  token_count: 2000,
  receipts: { trimmed: [], omitted_count: 0 },
  completeness: { requested: 0, resolved: 0, included: 0, score: 1, gaps: [] },
  extensions: { seq: 0 },
})

/** Seals envelope `seq` of a run. `run` keeps the ids of two runs apart. */
export function envelopeMaker(run: string, target: string, payload: number): (seq: number) => Envelope {
  const draft = frame(run, target)
  const room = () => payload - JSON.stringify(draft).length
  const overhead = JSON.stringify(memoryOf(0, 0)).length + 1
  for (let index = 0; room() > overhead + 40; index += 1)
    draft.memories.push(memoryOf(index, Math.min(320, room() - overhead)))
  // What is sealed is canonical, so its keys come in order.
  const body = JSON.parse(Buffer.from(canonicalBytes(draft)).toString()) as Envelope
  return (seq) => {
    const id = `env-${run}-${String(seq).padStart(6, '0')}`
    const envelope = { ...body, chain: { ...body.chain, root_id: id }, extensions: { seq }, id }
    envelope.digest = digestOf(envelope)
    return envelope
  }
}

export const seqOf = (envelope: Envelope): number => Number(envelope.extensions?.seq)
