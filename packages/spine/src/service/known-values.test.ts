import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKnownValues } from './known-values.ts'

const text = (index: number, length: number) => ({
  digest: `sha256:${index}`,
  content: `account DE-${index}-4711 may pay out. ${'x '.repeat(length / 2)}`,
})

test('values are kept for the texts that were looked at last, and not without end', () => {
  const known = createKnownValues()
  const [first] = known.of(text(0, 100))
  assert.equal(first?.value, 'DE-0-4711')
  assert.equal(known.find('sha256:0')?.[0], first)
  // A hundred megabytes of texts, with one value each.
  for (let index = 1; index <= 1_000; index += 1) known.of(text(index, 100_000))
  assert.equal(known.find('sha256:0'), undefined)
  assert.equal(known.find('sha256:1000')?.[0]?.value, 'DE-1000-4711')
})
