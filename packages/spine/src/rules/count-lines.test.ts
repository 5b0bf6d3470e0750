// Counting by lines and words is counting: the same tokens with every tokenizer, however they end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as cl100k_base from 'gpt-tokenizer/encoding/cl100k_base'
import * as o200k_base from 'gpt-tokenizer/encoding/o200k_base'
import * as p50k_base from 'gpt-tokenizer/encoding/p50k_base'
import * as r50k_base from 'gpt-tokenizer/encoding/r50k_base'
import { nastyText, plainText } from '../testing/arbitraries.ts'
import { byLines, countParts } from './count-lines.ts'

const encodings = { o200k_base, cl100k_base, p50k_base, r50k_base }
const line = fc.oneof(
  plainText(12),
  nastyText,
  fc.constantFrom('', ' ', '/path', '  indented', '\t', '[ms-1]', "'s", '- item.', '```', '日本。', 'a\r', '?/', '//x'),
)
const between = fc.constantFrom('\n', '\n', ' ', ' ', '  ', '\u00a0', ' \n', '\u3000 ', '\t ')
const text = fc
  .array(fc.tuple(line, between), { maxLength: 12 })
  .map((lines) => lines.map(([before, after]) => `${before}${after}`).join(''))

for (const [name, { countTokens }] of Object.entries(encodings))
  test(`${name} counts a text as the sum of its lines and words, also when they were seen before`, () => {
    const count = (text: string) => countTokens(text, { disallowedSpecial: new Set() })
    const counted = byLines(count)
    fc.assert(
      fc.property(text, (whole) => {
        assert.equal(counted(whole), count(whole))
      }),
      { numRuns: 1_000 },
    )
  })

test('a text in parts has the tokens of the whole, wherever the parts end', () => {
  const count = (text: string) => o200k_base.countTokens(text, { disallowedSpecial: new Set() })
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), (parts) => {
      assert.equal(countParts(parts, count), count(parts.join('')))
    }),
    { numRuns: 1_000 },
  )
})
