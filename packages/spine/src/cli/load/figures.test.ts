// What a load test makes of its samples: percentiles, the histogram, and the verdict by the rules of health.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptySamples, figuresOf, histogramOf, type Samples, stageNames, thresholds } from './figures.ts'

const samplesOf = (some: Partial<Samples>): Samples => ({ ...emptySamples(), took_ms: 1_000, ...some })

test('a histogram has a bar for every step between the fastest and the slowest, and loses none', () => {
  const bars = histogramOf([0.05, 3, 4, 700, 90_000_000])
  assert.equal(
    bars.reduce((sum, { handoffs }) => sum + handoffs, 0),
    5,
  )
  assert.equal(bars[0]?.up_to_ms, 0.1)
  assert.deepEqual(bars.at(-1), { up_to_ms: Number.POSITIVE_INFINITY, handoffs: 1 })
  assert.deepEqual(
    bars.find(({ up_to_ms }) => up_to_ms === 5),
    { up_to_ms: 5, handoffs: 2 },
  )
  assert.deepEqual(histogramOf([]), [])
})

test('every stage is told with its percentiles and with what they hold', () => {
  const samples = samplesOf({ handoffs: 100 })
  samples.stages.commit = Array.from({ length: 100 }, (_, index) => index + 1)
  const { stages, within, verdict, per_second } = figuresOf(samples)
  assert.deepEqual(Object.keys(stages), stageNames)
  const { holds, ...commit } = stages.commit
  assert.deepEqual(commit, { samples: 100, p50_ms: 50, p95_ms: 95, p99_ms: 99 })
  assert.ok(holds.length > 0)
  assert.deepEqual(within, { seal: 'assemble' })
  assert.deepEqual([verdict, per_second], ['healthy', 100])
})

const verdicts: readonly [what: string, some: Partial<Samples>, verdict: string, check: string | undefined][] = [
  ['no failure', { handoffs: 1_000 }, 'healthy', undefined],
  ['failures just at the limit', { handoffs: 1_000, failed: 5 }, 'healthy', undefined],
  ['more than 0.5 % failed', { handoffs: 1_000, failed: 6 }, 'warning', 'failure_rate'],
  ['more than 2 % failed', { handoffs: 1_000, failed: 21 }, 'critical', 'failure_rate'],
  ['completeness below 95 %', { handoffs: 2, completeness: [1, 0.88] }, 'warning', 'completeness'],
  ['completeness below 80 %', { handoffs: 2, completeness: [1, 0.5] }, 'critical', 'completeness'],
  ['three failures in a row', { handoffs: 1_000, failures_in_a_row: 3 }, 'warning', 'failures_in_a_row'],
  ['a lease that ran out', { handoffs: 1_000, leases_lost: 1 }, 'warning', 'leases_lost'],
  ['nothing at all', { handoffs: 0 }, 'nothing measured', undefined],
]
for (const [what, some, verdict, check] of verdicts)
  test(`${what}: ${verdict}`, () => {
    const figures = figuresOf(samplesOf(some))
    assert.equal(figures.verdict, verdict)
    assert.equal(figures.findings[0]?.check, check)
  })

test('the limits are those of the health rules', () => {
  assert.deepEqual(thresholds.failure_rate, { warning: 0.005, critical: 0.02 })
  assert.deepEqual(thresholds.completeness, { warning: 0.95, critical: 0.8 })
})
