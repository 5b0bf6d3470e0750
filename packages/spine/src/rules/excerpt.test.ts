// Excerpts: pieces of the text in its own order, never half a character, within their tokens.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { nastyText, plainText } from '../testing/arbitraries.ts'
import { excerptOf, headAndTail } from './excerpt.ts'
import { termsOf } from './terms.ts'

const count = (text: string) => countTokens(text, { disallowedSpecial: new Set() })
const text = fc
  .array(
    fc.oneof(
      nastyText,
      plainText(30),
      fc.string({ unit: 'binary', maxLength: 60 }).map((part) => part.toWellFormed()),
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((pieces) => pieces.join('. ').replaceAll('…', ''))

/** Every piece between two marks stands in the text, one after the other. */
function assertPieces(excerpt: string, whole: string): void {
  assert.ok(excerpt.isWellFormed())
  let from = 0
  for (const piece of excerpt.split('…').map((part) => part.trim())) {
    const at = whole.indexOf(piece, from)
    assert.ok(at >= from, `${JSON.stringify(piece)} is not in the text behind place ${from}`)
    from = at + piece.length
  }
}

test('a head and tail are pieces of the text in order', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 0, max: 80 }), (whole, max_tokens) =>
      assertPieces(headAndTail(whole, max_tokens, count), whole),
    ),
  )
})

test('a head and tail keep to their tokens, but for the mark between them', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 4, max: 80 }), (whole, max_tokens) => {
      assert.ok(count(headAndTail(whole, max_tokens, count)) <= max_tokens + 4)
    }),
  )
})

test('a text that fits is shown whole; one that does not shows its beginning and its end', () => {
  const whole = `Begin here. ${'The middle goes on and on. '.repeat(200)}End there.`
  const shown = headAndTail(whole, 100, count)
  assert.match(shown, /^Begin here\..* … .*End there\.$/s)
  assert.equal(headAndTail('One. Two.', 100, count), 'One. Two.')
})

test('an excerpt is pieces of the text in order, within its tokens, and has the sentence that matters', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 5, max: 120 }), (whole, max_tokens) => {
      const excerpt = excerptOf(whole, new Set(['deploy', '8788']), termsOf, max_tokens, count)
      if (excerpt === undefined) return
      assertPieces(excerpt, whole)
      assert.ok(count(excerpt) <= max_tokens + 2, `${count(excerpt)} of ${max_tokens}`)
    }),
  )
  const whole = `${'Nothing to see in this one. '.repeat(40)}The port is 8788 for sure. ${'Nothing here either, no. '.repeat(40)}`
  assert.match(String(excerptOf(whole, new Set(['port']), termsOf, 40, count)), /The port is 8788 for sure\./)
})

test('a text without sentences or spaces is cut between characters', () => {
  for (const whole of ['👩‍💻'.repeat(2_000), '日本語'.repeat(3_000), 'a'.repeat(9_000)])
    assertPieces(headAndTail(whole, 60, count), whole)
})
