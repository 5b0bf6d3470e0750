// Exact values by their form alone: what is found, under which kind, and that no text takes long.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nastyText } from '../testing/arbitraries.ts'
import { valuesOf } from './values.ts'

const kinds = (text: string) => Object.fromEntries(valuesOf(text).map(({ value, kind }) => [value, kind]))

test('values are told by their form, in any script', () => {
  const text = `Deploy https://shop.example/a?b=1 from src/pay/retry.ts by 2026-03-01 for €1,250.50; see retryLimit,
    MAX_WAIT, v2.4.1, Клара Шуман and "the second page". Mail ops@shop.example about 42% of 8788.`
  const found = kinds(text)
  assert.equal(found['https://shop.example/a?b=1'], 'url')
  assert.equal(found['src/pay/retry.ts'], 'path')
  assert.equal(found['2026-03-01'], 'date')
  assert.equal(found['€1,250.50'], 'money')
  assert.equal(found.retryLimit, 'code')
  assert.equal(found.MAX_WAIT, 'code')
  assert.equal(found['v2.4.1'], 'code')
  assert.equal(found['Клара Шуман'], 'name')
  assert.equal(found['the second page'], 'quoted')
  assert.equal(found['ops@shop.example'], 'id')
  assert.equal(found['8788'], 'number')
})

test('a value in JSON or in a call has its key, and the key of JSON is no value', () => {
  const found = valuesOf('CALL book {"order_id": "AB12", "seats": 3} with open_file(path="a/b.ts", start_line=512)')
  const keyed = Object.fromEntries(found.flatMap(({ key, value }) => (key ? [[key, value]] : [])))
  assert.deepEqual(keyed, { order_id: 'AB12', seats: '3', path: 'a/b.ts', start_line: '512' })
  assert.ok(!found.some(({ value }) => value === 'order_id'))
})

test('plain words are none, and a name does not run over the end of a sentence', () => {
  assert.deepEqual(valuesOf('We went home. Then we slept, and nothing else happened.'), [])
  assert.ok(!('Closed on Sunday. We' in kinds('It is Closed on Sunday. We go.')))
})

test('every value stands in its text but for white space, and each once', () => {
  fc.assert(
    fc.property(nastyText, (text) => {
      const folded = text.replace(/\s+/gu, ' ')
      const found = valuesOf(text)
      for (const { value } of found) assert.ok(folded.includes(value), value)
      assert.equal(new Set(found.map(({ value }) => value)).size, found.length)
    }),
  )
})

test('a long text of any make is bounded', () => {
  for (const piece of ['a', 'a.', 'A b ', '"', 'x="', '1,', 'a/', '[', '€', 'A.B ', '`'])
    assert.ok(valuesOf(piece.repeat(60_000)).length <= 2_000)
})

// Where a pattern begins anew at every character of a long run, one of these takes from seconds to minutes.
test('a text made to keep a pattern busy is taken apart all the same', { timeout: 30_000 }, () => {
  const embedding = JSON.stringify(Array.from({ length: 3_300 }, (_, index) => Math.sin(index)))
  const parts = [
    '1',
    '1.1.',
    '1,1,',
    'AKIA',
    'aBaB',
    'A',
    '“',
    '"',
    '"a":"',
    "'a",
    'a@a.',
    'Ab ',
    'USD 1',
    '.',
    'ab://',
    'Ä',
  ]
  for (const part of parts) valuesOf(part.repeat(60_000 / part.length))
  valuesOf(`http://${'.'.repeat(60_000)}x`)
  assert.ok(valuesOf(embedding).length > 1_000)
})
