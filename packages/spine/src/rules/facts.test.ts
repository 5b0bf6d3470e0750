// Which exact values come first, where they say they are from, and how much room they take.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { factLines } from '../protocol/render.ts'
import { type FactSource, rankFacts } from './facts.ts'
import { createFactList } from './fit-facts.ts'
import { standsIn } from './shown.ts'
import { valuesOf } from './values.ts'

const count = (text: string) => countTokens(text)
const about = { intent: 'Refund the order AB12 of the customer.', summary: 'Ask for the reason.' }
const said = (from: string, text: string, trust: FactSource['trust'] = 'agent', by = from): FactSource => ({
  from,
  by,
  trust,
  values: valuesOf(text),
})
const first = (sources: FactSource[]) => rankFacts(sources, [], about)[0]?.value
const roomy = { tokens: 1_000, chars: 10_000 }

test('what the user said comes before what an agent said, and that before what a tool said', () => {
  const sources = [said('m1', 'X11', 'tool'), said('m2', 'X22', 'agent'), said('m3', 'X33', 'user')]
  assert.deepEqual(
    rankFacts(sources, [], about).map(({ value }) => value),
    ['X33', 'X22', 'X11'],
  )
})

test('what several texts and several authors use, and what is newer, comes first', () => {
  assert.equal(first([said('m1', 'X11'), said('m2', 'X22'), said('m3', 'X11')]), 'X11')
  assert.equal(first([said('m1', 'X11'), said('m2', 'X22')]), 'X22')
  assert.equal(first([said('m1', 'order_ref'), said('m2', 'other_ref')]), 'order_ref')
})

test('a value of an earlier envelope competes again, with the origin and the standing it had', () => {
  const fact = { value: 'AB-77', kind: 'id', from: 'ms-3', trust: 'user' as const, uses: 4 }
  const [ranked] = rankFacts([said('m9', 'ZZ-11', 'tool')], [fact], about)
  assert.deepEqual([ranked?.value, ranked?.sources, ranked?.trust, ranked?.uses], ['AB-77', ['ms-3'], 'user', 4])
})

test('values stand under few texts, the user first; those of a tool are marked; a key is said once', () => {
  const sources = [
    said('ms-1', 'user_id: "amy_7"', 'user'),
    said('ms-2', '{"flight": "HAT1", "flight": "HAT2"}', 'tool'),
    said('ms-3', 'retry.ts and src/a.ts'),
  ]
  const facts = createFactList(rankFacts(sources, [], about), count).fit([], roomy)
  assert.deepEqual(factLines(facts), [
    'ms-1 (user): user_id amy_7',
    'ms-3: retry.ts; src/a.ts',
    'ms-2 (tool): flight HAT1, HAT2',
  ])
})

const value = fc.constantFrom(
  'AB12',
  'src/a.ts',
  'a.ts',
  '8788',
  'Ada Byron',
  'https://a.example/x',
  'max_wait',
  'x: "9"',
)
const sources = fc.array(
  fc.record({
    from: fc.constantFrom('ms-1', 'ms-2', 'ms-3'),
    by: fc.constantFrom('a', 'b'),
    trust: fc.constantFrom<FactSource['trust']>('user', 'agent', 'tool', 'external'),
    values: fc.array(value, { maxLength: 6 }).map((texts) => valuesOf(texts.join(' , '))),
  }),
  { maxLength: 6 },
)

test('the list never passes its room, repeats nothing, and lists nothing that stands elsewhere', () => {
  fc.assert(
    fc.property(sources, fc.nat(60), fc.nat(200), fc.array(value), (given, tokens, chars, shown) => {
      const text = shown.join('\n')
      const facts = createFactList(rankFacts(given, [], about), count).fit([text], { tokens, chars })
      const lines = factLines(facts)
      assert.ok(lines.reduce((sum, line) => sum + count(line) + 1, 0) <= tokens)
      assert.ok(lines.join('\n').length <= chars)
      for (const [index, fact] of facts.entries()) {
        assert.ok(!standsIn(text, fact.value))
        assert.ok(!facts.some((other, at) => at !== index && standsIn(other.value, fact.value)))
        assert.ok(
          given.some(({ from, values }) => from === fact.from && values.some((one) => one.value === fact.value)),
        )
      }
    }),
    { numRuns: 300 },
  )
})
