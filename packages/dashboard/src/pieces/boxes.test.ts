// Boxes on a line, whatever the attempts: all can be read, none lies on another.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boxesOf, endOf, type Span } from './boxes.ts'

test('attempts that are far apart have a box each, as wide as they took', () => {
  const spans = [
    { number: 1, from: 10, to: 60 },
    { number: 2, from: 100, to: 101 },
  ]
  assert.deepEqual(boxesOf(spans, 300), [
    { x: 10, width: 50, label: '1' },
    { x: 100, width: 13, label: '2' },
  ])
})

test('attempts that came at once share a box that says from which to which', () => {
  const spans = [1, 2, 3].map((number) => ({ number, from: 297 + number, to: 297 + number }))
  assert.deepEqual(boxesOf(spans, 300), [{ x: 273, width: 27, label: '1–3' }])
})

/** Every way to wait and to take long or short, `count` times. */
function ways(count: number): Span[][] {
  if (count === 0) return [[]]
  return ways(count - 1).flatMap((before) =>
    [0, 3, 30].flatMap((wait) =>
      [0, 8].map((took) => {
        const from = (before.at(-1)?.to ?? 0) + wait
        return [...before, { number: count, from, to: from + took }]
      }),
    ),
  )
}

test('no box lies on another or beyond the end of the line, and every attempt is in one', () => {
  for (const spans of [1, 2, 3, 4, 5].flatMap(ways)) {
    const limit = Math.max(60, spans.at(-1)?.to ?? 0)
    const boxes = boxesOf(spans, limit)
    for (const [index, box] of boxes.entries()) {
      assert.ok(box.x >= 0 && endOf(box) <= limit, JSON.stringify(boxes))
      const next = boxes[index + 1]
      if (next) assert.ok(next.x >= endOf(box) + 2, JSON.stringify(boxes))
    }
    const numbers = boxes.flatMap(({ label }) => {
      const [first = 0, last = first] = label.split('–').map(Number)
      return Array.from({ length: last - first + 1 }, (_, index) => first + index)
    })
    assert.deepEqual(
      numbers,
      spans.map(({ number }) => number),
    )
  }
})
