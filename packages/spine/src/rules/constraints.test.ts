// Down a chain a constraint is carried or narrowed, whatever is drawn; nothing gets lost or loose without a waiver.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { LedgerEntry } from '../protocol/envelope.ts'
import type { Constraints } from '../protocol/task.ts'
import { anyKey } from '../testing/arbitraries.ts'
import { type Constrained, inheritConstraints, joinConstraints, narrows, sameValue } from './constraints.ts'

const value = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom('a', 'b', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00+01:00', 'soon'),
  fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }),
  fc.constantFrom(true, { a: 1 }, { a: 1, b: [2] }),
) as fc.Arbitrary<NonNullable<Constraints[string]>>
const map = (values: fc.Arbitrary<Constraints[string]>) =>
  fc.dictionary(anyKey, values, { maxKeys: 6, noNullPrototype: true })
const constrained: fc.Arbitrary<Constrained> = fc.tuple(map(value), fc.array(anyKey)).map(([constraints, locked]) => ({
  constraints,
  ledger: Object.fromEntries(
    Object.keys(constraints).map((key): [string, LedgerEntry] => [
      key,
      { set_by: 'user', hop: 1, locked: locked.includes(key) },
    ]),
  ),
}))
const call = fc.record(
  {
    constraints: map(fc.oneof(value, fc.constant(null))),
    locked: fc.array(anyKey, { maxLength: 2 }),
    waive: fc.constant({}),
    amendments: fc.constant([]),
    by: fc.constant('coder'),
    hop: fc.constant(2),
  },
  { noNullPrototype: true },
)
const within = (key: string, now: Constraints[string], next: Constraints[string] | undefined) =>
  next !== undefined && (sameValue(now, next) || narrows(key, now, next))

test('what was inherited is there afterwards, the same or narrower, or its change is refused', () => {
  fc.assert(
    fc.property(constrained, call, (inherited, said) => {
      const { constraints, ledger, refusals } = inheritConstraints(inherited, said)
      for (const [key, now] of Object.entries(inherited.constraints)) {
        const next = Object.hasOwn(constraints, key) ? constraints[key] : undefined
        assert.ok(within(key, now, next), `${key}: ${JSON.stringify([now, next])}`)
        const wanted = Object.hasOwn(said.constraints, key) ? said.constraints[key] : now
        assert.equal(
          refusals.some((refusal) => refusal.key === key),
          !within(key, now, wanted),
          key,
        )
      }
      // Every constraint has its entry, and a lock is never taken away.
      assert.deepEqual(Object.keys(ledger).toSorted(), Object.keys(constraints).toSorted())
      for (const [key, { locked, set_by }] of Object.entries(inherited.ledger)) {
        assert.equal(ledger[key]?.set_by, set_by)
        if (locked) assert.equal(ledger[key]?.locked, true)
      }
    }),
    { numRuns: 500 },
  )
})

test('a waiver counts for who set it and for what is not locked', () => {
  fc.assert(
    fc.property(constrained, anyKey, fc.constantFrom('user', 'coder'), (inherited, key, by) => {
      const entry = Object.hasOwn(inherited.ledger, key) ? inherited.ledger[key] : undefined
      const said = { constraints: {}, locked: [], waive: { [key]: 'not needed' }, amendments: [], by, hop: 2 }
      const { constraints, ledger, refusals } = inheritConstraints(inherited, said)
      const may = entry !== undefined && !entry.locked && by === 'user'
      assert.equal(refusals.length, entry === undefined || may ? 0 : 1)
      assert.equal(Object.hasOwn(constraints, key), entry !== undefined && !may)
      if (may)
        assert.deepEqual(ledger[key]?.waiver, { by, reason: 'not needed', hop: 2, was: inherited.constraints[key] })
    }),
  )
})

test('inheriting changes nothing that it was given', () => {
  fc.assert(
    fc.property(constrained, call, (inherited, said) => {
      const before = structuredClone([inherited, said])
      inheritConstraints(inherited, said)
      joinConstraints([inherited, inherited])
      assert.deepEqual([inherited, said], before)
    }),
  )
})

test('a join has every constraint of every branch, the narrower where one narrows the other, whatever their order', () => {
  fc.assert(
    fc.property(constrained, constrained, (left, right) => {
      const one = joinConstraints([left, right])
      const other = joinConstraints([right, left])
      assert.deepEqual(one.refusals.map(({ key }) => key).toSorted(), other.refusals.map(({ key }) => key).toSorted())
      for (const branch of [left, right])
        for (const [key, now] of Object.entries(branch.constraints)) {
          if (!one.refusals.some((refusal) => refusal.key === key))
            assert.ok(within(key, now, one.constraints[key]), key)
          if (branch.ledger[key]?.locked) assert.equal(one.ledger[key]?.locked, true)
        }
      assert.deepEqual(Object.keys(one.constraints).toSorted(), Object.keys(other.constraints).toSorted())
    }),
    { numRuns: 500 },
  )
})

test('a branch joined with itself is itself', () => {
  fc.assert(
    fc.property(constrained, (branch) => {
      assert.deepEqual(joinConstraints([branch, branch]), { ...branch, refusals: [] })
      assert.deepEqual(joinConstraints([branch]), { ...branch, refusals: [] })
    }),
  )
})

test('what narrows is told by the key: less of a most, more of a least, fewer allowed, more forbidden, sooner', () => {
  const number = fc.integer({ min: -3, max: 3 })
  const list = fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 })
  const subset = (part: string[], whole: string[]) => part.every((item) => whole.includes(item))
  const iso = (day: number) => new Date(Date.UTC(2026, 0, 10 + day)).toISOString()
  fc.assert(
    fc.property(number, number, list, list, (now, next, before, after) => {
      assert.equal(narrows('max_cost', now, next), next < now)
      assert.equal(narrows('min_tests', now, next), next > now)
      assert.equal(narrows('cost', now, next), false)
      assert.equal(narrows('maximum', now, next), false)
      assert.equal(narrows('allow_tools', before, after), subset(after, before))
      for (const key of ['deny_paths', 'forbid', 'must_not_touch'])
        assert.equal(narrows(key, before, after), subset(before, after))
      assert.equal(narrows('deadline', iso(now), iso(next)), next < now)
      assert.equal(narrows('due', iso(now), iso(next)), false)
    }),
  )
})

test('narrowing is strict for numbers and dates, and goes one way only', () => {
  fc.assert(
    fc.property(anyKey, value, value, (key, one, other) => {
      assert.equal(sameValue(one, other), sameValue(other, one))
      if (!Array.isArray(one) && narrows(key, one, other))
        assert.ok(!narrows(key, other, one) && !sameValue(one, other))
    }),
  )
})
