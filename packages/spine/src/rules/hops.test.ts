// How far and how round a chain may go.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Chain } from '../protocol/envelope.ts'
import { isCircle, nextLimits } from './hops.ts'

const chain = fc.record({
  root_id: fc.constant('r'),
  previous: fc.constant([]),
  hop: fc.integer({ min: 1, max: 64 }),
  max_hops: fc.integer({ min: 1, max: 64 }),
  path: fc.constant(['a', 'b']),
  cycle: fc.constantFrom('stop' as const, 'warn' as const, 'off' as const),
  linked: fc.constant('given' as const),
}) as fc.Arbitrary<Chain>
const call = fc.record({
  max_hops: fc.option(fc.integer({ min: 1, max: 64 }), { nil: undefined }),
  cycle: fc.option(fc.constantFrom('stop' as const, 'warn' as const, 'off' as const), { nil: undefined }),
})
const strictness = { stop: 2, warn: 1, off: 0 }

test('a hop is one more than the longest way here, and limits only get tighter', () => {
  fc.assert(
    fc.property(fc.array(chain, { maxLength: 4 }), call, (previous, said) => {
      const next = nextLimits(previous, said, { max_hops: 10 })
      assert.equal(next.hop, Math.max(0, ...previous.map(({ hop }) => hop)) + 1)
      for (const before of previous) {
        assert.ok(next.max_hops <= before.max_hops)
        assert.ok(strictness[next.cycle] >= strictness[before.cycle])
      }
      if (said.max_hops !== undefined) assert.ok(next.max_hops <= said.max_hops)
      if (said.cycle !== undefined) assert.ok(strictness[next.cycle] >= strictness[said.cycle])
    }),
  )
  assert.deepEqual(nextLimits([], { max_hops: undefined, cycle: undefined }, { max_hops: 10 }), {
    hop: 1,
    max_hops: 10,
    cycle: 'stop',
  })
})

test('the third of the same steps closes a circle, whatever lies between', () => {
  const step = fc.record({
    from: fc.constantFrom('a', 'b'),
    to: fc.constantFrom('a', 'b'),
    fingerprint: fc.constantFrom('1', '2'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), step, (trail, next) => {
      const same = trail.filter((one) => JSON.stringify(one) === JSON.stringify(next)).length
      assert.equal(isCircle(trail, next), same >= 2)
    }),
  )
})
