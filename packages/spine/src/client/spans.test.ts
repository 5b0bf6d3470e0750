import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EACH, locate } from './spans.ts'

const textsAt = (text: string, path: string[]) => locate(JSON.parse(text), text, path).map((found) => found.text)

test('the exact characters of a nested value are found, spaces and escapes included', () => {
  const text = ' {"a": [ {"x" : { "k\\"}]" : 1.0e1 , "t":"\\\\" } },{"x":[ ]} , {"y":2}], "x": 3 } '
  assert.deepEqual(textsAt(text, ['a', EACH, 'x']), ['{ "k\\"}]" : 1.0e1 , "t":"\\\\" }', '[ ]'])
  assert.deepEqual(textsAt(text, ['x']), ['3'])
})

test('a path that leads nowhere finds nothing', () => {
  for (const path of [['b'], ['a', 'x'], ['a', EACH, 'z'], [EACH]])
    assert.deepEqual(textsAt('{"a":[{"x":1},null]}', path), [])
})

test('a member that is written with escapes is found under its name', () => {
  assert.deepEqual(textsAt('{"\\u0061":{"b": true}}', ['a']), ['{"b": true}'])
})

test('whatever stands around it, the value that is found is the value that was written', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (before, value, indent) => {
      const text = JSON.stringify({ before, list: [before, { it: value }], after: before }, null, indent)
      const document = JSON.parse(text)
      const found = locate(document, text, ['list', EACH, 'it']).filter((each) => each.value === document.list[1].it)
      assert.deepEqual(JSON.parse(found.at(-1)?.text ?? ''), document.list[1].it)
    }),
  )
})
