// The history of an envelope: decisions first, words unchanged, and a count for all that is not shown.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { parts, plainText } from '../testing/arbitraries.ts'
import { fitHistory } from './history.ts'

const count = (text: string) => countTokens(text)
const before = fc.option(fc.constant({ compacted: 7, from_hop: 1, to_hop: 2, envelope_id: 'env_before' }), {
  nil: undefined,
})

test('every entry is shown word for word in its order, or counted', () => {
  fc.assert(
    fc.property(parts(plainText(20)), before, fc.integer({ min: 0, max: 600 }), (given, earlier, max_tokens) => {
      const shown = fitHistory(given, earlier, max_tokens, count)
      const [first] = shown
      const compacted = first && 'compacted' in first ? Number(first.compacted) : 0
      const entries = shown.filter((entry) => !('compacted' in entry))
      assert.equal(compacted + entries.length, given.length + (earlier?.compacted ?? 0))
      const order = given.map(({ entry }) => entry)
      const places = entries.map((entry) => order.indexOf(entry as (typeof order)[number]))
      assert.deepEqual(
        places,
        places.toSorted((left, right) => left - right),
      )
      assert.ok(!places.includes(-1))
    }),
  )
})

test('an entry without a decision is only shown when every decision that fits is', () => {
  fc.assert(
    fc.property(parts(plainText(8)), fc.integer({ min: 0, max: 400 }), (given, max_tokens) => {
      const shown = new Set(fitHistory(given, undefined, max_tokens, count))
      const decisions = given.filter(({ entry }) => entry.decision !== undefined)
      const firstShown = decisions.findIndex(({ entry }) => shown.has(entry))
      // Of the decisions the newest are shown, without a gap.
      if (firstShown >= 0) assert.ok(decisions.slice(firstShown).every(({ entry }) => shown.has(entry)))
    }),
  )
})

test('with room for all, all is shown and nothing compacted', () => {
  fc.assert(
    fc.property(parts(plainText(8)), (given) =>
      assert.deepEqual(
        fitHistory(given, undefined, 1_000_000, count),
        given.map(({ entry }) => entry),
      ),
    ),
  )
})
