/** What the tests of the client share: a clock turned by hand, a spine of answers, a sealed envelope. */

import { canonicalBytes, digestOf, rememberBytes } from '../protocol/canonical.ts'
import { contract } from '../protocol/contract.ts'
import type { Delivery } from '../protocol/delivery.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import { type CallOptions, operationsOf, type Spine } from '../protocol/spine.ts'
import type { Pacing } from './pacing.ts'
import { receive } from './receive.ts'
import type { Received } from './received.ts'

const at = '2026-01-05T10:00:00.000Z'
/** Lets everything that is ready run. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

export type ManualPacing = Pacing & {
  /** Moves time, waking who sleeps in the order in which they are due. */
  advance(ms: number): Promise<void>
  /** How long each sleeper still has, in ms. */
  readonly sleeping: number[]
}

export function manualPacing({ random = () => 0.5 }: { random?: () => number } = {}): ManualPacing {
  let now = 0
  const sleepers = new Set<{ due: number; wake: () => void }>()
  return {
    now: () => now,
    random,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const sleeper = {
          due: now + ms,
          wake: () => {
            sleepers.delete(sleeper)
            resolve()
          },
        }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', sleeper.wake, { once: true })
      }),
    async advance(ms) {
      const end = now + ms
      await turn()
      for (;;) {
        const next = [...sleepers].sort((a, b) => a.due - b.due)[0]
        if (!next || next.due > end) break
        now = next.due
        next.wake()
        await turn()
      }
      now = end
      await turn()
    },
    get sleeping() {
      return [...sleepers].map(({ due }) => due - now)
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the tests name the members that they look at.
export type Loose = any
type Answers = Record<string, (input: Loose, options: CallOptions) => unknown>

export type FakeSpine = {
  spine: Spine
  calls: { name: string; input: Loose }[]
  /** The inputs of one operation, in the order of its calls. */
  inputs(name: string): Loose[]
}

export function fakeSpine(answers: Answers): FakeSpine {
  const calls: FakeSpine['calls'] = []
  const operations = operationsOf(contract, async (group, operation, _entry, input, options) => {
    const name = `${group}.${operation}`
    calls.push({ name, input })
    const answer = answers[name]
    if (!answer) throw new Error(`${name} is not expected here`)
    return answer(input, options)
  })
  return {
    spine: { ...operations, close: async () => {} },
    calls,
    inputs: (name) => calls.filter((call) => call.name === name).map((call) => call.input),
  }
}

/** An answer that comes when the caller gives up, as a long poll on an empty inbox. */
export const untilAborted = (_input: unknown, { signal }: CallOptions): Promise<never> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }))

/** An inbox that hands out each batch once and is empty then. */
export function inbox(...batches: ReceivedDelivery[][]) {
  const left = [...batches]
  return (input: unknown, options: CallOptions) => {
    const deliveries = left.shift()
    return deliveries ? { deliveries } : untilAborted(input, options)
  }
}

/** A root envelope, sealed. */
export function sealedEnvelope(changes: Record<string, unknown> = {}): Envelope {
  const draft = {
    envelope_version: '2',
    id: 'env-1',
    created_at: at,
    namespace: 'default',
    source_agent: 'analyst',
    target_agent: 'coder',
    chain: {
      root_id: 'env-1',
      previous: [],
      hop: 1,
      max_hops: 10,
      path: ['analyst', 'coder'],
      cycle: 'stop',
      linked: 'root',
    },
    task: { intent: 'Never touch prod.', summary: 'Implement the retry.', state: {}, amendments: [] },
    constraints: { language: 'python' },
    constraint_ledger: { language: { set_by: 'analyst', hop: 1, locked: false } },
    execution_history: [],
    memory_refs: [],
    memories: [],
    facts: [],
    budget: { max_tokens: 4_000, tokenizer: 'o200k_base', used: 40, reserved: 0 },
    token_count: 40,
    receipts: { trimmed: [], omitted_count: 0 },
    completeness: { requested: 0, resolved: 0, included: 0, score: 1, gaps: [] },
    ...changes,
  }
  const envelope = { ...draft, digest: digestOf(draft) }
  return rememberBytes(envelope, canonicalBytes(envelope)) as Envelope
}

export function deliveryOf(changes: Partial<Delivery> = {}): Delivery {
  return {
    id: 'dlv-1',
    envelope_id: 'env-1',
    source_agent: 'analyst',
    target: 'coder',
    state: 'leased',
    priority: 'normal',
    claims: 1,
    attempts: 0,
    epoch: 1,
    ready_at: at,
    deadline: '2026-01-12T10:00:00.000Z',
    created_at: at,
    history: [],
    ...changes,
  }
}

export const receivedOf = (changes: Partial<ReceivedDelivery> = {}): ReceivedDelivery => ({
  ...deliveryOf(),
  attempt: 1,
  lease_token: 'token-1',
  lease_until: '2026-01-05T10:01:00.000Z',
  envelope: sealedEnvelope(),
  ...changes,
})

export const lease = { id: 'dlv-1', lease_token: 'token-1' }
const good = () => deliveryOf()
const settlements = {
  'deliveries.accept': good,
  'deliveries.complete': good,
  'deliveries.nack': good,
  'deliveries.release': good,
  'deliveries.heartbeat': good,
}
export const refuse =
  (code: SpineError['code'], extra = {}) =>
  () => {
    throw new SpineError(code, 'no', extra)
  }
export const untilSignal = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

/** Starts a receiver over an inbox of these deliveries, with what the tests look at. */
export function startReceiver(
  answers: Record<string, Loose>,
  handler: (received: Received) => unknown,
  options: Loose = {},
) {
  const pacing = manualPacing()
  const errors: Loose[] = []
  const fake = fakeSpine({ ...settlements, 'deliveries.receive': inbox([receivedOf()]), ...answers })
  const receiver = receive(fake.spine, 'coder', handler, { pacing, onError: (error) => errors.push(error), ...options })
  return {
    ...fake,
    receiver,
    pacing,
    errors,
    names: () => fake.calls.map(({ name }) => name.replace('deliveries.', '')),
  }
}

/** A delivery that its last receiver accepted and did not survive. */
export const suspectOf = (n: number) => {
  const at = '2026-01-05T10:00:00.000Z'
  const history = ['claim', 'accept', 'lease_end', 'claim'].map((event) => ({ at, event }))
  return receivedOf({ id: `dlv-${n}`, lease_token: `token-${n}`, attempts: 1, attempt: 2, history })
}
