// Fitting: the budget is never passed, what must be kept is kept, and every candidate is accounted for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import type { Strategy } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { render } from '../protocol/render.ts'
import { draft, fitMemories, nastyText, parts, plainText } from '../testing/arbitraries.ts'
import { type FactSource, rankFacts } from './facts.ts'
import { type FitCall, fitEnvelope } from './fit.ts'
import { fitHistory } from './history.ts'
import { standsIn } from './shown.ts'
import { valuesOf } from './values.ts'

const count = (text: string) => countTokens(text, { disallowedSpecial: new Set() })
const text = fc.oneof(plainText(30), nastyText)
const max_tokens = fc.integer({ min: 40, max: 1_200 })
const strategy = fc.constantFrom<Strategy>('priority', 'priority', 'summary_refs', 'lazy', 'full_dump')

const factsOf = ({ draft: { task }, memories }: Pick<FitCall, 'draft' | 'memories'>) => {
  const sources = memories.map(({ memory: { id, author, trust, content } }): FactSource => {
    return { from: id, by: author ?? '', trust: trust ?? 'agent', values: valuesOf(content) }
  })
  return rankFacts(sources, [], task)
}

const call: fc.Arbitrary<FitCall> = fc
  .record({ draft: draft(text, max_tokens), history: parts(text, 10), memories: fitMemories(text, count), strategy })
  .map((drawn) => ({
    ...drawn,
    facts: factsOf(drawn),
    compacted: undefined,
    count,
    require_full_intent: false,
  }))

/** The fitted draft, or nothing where the budget is too small: then every part is named. */
function fitted(given: FitCall): ReturnType<typeof fitEnvelope> | undefined {
  try {
    return fitEnvelope(given)
  } catch (error) {
    assert.ok(error instanceof SpineError && error.code === 'BUDGET_TOO_SMALL', String(error))
    const named = error.extra.parts as Record<string, number>
    assert.ok(Object.keys(named).length > 0 && Object.values(named).every((tokens) => tokens > 0))
    return undefined
  }
}

test('the tokens are those of the rendered text, and never above the budget', () => {
  fc.assert(
    fc.property(call, (given) => {
      const fit = fitted(given)
      if (!fit) return
      assert.equal(fit.tokens, count(render(fit.draft)))
      assert.ok(fit.tokens <= given.draft.budget.max_tokens)
    }),
    { numRuns: 200 },
  )
})

test('what must be kept is in the text, whole or as an excerpt that the receipts name; what is sealed is whole', () => {
  fc.assert(
    fc.property(call, (given) => {
      const fit = fitted(given)
      if (!fit) return
      const { task, constraints, expected_output, receipts } = fit.draft
      assert.deepEqual(
        [task, constraints, expected_output],
        [given.draft.task, given.draft.constraints, given.draft.expected_output],
      )
      // Without history and memories the same text has all the must-keep parts.
      const shown = render(fit.draft)
      const short = receipts.shortened?.map(({ part }) => part) ?? []
      const bare = render({ ...given.draft, completeness: fit.draft.completeness })
      const sections = bare.split(/^(?=## )/m).filter((section) => !section.startsWith('## Left out'))
      for (const section of sections) {
        const heading = section.split('\n')[0] ?? ''
        const shortened = { '## Task': 'intent', '## Do next': 'summary', '## State': 'state' }[heading]
        if (shortened && short.includes(shortened as 'intent')) assert.ok(shown.includes(heading))
        else assert.ok(shown.includes(section.trimEnd()), `${heading} is not whole`)
      }
      for (const question of task.state.open_questions ?? []) assert.ok(shown.includes(questionLine(question)))
    }),
    { numRuns: 200 },
  )
})

const questionLine = (question: string) =>
  render({ ...emptyState, task: { ...emptyState.task, state: { open_questions: [question] } } })
    .split('\n')
    .find((line) => line.startsWith('- open question')) ?? '-'
const [emptyState] = fc.sample(
  draft(plainText(1), fc.constant(100)).map((one) => ({
    ...one,
    constraints: {},
    constraint_ledger: {},
    task: { ...one.task, state: {} },
  })),
  1,
) as [FitCall['draft']]

test('facts take at most a quarter of the budget and of the text, and say nothing that stands elsewhere in it', () => {
  fc.assert(
    fc.property(call, (given) => {
      const fit = fitted(given)
      if (!fit) return
      const { facts, budget } = fit.draft
      const text = render(fit.draft)
      const others = render({ ...fit.draft, facts: [] })
      const section = text.length - others.length
      assert.ok(section <= text.length / 4, `${section} of ${text.length} characters`)
      assert.ok(fit.tokens - count(others) <= budget.max_tokens / 4)
      for (const { value } of facts) assert.ok(!standsIn(others, value), value)
    }),
    { numRuns: 200 },
  )
})

test('what facts leave of their room goes to memories: values that stand there need no list', () => {
  const memories = Array.from({ length: 30 }, (_, at) => `Order AB${1_000 + at} waits in src/pay/queue_${at}.ts.`)
  const [given] = fc.sample(
    fc.record({
      draft: draft(plainText(4), fc.constant(1_700)),
      memories: fitMemories(fc.constantFrom(...memories), count),
    }),
    { numRuns: 1, seed: 3 },
  )
  const [first] = given?.memories ?? []
  assert.ok(given && first)
  const every = memories.map((content, at) => {
    const tokens = count(content)
    const passages = [{ start: 0, end: content.length, tokens, score: 1 }]
    const memory = { ...first.memory, id: `m${at}`, content, tokens, digest: `sha256:${at}`, pinned: false }
    return { ...first, seq: at + 1, requested: false, passages, memory: { ...memory, priority: 'normal' as const } }
  })
  const call = { ...given, memories: every, history: [], compacted: undefined, count, require_full_intent: false }
  const fit = fitEnvelope({ ...call, facts: factsOf(call), strategy: 'priority' })
  assert.deepEqual(new Set(fit.draft.memories.map(({ level }) => level)), new Set(['full']))
  assert.equal(fit.draft.memories.length, every.length)
})

test('every candidate is carried whole, or has a receipt, or is counted', () => {
  fc.assert(
    fc.property(call, (given) => {
      const fit = fitted(given)
      if (!fit) return
      const { memories, receipts } = fit.draft
      const whole = memories.filter(({ level }) => level === 'full').map(({ id }) => id)
      const told = receipts.trimmed.map(({ id }) => id)
      assert.equal(new Set([...whole, ...told]).size, whole.length + told.length)
      assert.equal(whole.length + told.length + receipts.omitted_count, given.memories.length)
      for (const { id, level, content } of memories) {
        const source = given.memories.find(({ memory }) => memory.id === id)?.memory.content
        if (level === 'full') assert.equal(content, source)
        if (level === 'ref') assert.equal(content, undefined)
      }
    }),
    { numRuns: 200 },
  )
})

/** Whether there would be room for this history, were the memories only counted. */
const holds = (fit: FitCall['draft'], execution_history: FitCall['draft']['execution_history']) => {
  const receipts = {
    ...fit.receipts,
    trimmed: [],
    omitted_count: fit.receipts.trimmed.length + fit.receipts.omitted_count,
  }
  return count(render({ ...fit, memories: [], facts: [], receipts, execution_history })) <= fit.budget.max_tokens
}

test('history is shown or counted, unless not even the count has room', () => {
  fc.assert(
    fc.property(call, (given) => {
      const fit = fitted(given)
      if (!fit || given.history.length === 0) return
      const shown = fit.draft.execution_history
      if (shown.length === 0) return assert.ok(!holds(fit.draft, fitHistory(given.history, undefined, 0, count)))
      const counted = shown.reduce((sum, entry) => sum + ('compacted' in entry ? Number(entry.compacted) : 1), 0)
      assert.equal(counted, given.history.length)
    }),
    { numRuns: 200 },
  )
})

test('the same input gives the same envelope, in whatever order the memories come', () => {
  fc.assert(
    fc.property(call, fc.infiniteStream(fc.nat()), (given, chances) => {
      const key = new Map(given.memories.map((item) => [item, chances.next().value]))
      const shuffled = given.memories.toSorted((left, right) => (key.get(left) ?? 0) - (key.get(right) ?? 0))
      assert.deepEqual(fitted({ ...given, memories: shuffled }), fitted(given))
    }),
    { numRuns: 100 },
  )
})

test('more budget never means fewer tokens of must-keep: what fits stays fitting', () => {
  fc.assert(
    fc.property(call, fc.integer({ min: 1, max: 2_000 }), (given, more) => {
      if (given.strategy === 'full_dump' || !fitted(given)) return
      const budget = { ...given.draft.budget, max_tokens: given.draft.budget.max_tokens + more }
      assert.ok(
        fitted({ ...given, draft: { ...given.draft, budget } }),
        `fitted ${given.draft.budget.max_tokens}, not ${budget.max_tokens}`,
      )
    }),
    { numRuns: 150 },
  )
})
