// Ids in prose: ranges are expanded in place, nothing is invented, and no text takes long.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nastyText } from '../testing/arbitraries.ts'
import { mentionsOf } from './references.ts'

const ids = (text: string) => mentionsOf(text).map(({ id }) => id)
const certain = (text: string) => mentionsOf(text).flatMap((mention) => (mention.certain ? [mention.id] : []))

test('a range is expanded in place, with every word for "to"', () => {
  const five = ['ms-4821', 'ms-4822', 'ms-4823', 'ms-4824', 'ms-4825']
  for (const word of ['through', 'thru', 'to', 'until', 'up to', '–', '—', '...', '..', '…', '->', '→', 'THROUGH'])
    assert.deepEqual(certain(`See ms-4821 ${word} ms-4825.`), five, word)
  assert.deepEqual(certain('ms-4821–ms-4825'), five)
  assert.deepEqual(certain('ms-4821 through 4825'), five)
  assert.deepEqual(ids('a-1 then b-2 to b-3, a-1'), ['a-1', 'b-2', 'b-3'])
  assert.deepEqual(certain('doc-007 to doc-010'), ['doc-007', 'doc-008', 'doc-009', 'doc-010'])
})

test('what only looks like a range is none', () => {
  for (const text of [
    '10 to 20',
    'ms-1 to note-5',
    'ms-5 to ms-1',
    'ms-1 to ms-300',
    'ms-1 and ms-3',
    'from 2026-01-05 to noon',
  ])
    assert.deepEqual(certain(text), [], text)
  assert.equal(certain('ms-1 to ms-200').length, 200)
})

test('an id is a word with a digit or a mark inside, without the stop at its end', () => {
  assert.deepEqual(ids('Read ms-12, then "adr/0007-cache". Not prose.'), ['ms-12', 'adr/0007-cache'])
})

test('any range within the limit is expanded exactly', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9_999 }),
      fc.integer({ min: 1, max: 199 }),
      nastyText,
      (from, size, before) => {
        const wanted = Array.from({ length: size + 1 }, (_, index) => `zz-${from + index}`)
        const found = certain(`${before}\n zz-${from} through zz-${from + size}`)
        assert.deepEqual(
          found.filter((id) => id.startsWith('zz-')),
          wanted,
        )
      },
    ),
  )
})

test('every mention stands in the text or in a range, each once, and at most five hundred words are looked at', () => {
  fc.assert(
    fc.property(nastyText, (text) => {
      const found = mentionsOf(text)
      assert.equal(new Set(found.map(({ id }) => id)).size, found.length)
      for (const { id, certain: sure } of found) if (!sure) assert.ok(text.includes(id))
    }),
  )
  assert.ok(mentionsOf('ms-1 '.repeat(60_000)).length === 1)
  assert.ok(mentionsOf(Array.from({ length: 9_000 }, (_, index) => `x-${index}`).join(' ')).length <= 500)
})

test('no text of the longest length takes long', () => {
  for (const piece of ['a', 'a.', '-', 'a-1 to ', '1', 'ms-1..', '…', '. '])
    mentionsOf(piece.repeat(Math.floor(131_072 / piece.length)))
})
