// Levels: pins first, then what was asked for or is important, then the rest by value; nobody takes everything.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import type { Draft, EnvelopeMemory } from '../protocol/envelope.ts'
import { draft, fitMemories, nastyText, plainText } from '../testing/arbitraries.ts'
import { rankFacts } from './facts.ts'
import { type FitCall, type FitMemory, fitEnvelope } from './fit.ts'
import { passagesOf } from './passages.ts'
import { valuesOf } from './values.ts'

const count = (text: string) => countTokens(text, { disallowedSpecial: new Set() })
const [bare] = fc.sample(draft(plainText(1), fc.constant(400)), { numRuns: 1, seed: 1 }) as [Draft]
const task = { ...bare.task, intent: 'Open the vault.', summary: 'Open the vault.', state: {}, amendments: [] }
const { expected_output: _expected, ...others } = bare
const empty: Draft = { ...others, task, constraints: {}, constraint_ledger: {} }

type Given = Partial<EnvelopeMemory> & { content: string; score?: number; requested?: boolean; replaced_by?: string }

function memory({ score = 0, requested = false, replaced_by, ...given }: Given, seq: number): FitMemory {
  const tokens = count(given.content)
  const passages = passagesOf(given.content, tokens).map(({ start, end, tokens: own }) => ({
    start,
    end,
    tokens: own,
    // As the ranker would: what has the word is worth more.
    score: score + (given.content.slice(start, end).includes('vault') ? 1 : 0),
  }))
  return {
    memory: {
      id: `m${seq}`,
      version: 1,
      digest: `sha256:${given.content}`,
      tokens,
      priority: 'normal',
      pinned: false,
      level: 'full',
      kind: 'note',
      author: 'ann',
      trust: 'agent',
      ...given,
    },
    score,
    seq,
    passages,
    requested,
    ...(replaced_by === undefined ? {} : { replaced_by }),
  }
}

function fitting(max_tokens: number, given: readonly Given[], call: Partial<FitCall> = {}): Draft {
  const memories = given.map((one, index) => memory(one, index + 1))
  const budget = { ...empty.budget, max_tokens }
  return fitEnvelope({
    draft: { ...empty, budget },
    history: [],
    compacted: undefined,
    memories,
    strategy: 'priority',
    facts: [],
    count,
    require_full_intent: false,
    ...call,
  } as FitCall).draft
}

const levels = (fitted: Draft) => Object.fromEntries(fitted.memories.map(({ id, level }) => [id, level]))
const long = (sentence: string, times: number) => `${sentence} `.repeat(times).trim()
const small = Array.from({ length: 8 }, (_, at) => ({ content: `Remark ${at} about the vault.` }))

test('one oversized memory never empties an envelope, whoever asked for it', () => {
  const huge = { content: long('There is much to say about this.', 2_000) }
  for (const asked of [{ requested: true }, { pinned: true }, { priority: 'high' as const }, { score: 9 }]) {
    const carried = levels(fitting(500, [{ ...huge, ...asked }, ...small]))
    const whole = Object.values(carried).filter((level) => level === 'full').length
    assert.ok(whole >= 5, `${JSON.stringify(asked)}: ${JSON.stringify(carried)}`)
    if (!('score' in asked)) assert.ok('m1' in carried)
  }
})

test('an excerpt keeps the passage that matters, cut at sentence bounds', () => {
  const content = `${long('Nothing happened on that day.', 60)} The code of the vault is 7741. ${long('And so it went on.', 90)}`
  const [shown] = fitting(300, [{ content }, ...small]).memories.filter(({ id }) => id === 'm1')
  assert.equal(shown?.level, 'excerpt')
  assert.match(String(shown?.content), /The code of the vault is 7741\./)
  for (const piece of String(shown?.content)
    .split('…')
    .map((part) => part.trim())
    .filter(Boolean))
    assert.match(piece, /^(?:Nothing|The code|And).*\.$/s)
})

test('half of a few memories is shown rather than slivers of many', () => {
  const of = (name: string) =>
    `The vault of ${name} is meant. ${long(`Somebody in ${name} said so.`, 12)} ${long('Then lunch.', 60)}`
  const fitted = fitting(
    500,
    ['Rome', 'Oslo', 'Kyiv', 'Lima'].map((name) => ({ content: of(name), score: 2 })),
  )
  const shown = fitted.memories.filter(({ content }) => content !== undefined)
  assert.ok(shown.length >= 2, String(shown.length))
  for (const { tokens, content = '' } of shown.slice(0, 2)) assert.ok(count(content) * 2 >= tokens, content)
})

test('exact values leave room for the names of what has no room, which together take little', () => {
  const given = Array.from({ length: 20 }, (_, at) => ({
    content: long(`Order AB${at}C${at * 7} is in the vault.`, 30),
  }))
  const sources = given.map(({ content }, at) => {
    const values = [...valuesOf(content), ...valuesOf(Array.from({ length: 20 }, (_, n) => `x${at}-${n}y`).join(' '))]
    return { from: `m${at + 1}`, by: 'ann', trust: 'agent' as const, values }
  })
  const { facts, memories } = fitting(500, given, { facts: rankFacts(sources, [], empty.task) })
  assert.ok(facts.length > 10, String(facts.length))
  assert.ok(memories.length >= 15, String(memories.length))
})

test('a memory that has nearly all of its passages is shown whole', () => {
  const content = long('The vault is as it was before.', 30)
  assert.deepEqual(levels(fitting(2_000, [{ content }])), { m1: 'full' })
})

test('pins are whole, else an excerpt, else a reference', () => {
  const content = long('A pin has much to say.', 60)
  const seen = new Set<string | undefined>()
  for (let max_tokens = 60; max_tokens <= 900; max_tokens += 10)
    seen.add(levels(fitting(max_tokens, [{ content, pinned: true }, ...small])).m1)
  assert.deepEqual([...seen].filter(Boolean), ['ref', 'excerpt', 'full'])
})

test('the same text and a replaced memory have content once', () => {
  const fitted = fitting(2_000, [
    { content: 'The vault is green.', score: 3 },
    { content: 'The vault is green.', score: 2, requested: true },
    { content: 'The vault was red.', requested: true, replaced_by: 'm4' },
    { content: 'The vault is blue now.', requested: true },
  ])
  assert.equal(fitted.memories.filter(({ content }) => content !== undefined).length, 2)
  const told = fitted.receipts.trimmed.map(({ id, reason, instead }) => [id, reason, instead])
  assert.deepEqual(told.toSorted(), [
    ['m1', 'a duplicate', 'm2'],
    ['m3', 'replaced', 'm4'],
  ])
})

test('a word or two said again by somebody is shown again', () => {
  const fitted = fitting(2_000, [{ content: 'Yes, the vault.' }, { content: 'Yes.' }, { content: 'Yes.' }])
  assert.deepEqual(levels(fitted), { m1: 'full', m2: 'full', m3: 'full' })
})

test('the reasoning behind a decision already taken is at most a reference', () => {
  const state = { decisions: ['We take the side door.'] }
  const decided = { draft: { ...empty, task: { ...empty.task, state }, budget: { ...empty.budget, max_tokens: 900 } } }
  const given: Given[] = [{ content: 'The vault door squeaks, so not that one.', kind: 'reasoning' }]
  assert.equal(levels(fitting(900, given, decided)).m1, 'ref')
  assert.equal(levels(fitting(900, given)).m1, 'full')
})

test('a raw message is an excerpt while others want the room, and whole when nobody does', () => {
  const message: Given = { content: long('They talked about the vault for a while.', 40), kind: 'message', score: 5 }
  const others = Array.from({ length: 30 }, (_, at) => ({ content: `Remark ${at}: ${long('the vault', 6)}.` }))
  assert.equal(levels(fitting(700, [message, ...others])).m1, 'excerpt')
  assert.equal(levels(fitting(700, [message])).m1, 'full')
})

test('what did not fit says what it would have needed', () => {
  const fitted = fitting(200, [
    { content: long('The vault has many rooms.', 20), score: 1 },
    { content: long('So much more of it.', 90) },
  ])
  const [receipt] = fitted.receipts.trimmed.filter(({ id }) => id === 'm2')
  assert.ok(Number(receipt?.full_needs) > 300, JSON.stringify(receipt))
})

test('no memory of high priority is left out while one that nobody named has content', () => {
  const text = fc.oneof(plainText(30), nastyText)
  const call = fc.record({
    draft: draft(text, fc.integer({ min: 60, max: 600 })),
    memories: fitMemories(text, count, 30),
    strategy: fc.constantFrom('priority' as const, 'summary_refs' as const, 'lazy' as const),
  })
  fc.assert(
    fc.property(call, (given) => {
      let fitted: Draft
      try {
        fitted = fitEnvelope({
          ...given,
          history: [],
          facts: [],
          compacted: undefined,
          count,
          require_full_intent: false,
        } as unknown as FitCall).draft
      } catch {
        return
      }
      const carried = new Set(fitted.memories.map(({ id }) => id))
      const left = given.memories.filter(({ memory: one }) => one.priority === 'high' && !carried.has(one.id))
      const unnamed = given.memories.filter(
        ({ memory: one, requested }) =>
          !requested && !one.pinned && (one.priority === 'normal' || one.priority === 'low'),
      )
      const shown = fitted.memories.filter(({ content }) => content !== undefined).map(({ id }) => id)
      if (left.length > 0) assert.ok(!unnamed.some(({ memory: one }) => shown.includes(one.id)))
    }),
    { numRuns: 200 },
  )
})

test('strategies: summaries are short, lazy has references only, a full dump is whole or refused', () => {
  const given: Given[] = [
    {
      content: `${long('Nothing of note.', 40)} The vault is upstairs. ${long('Nothing at all.', 40)}`,
      requested: true,
    },
    { content: 'The vault is green.' },
    { content: 'The vault must stay shut.', pinned: true },
  ]
  const summaries = fitting(2_000, given, { strategy: 'summary_refs' })
  assert.deepEqual(levels(summaries), { m1: 'excerpt', m2: 'full', m3: 'full' })
  assert.match(String(summaries.memories.find(({ id }) => id === 'm1')?.content), /The vault is upstairs\./)
  for (const { content } of summaries.memories) assert.ok(count(String(content)) <= 62)
  assert.deepEqual(levels(fitting(2_000, given, { strategy: 'lazy' })), { m1: 'ref', m2: 'ref', m3: 'full' })
  assert.deepEqual(levels(fitting(2_000, given, { strategy: 'full_dump' })), { m1: 'full', m2: 'full', m3: 'full' })
  assert.throws(() => fitting(200, given, { strategy: 'full_dump' }), { code: 'BUDGET_TOO_SMALL' })
})
