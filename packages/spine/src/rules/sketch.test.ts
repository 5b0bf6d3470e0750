// What a sketch promises: percentiles near the exact ones, and sums that are the sketch of everything.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addTo,
  binOf,
  binsAt,
  countOf,
  decodeSketch,
  encodeSketch,
  mergeInto,
  middleOf,
  SKETCH_ERROR,
  type Sketch,
} from './sketch.ts'

const shares = [0.1, 0.5, 0.9, 0.95, 0.99, 1]

const sketchOf = (values: readonly number[]): Sketch => {
  const sketch: Sketch = new Map()
  for (const value of values) addTo(sketch, binOf(value))
  return sketch
}

/** Milliseconds from none to a month. */
const numbers = fc.array(fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 2_678_400_000 })), {
  minLength: 1,
  maxLength: 300,
})

test('every percentile is within 1 % of the exact one', () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const sorted = values.toSorted((left, right) => left - right)
      const found = binsAt(sketchOf(values), shares)
      for (const [index, share] of shares.entries()) {
        const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0
        const near = middleOf(found[index] ?? -1)
        const off = Math.abs(near - exact)
        assert.ok(off <= exact * SKETCH_ERROR * (1 + 1e-9), `${share}: ${near} for ${exact}`)
      }
    }),
  )
})

test('the sum of two sketches is the sketch of both, in either order', () => {
  fc.assert(
    fc.property(numbers, numbers, (left, right) => {
      const both = sketchOf([...left, ...right])
      for (const [first, second] of [
        [left, right],
        [right, left],
      ] as const) {
        const sum = sketchOf(first)
        mergeInto(sum, sketchOf(second))
        assert.deepEqual(encodeSketch(sum), encodeSketch(both))
        assert.equal(countOf(sum), left.length + right.length)
      }
    }),
  )
})

test('a sketch survives being written down', () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const sketch = sketchOf(values)
      const read = decodeSketch(JSON.parse(JSON.stringify(encodeSketch(sketch))))
      assert.deepEqual(encodeSketch(read), encodeSketch(sketch))
      assert.deepEqual(binsAt(read, shares), binsAt(sketch, shares))
    }),
  )
})

test('where nothing was counted there is no percentile', () => {
  assert.deepEqual(binsAt(new Map(), [0.5]), [undefined])
})
