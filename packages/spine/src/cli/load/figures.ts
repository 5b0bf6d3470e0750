/** The figures of a load test: what each stage took, a histogram, and the verdict. Pure functions of the samples. */

import { percentile } from '../replay/figures.ts'

/** The stages of a handoff, in their order, with what the figure of each holds when it is taken from outside. */
export const stages = Object.freeze({
  assemble: 'the call that makes the envelope: collect, rank, fit, seal, and the commit of the envelope',
  commit: 'the call that sends it, until the delivery is on disk and answered',
  wake: "from the delivery's commit to its lease, by the server's clock in whole ms; 0 where it was born leased",
  deliver: 'from the beginning of the send to the receiver having the envelope: commit, wake, and the way',
  open: 'the receiver checks the envelope, renders it, and reads the memories behind it',
  accept: 'the call that takes responsibility',
  complete: 'the call that ends it',
  handoff: 'from the beginning of the send to the sender knowing that it was accepted',
})
export type Stage = keyof typeof stages
export const stageNames = Object.keys(stages) as Stage[]

/** Sealing happens inside the call that assembles, and nothing tells of it apart. */
const within: Readonly<Record<string, Stage>> = Object.freeze({ seal: 'assemble' })

export type Samples = {
  /** Milliseconds of each stage. */
  stages: Record<Stage, number[]>
  completeness: number[]
  handoffs: number
  failed: number
  /** Failures one after another, by target; the longest such row. */
  failures_in_a_row: number
  /** Leases that ran out while the load test worked: the server, or this program, was too slow. */
  leases_lost: number
  errors: Map<string, number>
  took_ms: number
}

export type StageFigures = { samples: number; p50_ms: number; p95_ms: number; p99_ms: number; holds: string }
export type Finding = { check: string; tier: 'warning' | 'critical'; value: number; threshold: number }
export type Verdict = 'healthy' | 'warning' | 'critical' | 'nothing measured'

export type LoadFigures = {
  handoffs: number
  failed: number
  failure_rate: number
  per_second: number
  completeness: number
  leases_lost: number
  stages: Record<Stage, StageFigures>
  within: typeof within
  histogram: { up_to_ms: number; handoffs: number }[]
  errors: Record<string, number>
  verdict: Verdict
  findings: Finding[]
}

/** The thresholds of the health rules: above (or for completeness below) which it is a warning, or critical. */
export const thresholds = Object.freeze({
  failure_rate: { warning: 0.005, critical: 0.02 },
  completeness: { warning: 0.95, critical: 0.8 },
  /** Failed in a row to one target, which the breaker counts too. */
  failures_in_a_row: { warning: 3 },
  leases_lost: { warning: 1 },
})

const rounded = (value: number, digits = 2) => Number(value.toFixed(digits))

export function emptySamples(): Samples {
  return {
    stages: Object.fromEntries(stageNames.map((stage) => [stage, [] as number[]])) as Record<Stage, number[]>,
    completeness: [],
    handoffs: 0,
    failed: 0,
    failures_in_a_row: 0,
    leases_lost: 0,
    errors: new Map(),
    took_ms: 0,
  }
}

function stageFigures(stage: Stage, values: readonly number[]): StageFigures {
  const at = (share: number) => rounded(percentile(values, share))
  return { samples: values.length, p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99), holds: stages[stage] }
}

/** Steps of 1, 2, 5, 10...: each bar counts what took longer than the one before it. Empty ends are left out. */
export function histogramOf(values: readonly number[]): LoadFigures['histogram'] {
  const bars = [-1, 0, 1, 2, 3, 4, 5]
    .flatMap((power) => [1, 2, 5].map((step) => ({ up_to_ms: rounded(step * 10 ** power, 1), handoffs: 0 })))
    .concat({ up_to_ms: Number.POSITIVE_INFINITY, handoffs: 0 })
  for (const value of values) {
    const bar = bars.find(({ up_to_ms }) => value <= up_to_ms)
    if (bar) bar.handoffs += 1
  }
  const filled = bars.flatMap(({ handoffs }, index) => (handoffs > 0 ? [index] : []))
  return bars.slice(filled[0] ?? 0, (filled.at(-1) ?? -1) + 1)
}

function findingsOf(figures: { failure_rate: number; completeness: number }, samples: Samples): Finding[] {
  const { failure_rate, completeness } = figures
  const findings: Finding[] = []
  const note = (check: string, tier: Finding['tier'], value: number, threshold: number) =>
    void findings.push({ check, tier, value, threshold })
  const rate = thresholds.failure_rate
  if (failure_rate > rate.critical) note('failure_rate', 'critical', failure_rate, rate.critical)
  else if (failure_rate > rate.warning) note('failure_rate', 'warning', failure_rate, rate.warning)
  const whole = thresholds.completeness
  if (completeness < whole.critical) note('completeness', 'critical', completeness, whole.critical)
  else if (completeness < whole.warning) note('completeness', 'warning', completeness, whole.warning)
  for (const check of ['failures_in_a_row', 'leases_lost'] as const)
    if (samples[check] >= thresholds[check].warning) note(check, 'warning', samples[check], thresholds[check].warning)
  return findings
}

function verdictOf(handoffs: number, findings: readonly Finding[]): Verdict {
  if (handoffs === 0) return 'nothing measured'
  if (findings.some(({ tier }) => tier === 'critical')) return 'critical'
  return findings.length > 0 ? 'warning' : 'healthy'
}

export function figuresOf(samples: Samples): LoadFigures {
  const { handoffs, failed, completeness: scores, took_ms, leases_lost, errors } = samples
  const failure_rate = handoffs === 0 ? 0 : failed / handoffs
  const completeness = scores.length === 0 ? 1 : scores.reduce((sum, score) => sum + score, 0) / scores.length
  const findings = findingsOf({ failure_rate, completeness }, samples)
  return {
    handoffs,
    failed,
    failure_rate: rounded(failure_rate, 5),
    per_second: took_ms > 0 ? rounded((handoffs - failed) / (took_ms / 1_000), 1) : 0,
    completeness: rounded(completeness, 4),
    leases_lost,
    stages: Object.fromEntries(
      stageNames.map((stage) => [stage, stageFigures(stage, samples.stages[stage])]),
    ) as LoadFigures['stages'],
    within,
    histogram: histogramOf(samples.stages.handoff),
    errors: Object.fromEntries(errors),
    verdict: verdictOf(handoffs, findings),
    findings,
  }
}
