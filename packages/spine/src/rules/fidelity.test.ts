// An item is followed by its own words: what stands in the text of an envelope is there, listed or not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Envelope } from '../protocol/envelope.ts'
import { fidelityOf } from './fidelity.ts'

const hop = (number: number, more: { summary?: string; facts?: string[]; questions?: string[] }): Envelope => ({
  envelope_version: '2',
  id: `env-${number}`,
  created_at: '2026-01-05T10:00:00.000Z',
  namespace: 'default',
  digest: '',
  source_agent: 'a',
  target_agent: 'b',
  chain: { root_id: 'env-1', previous: [], hop: number, max_hops: 10, path: ['a', 'b'], cycle: 'stop', linked: 'root' },
  task: {
    intent: 'Move the window.',
    summary: more.summary ?? 'Go on.',
    state: more.questions ? { open_questions: more.questions } : {},
    amendments: [],
  },
  constraints: {},
  constraint_ledger: {},
  execution_history: [],
  memory_refs: [],
  memories: [],
  facts: (more.facts ?? []).map((value) => ({ value, kind: 'number', from: 'history' })),
  budget: { max_tokens: 1_000, tokenizer: 'o200k_base', used: 0, reserved: 0 },
  token_count: 0,
  receipts: { trimmed: [], omitted_count: 0 },
  completeness: { requested: 0, resolved: 0, included: 0, score: 1, gaps: [] },
})

const factEvents = (way: Envelope[], value: string) =>
  fidelityOf(way, 'chain')
    .items.find(({ key }) => key === `fact:${value}`)
    ?.events.map(({ hop: at, what }) => `${what} at ${at}`)

test('a fact that leaves the list but stands in the text is still there', () => {
  const way = [
    hop(1, { facts: ['8788', '25 rps'] }),
    hop(2, { summary: 'Listen on 8788.' }),
    hop(3, { facts: ['25 rps'] }),
  ]
  assert.deepEqual(factEvents(way, '8788'), ['added at 1', 'lost at 3'])
  assert.deepEqual(factEvents(way, '25 rps'), ['added at 1', 'lost at 2', 'back at 3'])
})

test('a fact that comes back only in the text is back', () => {
  const way = [hop(1, { facts: ['8788'] }), hop(2, {}), hop(3, { summary: 'Listen on 8788.' })]
  assert.deepEqual(factEvents(way, '8788'), ['added at 1', 'lost at 2', 'back at 3'])
})

test('an item that came and went between a and b is told, and not counted', () => {
  const way = [hop(1, {}), hop(2, { questions: ['why?'] }), hop(3, {})]
  const report = fidelityOf(way, 'chain')
  assert.deepEqual(report.kinds, {
    intent: { of: 1, survived: 1, changed: 0, waived: 0, resolved: 0, lost: 0, added: 0 },
  })
  const question = report.items.find(({ kind }) => kind === 'open_question')
  assert.deepEqual([question?.fate, question?.events.at(-1)?.by], ['resolved', 'a'])
  assert.equal(report.hops[2]?.score, 1)
  assert.equal(fidelityOf(way.slice(1), 'direct').items.find(({ kind }) => kind === 'open_question')?.fate, 'lost')
})
