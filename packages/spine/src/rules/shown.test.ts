// Which values stand in a text as a whole: looked up by their first words, the answer is that of reading it for each.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nastyText } from '../testing/arbitraries.ts'
import { createShown, standsIn } from './shown.ts'

test('a value stands in a text only where no word goes on before or behind it', () => {
  const values = ['AB12', 'src/pay', 'retry.ts', 'in src/pay/retry.ts,', '¥500', 'AB1', 'B12', '12', '¥5']
  const text = 'Order AB12 is in src/pay/retry.ts, not xAB123.\n価格は¥500です'
  assert.deepEqual(
    new Set(createShown(values).in(text)),
    new Set(values.flatMap((value, place) => (standsIn(text, value) ? [place] : []))),
  )
  assert.deepEqual(createShown(['AB12', 'AB1', 'B12', '12', 'AB123']).in('AB12'), [0])
})

const piece = fc.oneof(nastyText, fc.constantFrom('AB12', 'a.ts', '-', '𝒳', '_', ' ', "'s", '日本', '%', '/', 'x', '7'))
const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))

test('what a text has is found in it, whatever it is made of, again and again', () => {
  fc.assert(
    fc.property(text, fc.array(fc.tuple(fc.nat(), fc.nat(30)), { maxLength: 6 }), text, (whole, cuts, other) => {
      const parts = cuts.map(([from, length]) => whole.slice(from % (whole.length + 1)).slice(0, length))
      const values = [...parts, other].map((value) => value.replaceAll('\n', ' ')).filter((value) => value !== '')
      const shown = createShown(values)
      const expected = values.flatMap((value, place) => (standsIn(whole, value) ? [place] : []))
      const lines = whole.split(/(?<=\n)/)
      for (const round of [1, 2])
        for (const found of [shown.in(whole), shown.inParts([whole]), shown.inParts(lines)])
          assert.deepEqual(
            [...new Set(found)].sort((left, right) => left - right),
            expected,
            `round ${round}`,
          )
    }),
    { numRuns: 1_000 },
  )
})
