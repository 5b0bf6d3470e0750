// Ranking, budget and backoff: one order for one set of candidates, the least of the limits, and jitter within its cap.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nastyText } from '../testing/arbitraries.ts'
import { backoffMs } from './backoff.ts'
import { budgetOf } from './budget.ts'
import { rank, termsOf } from './rank.ts'

const candidates = fc
  .array(
    fc.record({ content: nastyText, priority: fc.constantFrom('low' as const, 'normal' as const, 'high' as const) }),
    { maxLength: 20 },
  )
  .map((items) => items.map((item, index) => ({ ...item, id: `m${index}`, seq: index, terms: termsOf(item.content) })))

test('the order does not depend on the order of the input, and loses nobody', () => {
  fc.assert(
    fc.property(candidates, nastyText, (memories, query) => {
      const ranked = rank(query, memories)
      assert.deepEqual(rank(query, memories.toReversed()), ranked)
      assert.equal(new Set(ranked.map(({ memory }) => memory.id)).size, memories.length)
      for (const { score } of ranked) assert.ok(Number.isFinite(score) && String(score).length < 12)
    }),
  )
})

test('of two that are alike the one with the words wins, then the one with the priority, then the newer', () => {
  const memory = (id: string, seq: number, content: string, priority: 'normal' | 'high' = 'normal') => ({
    id,
    seq,
    priority,
    terms: termsOf(content),
  })
  const order = (...memories: ReturnType<typeof memory>[]) =>
    rank('database password', memories).map(({ memory: { id } }) => id)
  assert.deepEqual(order(memory('words', 1, 'the database password'), memory('none', 2, 'lunch at noon')), [
    'words',
    'none',
  ])
  assert.deepEqual(order(memory('high', 1, 'x', 'high'), memory('normal', 2, 'x')), ['high', 'normal'])
  assert.deepEqual(order(memory('old', 1, 'x'), memory('new', 2, 'x')), ['new', 'old'])
})

test('a budget is the least of what is given', () => {
  const limit = fc.option(fc.integer({ min: 1, max: 9_000 }), { nil: undefined })
  fc.assert(
    fc.property(limit, limit, limit, (said, ceiling, window) => {
      const profile = { context_window: window, reserved_tokens: 0, tokenizer: 'o200k_base' as const }
      const { max_tokens } = budgetOf(said, ceiling === undefined ? {} : { max_tokens: ceiling }, profile, 4_000)
      const given = [said, ceiling, window].filter((one) => one !== undefined)
      assert.equal(max_tokens, given.length ? Math.min(...given) : 4_000)
    }),
  )
})

test('a backoff lies between nothing and its cap', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, chance) => {
      const wait = backoffMs(attempt, 30_000, chance)
      assert.ok(Number.isInteger(wait) && wait >= 0 && wait < Math.min(30_000, 1_000 * 2 ** attempt))
    }),
  )
})
