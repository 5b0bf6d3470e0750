// Passages: the whole text in order, cut at sentence bounds, never inside a character, of about a hundred tokens.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { nastyText, plainText } from '../testing/arbitraries.ts'
import { marks, marksOf } from './marks.ts'
import { MAX_PASSAGES, outlineOf, passagesIn, passagesOf } from './passages.ts'

const count = (text: string) => countTokens(text, { disallowedSpecial: new Set() })
const text = fc
  .array(fc.oneof(plainText(60), nastyText), { minLength: 1, maxLength: 30 })
  .map((parts) => parts.join('. '))

test('passages are the whole text, share its tokens, and survive being written down', () => {
  fc.assert(
    fc.property(text, (content) => {
      const tokens = count(content)
      const passages = passagesOf(content, tokens)
      assert.equal(passages.map(({ start, end }) => content.slice(start, end)).join(''), content)
      assert.equal(
        passages.reduce((sum, passage) => sum + passage.tokens, 0),
        tokens,
      )
      assert.ok(passages.every(({ start, end }) => content.slice(start, end).isWellFormed()))
      assert.deepEqual(passagesIn(outlineOf(passages)), passages)
    }),
  )
})

test('a short text is one passage; a long one is cut between sentences into passages of about a hundred tokens', () => {
  assert.equal(passagesOf('One. Two. Three.', 6).length, 1)
  const content = 'The quick brown fox jumps over the lazy dog again. '.repeat(120)
  const passages = passagesOf(content, count(content))
  for (const [at, { start, end, tokens }] of passages.entries()) {
    assert.match(content.slice(start, end), /^The .*again\. $/s)
    assert.ok((tokens > 60 || at === passages.length - 1) && tokens <= 101, String(tokens))
  }
})

test('a text without sentences or spaces is cut between characters, and has no more passages than units', () => {
  for (const content of ['👩‍💻'.repeat(4_000), '日本語'.repeat(9_000), 'a'.repeat(130_000), 'ab '.repeat(40_000)]) {
    const passages = passagesOf(content, Math.ceil(content.length / 2))
    assert.ok(passages.length > 1 && passages.length <= MAX_PASSAGES, String(passages.length))
    assert.ok(passages.every(({ start, end }) => content.slice(start, end).isWellFormed()))
  }
})

test('marks tell what can be seen of a text', () => {
  const seen = (content: string, mark: number) => (marksOf(content) & mark) !== 0
  assert.ok(seen('It was last Tuesday.', marks.time) && !seen('It was fine.', marks.time))
  assert.ok(seen('There were three.', marks.number) && !seen('There were some.', marks.number))
  assert.ok(seen('We met Berta there.', marks.name) && !seen('We met there. Fine, I said.', marks.name))
  assert.ok(seen('Shall we go? Let me know.', marks.asks) && !seen('Shall we go? Let me know.', marks.ends_asking))
  assert.ok(seen('もう終わりましたか？', marks.ends_asking))
})
