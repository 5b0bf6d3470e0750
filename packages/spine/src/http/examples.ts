/** One good input for every operation, as /docs and /openapi.json show it. The contract checks them, and so does a test. */

import type { z } from 'zod'
import type { Contract } from '../protocol/contract.ts'

type Examples = {
  readonly [G in keyof Contract]: {
    readonly [N in keyof Contract[G]]: Contract[G][N] extends { input: infer I extends z.ZodType } ? z.input<I> : never
  }
}

const lease = { id: 'dlv-01', lease_token: 'LEASE_TOKEN' }

const examples: Examples = {
  memories: {
    store: { content: 'The deploy window is Tuesday 06:00 UTC.', kind: 'fact', author: 'planner', pinned: true },
    get: { id: 'ms-1' },
    update: { id: 'ms-1', content: 'The deploy window is Wednesday 06:00 UTC.', if_match: '1' },
    delete: { id: 'ms-1' },
    list: { kind: 'fact', limit: 20 },
    search: { query: 'when do we deploy', limit: 5, max_tokens: 500 },
    resolve: { refs: ['ms-1', 'ms-2'], policy: 'latest' },
    pin: { id: 'ms-1' },
    unpin: { id: 'ms-1' },
  },
  tasks: {
    put: {
      id: 'T-1',
      intent: 'Make the nightly export retry on its own. Do not touch production.',
      constraints: { language: 'python' },
      locked: ['language'],
    },
    get: { id: 'T-1' },
  },
  agents: {
    put: { name: 'coder', context_window: 128_000, reserved_tokens: 8_000 },
    get: { name: 'coder' },
    list: { limit: 50 },
    reset_breaker: { name: 'coder' },
  },
  handoffs: {
    create: {
      source_agent: 'planner',
      target_agent: 'coder',
      task_summary: 'Add a retry to the nightly export.',
      intent: 'Make the nightly export retry on its own. Do not touch production.',
      constraints: { language: 'python', environment: 'staging' },
      max_tokens: 2_000,
    },
    preview: { envelope_id: 'env-01', budgets: [1_000, 2_000, 4_000], strategies: ['priority', 'lazy'] },
    import: { envelope: { envelope_version: '2', id: 'env-01', note: 'the whole sealed envelope stands here' } },
    text: { id: 'env-01' },
    get: { id: 'env-01' },
    status: { id: 'env-01' },
    list: { target_agent: 'coder', limit: 20 },
    lineage: { id: 'env-01' },
    diff: { a: 'env-01', b: 'env-03' },
  },
  deliveries: {
    send: { envelope_id: 'env-01', wait: 'accepted', timeout_ms: 15_000 },
    send_many: { items: [{ envelope_id: 'env-01' }, { envelope_id: 'env-02', target: 'tester' }] },
    receive: { agent: 'coder', max: 1, wait_ms: 20_000 },
    accept: lease,
    complete: { ...lease, output: { pull_request: 42 } },
    nack: { ...lease, kind: 'retry', reason: 'The test database is down.', delay_ms: 60_000 },
    release: lease,
    heartbeat: { ...lease, lease_ms: 60_000 },
    settle: { items: [{ action: 'complete', ...lease, output: { pull_request: 42 } }] },
    forward: {
      ...lease,
      output: 'the patch',
      handoff: { target_agent: 'reviewer', task_summary: 'Review the retry.' },
    },
    reroute: { id: 'dlv-01' },
    cancel: { id: 'dlv-01', reason: 'The user changed their mind.' },
    get: { id: 'dlv-01' },
    list: { target: 'coder', state: 'ready' },
  },
  channels: {
    publish: { channel: 'findings', envelope_id: 'env-01', receivers: ['coder', 'tester', 'writer'] },
    status: { channel: 'findings', envelope_id: 'env-01' },
    list: { limit: 50 },
  },
  parked: {
    park: { envelope_id: 'env-01', reason: 'A person has to decide.' },
    list: { target: 'coder' },
    get: { id: 'dlv-01' },
    redrive: { ids: ['dlv-01'] },
    discard: { ids: ['dlv-01'], reason: 'The ticket was closed.' },
  },
  health: {
    report: { window: '1h', target: 'coder' },
    thresholds: {},
    set_thresholds: { completeness_warning: 0.98, unclaimed_ms: 60_000 },
    totals: { limit: 20 },
    events: { after: '0-0', types: 'delivery.,breaker.opened', limit: 50 },
  },
  system: { gc: { dry_run: true } },
  alerts: {
    list: { state: 'open' },
    get: { id: 'alr-01' },
    acknowledge: { id: 'alr-01', by: 'ana', note: 'The receiver is being restarted.' },
    silence: { id: 'alr-01', for_ms: 3_600_000, by: 'ana' },
  },
}

/** The example of an operation by its id, `memories.store`. */
export function exampleOf(id: string): Readonly<Record<string, unknown>> {
  const [group = '', name = ''] = id.split('.')
  const inputs: Readonly<Record<string, Readonly<Record<string, object>>>> = examples
  return { ...inputs[group]?.[name] }
}
