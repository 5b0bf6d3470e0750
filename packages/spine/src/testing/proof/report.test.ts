// What a run leaves of docs/proofs.md.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faults } from '../faults/table.ts'
import { guarantees } from './guarantees.ts'
import type { Form, Proven } from './proof.ts'
import { report } from './report.ts'

const [fault, other] = faults
assert.ok(fault && other)

const proven = (form: Form, runs: number, rest: Partial<Proven> = {}): Proven => ({
  ...{
    fault,
    store: 'sqlite',
    form,
    runs,
    seed: 1,
    took_s: 1,
    negative_control_failed: true,
    figures: {},
    examples: [],
  },
  ...{ lost: 0, dup_effects: 0, double_leases: 0, stuck: 0, over_attempts: 0, others: 0 },
  ...rest,
})
const after = (before: string, ...runs: Proven[]) => report(runs, { faults, before, date: '2026-01-05 10:00' })
const formsIn = (text: string) =>
  [...text.matchAll(/\| (short|part|long) \| ([\d,]+) /g)].map(([, form, runs]) => [form, runs])

test('a run writes one line for each fault that it made, in the order of the table', () => {
  const text = after('', proven('short', 3, { fault: other }), proven('short', 4))
  assert.deepEqual(formsIn(text), [
    ['short', '4'],
    ['short', '3'],
  ])
})

test('what did not run keeps its line, and a shorter run that holds leaves that of a longer one', () => {
  const long = after('', proven('long', 10_000), proven('short', 3, { fault: other }))
  const text = after(long, proven('short', 4))
  assert.equal(text, long)
  assert.deepEqual(formsIn(after(long, proven('long', 9_000)))[0], ['long', '9,000'])
})

test('a run that does not hold always has its line', () => {
  const long = after('', proven('long', 10_000))
  const violated = after(long, proven('short', 4, { lost: 1 }))
  assert.deepEqual(formsIn(violated), [['short', '4']])
  const blind = after(long, proven('short', 4, { negative_control_failed: false }))
  assert.match(blind, /NOT FOUND/)
})

test('a proof that broke off does not pass for one that this machine does not let be made', () => {
  assert.match(after('', proven('long', 0, { others: 1 })), /could not be run to its end \| 1 \|/)
  const impossible = { ...fault, possible: () => false }
  assert.match(after('', proven('long', 0, { fault: impossible })), /not possible on this machine \| - \|/)
})

test('what ran on PostgreSQL has a line of its own, below that of SQLite', () => {
  const both = faults.find(({ postgres }) => postgres)
  assert.ok(both)
  const text = after(
    after('', proven('short', 3, { fault: both })),
    proven('long', 4, { fault: both, store: 'postgres' }),
  )
  assert.deepEqual(formsIn(text), [
    ['short', '3'],
    ['long', '4'],
  ])
  assert.match(text, /, on PostgreSQL \| long/)
})

test('it says in a line each what the numbers of the guarantees mean, all that the faults name', () => {
  const said = [...after('', proven('short', 3)).matchAll(/^- (G\d+): .+\.$/gm)].map(([, id]) => id)
  assert.deepEqual(said, Object.keys(guarantees))
  assert.deepEqual(
    said,
    Array.from({ length: 18 }, (_, index) => `G${index + 1}`),
  )
  for (const { guarantees: named } of faults) for (const id of named) assert.ok(said.includes(id), id)
})
