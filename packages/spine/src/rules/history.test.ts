// The history of an envelope: decisions first, words unchanged, and a count for all that is not shown.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import type { CompactedEntry, HistoryEntry } from '../protocol/envelope.ts'
import { parts, plainText } from '../testing/arbitraries.ts'
import { fitHistory, type HistoryPart } from './history.ts'

const count = (text: string) => countTokens(text)
const before = fc.option(fc.constant({ compacted: 7, from_hop: 1, to_hop: 2, envelope_id: 'env_before' }), {
  nil: undefined,
})

/** The entry that is shown, whole or shortened to its decision. */
const originalOf = (shown: CompactedEntry | HistoryEntry, given: readonly HistoryPart[], from: number) =>
  given.findIndex(
    ({ entry }, index) =>
      index >= from &&
      (entry === shown ||
        (shown.shortened === true &&
          entry.agent === shown.agent &&
          isDeepStrictEqual(decidedIn(entry), decidedIn(shown)))),
  )
const decidedIn = ({ decision, rejected }: Partial<HistoryEntry>) => [decision, rejected]

test('every entry is shown word for word in its order, shortened to its decision, or counted', () => {
  fc.assert(
    fc.property(parts(plainText(20)), before, fc.integer({ min: 0, max: 600 }), (given, earlier, max_tokens) => {
      const shown = fitHistory(given, earlier, max_tokens, count)
      const [first] = shown
      const compacted = first && 'compacted' in first ? Number(first.compacted) : 0
      const entries = shown.filter((entry) => !('compacted' in entry))
      assert.equal(compacted + entries.length, given.length + (earlier?.compacted ?? 0))
      let from = 0
      for (const entry of entries) {
        const place = originalOf(entry, given, from)
        assert.notEqual(place, -1)
        from = place + 1
      }
    }),
  )
})

test('decisions come before all others; they are shortened before they are dropped, both from the oldest on', () => {
  fc.assert(
    fc.property(parts(plainText(8)), fc.integer({ min: 0, max: 400 }), (given, max_tokens) => {
      const shown = fitHistory(given, undefined, max_tokens, count).filter((entry) => !('compacted' in entry))
      const decisions = given.filter(({ entry }) => entry.decision !== undefined)
      const kept = shown.filter((entry) => entry.decision !== undefined)
      if (kept.length < decisions.length) assert.equal(shown.length, kept.length)
      // The newest are there without a gap, and none is whole that is older than a shortened one unless it is as short.
      assert.deepEqual(
        kept.map(({ decision }) => decision),
        decisions.slice(decisions.length - kept.length).map(({ entry }) => entry.decision),
      )
      const lastShort = kept.findLastIndex(({ shortened }) => shortened === true)
      for (const entry of kept.slice(0, Math.max(0, lastShort)))
        assert.ok(entry.shortened || (entry.reason === undefined && count(String(entry.action)) <= 1))
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
