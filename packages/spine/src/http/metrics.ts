/**
 * /metrics: what health counted, as Prometheus reads it. The counters are those of the ledger since its beginning: they
 * survive restarts, and every node of a cluster shows the same, so a board takes their maximum and not their sum. Label
 * sets are bounded: the targets with the most failures and handoffs by name, all the rest as `other`.
 */

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { HealthReport, Histogram, healthTotals, Totals } from '../protocol/health.ts'
import type { Identity, Spine } from '../protocol/spine.ts'
import type { Admission } from './admission.ts'

/** Targets that are shown by name. */
const MAX_TARGETS = 20
const OTHER = 'other'

type CountName = Exclude<keyof typeof healthTotals.shape.all.shape, 'latency_ms'>

const counters: readonly [name: string, member: CountName, help: string][] = [
  ['memory_spine_handoffs_total', 'handoffs', 'Deliveries that were sent.'],
  ['memory_spine_handoffs_accepted_total', 'accepted', 'Deliveries that were accepted for the first time.'],
  ['memory_spine_handoffs_completed_total', 'completed', 'Deliveries that were completed.'],
  ['memory_spine_handoffs_settled_total', 'settled', 'Deliveries that came to rest, whatever became of them.'],
  ['memory_spine_handoffs_failed_total', 'failed', 'Deliveries whose attempts were exhausted.'],
  [
    'memory_spine_attempts_failed_total',
    'failed_attempts',
    'Attempts that ended in a lease end, a retry or a wait in vain.',
  ],
  ['memory_spine_lease_ends_total', 'lease_ends', 'Leases that ended without an answer.'],
  ['memory_spine_envelopes_sealed_total', 'sealed', 'Envelopes that were sealed here.'],
  ['memory_spine_envelopes_incomplete_total', 'incomplete', 'Envelopes with at least one gap.'],
  ['memory_spine_gaps_total', 'gaps', 'References that could not be resolved.'],
  ['memory_spine_memories_trimmed_total', 'trimmed', 'Memories that were shortened or left out.'],
  ['memory_spine_memories_regretted_total', 'regretted', 'Of those, what a receiver fetched after all.'],
]

export const metricsType = Registry.PROMETHEUS_CONTENT_TYPE

/** Of this process; started by the first scrape, since they watch the garbage collector. */
let ofProcess: Registry | undefined

type OfServer = {
  admission: Admission
  /** How often which work in the background failed. */
  troubles: ReadonlyMap<string, number>
}

export async function metricsOf(spine: Spine, { admission, troubles }: OfServer, identity: Identity): Promise<string> {
  const [totals, report, { alerts }] = await Promise.all([
    spine.health.totals({ limit: MAX_TARGETS }, { identity }),
    spine.health.report({ window: '5m', limit: MAX_TARGETS }, { identity }),
    spine.alerts.list({ limit: 1_000 }, { identity }),
  ])
  const registry = new Registry()
  addCounters(registry, totals.all, totals.targets)
  addLatency(registry, totals.all)
  addGauges(registry, report)
  const open = gauge(registry, 'memory_spine_alerts_open', 'Open alerts.', ['tier'])
  for (const tier of ['critical', 'warning', 'info'])
    open.set({ tier }, alerts.filter((alert) => alert.tier === tier).length)
  gauge(registry, 'memory_spine_http_in_flight', 'Calls that this server is answering.').set(admission.in_flight)
  gauge(registry, 'memory_spine_http_waiting', 'Calls that wait for a delivery or an acknowledgement.').set(
    admission.waiting,
  )
  const failures = new Counter({
    name: 'memory_spine_background_failures_total',
    help: 'Rounds of work in the background that failed in this process.',
    labelNames: ['work'],
    registers: [registry],
  })
  for (const [work, times] of troubles) failures.inc({ work }, times)
  if (!ofProcess) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess, prefix: 'memory_spine_' })
    // They end in _total and are no counters: Prometheus would warn of them.
    for (const what of ['handles', 'requests', 'resources'])
      ofProcess.removeSingleMetric(`memory_spine_nodejs_active_${what}_total`)
  }
  return `${await registry.metrics()}\n${await ofProcess.metrics()}`
}

const gauge = (registry: Registry, name: string, help: string, labelNames: string[] = []) =>
  new Gauge({ name, help, labelNames, registers: [registry] })

function addCounters(registry: Registry, all: Totals, targets: readonly (Totals & { target: string })[]): void {
  for (const [name, member, help] of counters) {
    const counter = new Counter({ name, help, labelNames: ['target'], registers: [registry] })
    let named = 0
    for (const one of targets) {
      counter.inc({ target: one.target }, one[member])
      named += one[member]
    }
    if (all[member] > named) counter.inc({ target: OTHER }, all[member] - named)
  }
}

/** The buckets are counted already; prom-client only writes them. */
function addLatency(registry: Registry, { latency_ms }: Totals): void {
  const name = 'memory_spine_handoff_latency_seconds'
  const help = 'From initiated to accepted; direct: the sender waited for it.'
  const valuesOf = (mode: string, { buckets, count, sum_ms }: Histogram) => [
    ...buckets.map((bucket) => ({
      labels: { mode, le: bucket.le_ms / 1_000 },
      value: bucket.count,
      metricName: `${name}_bucket`,
    })),
    { labels: { mode, le: '+Inf' }, value: count, metricName: `${name}_bucket` },
    { labels: { mode }, value: sum_ms / 1_000, metricName: `${name}_sum` },
    { labels: { mode }, value: count, metricName: `${name}_count` },
  ]
  const values = [...valuesOf('direct', latency_ms.direct), ...valuesOf('queued', latency_ms.queued)]
  const metric = { name, help, type: 'histogram', aggregator: 'sum', get: async () => ({ ...metric, values }) }
  registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0])
}

const breakerStates = { closed: 0, half_open: 1, open: 2 }

function addGauges(registry: Registry, { figures, targets, queue }: HealthReport): void {
  const ready = gauge(registry, 'memory_spine_queue_ready', 'Deliveries that wait to be claimed.', ['target'])
  const held = gauge(registry, 'memory_spine_queue_held', 'Deliveries that are leased.', ['target'])
  const oldest = gauge(registry, 'memory_spine_queue_oldest_seconds', 'How long the oldest one has waited.', ['target'])
  const breaker = gauge(registry, 'memory_spine_breaker_state', '0 closed, 1 half open, 2 open.', ['target'])
  for (const one of targets) {
    const { target } = one
    ready.set({ target }, one.ready)
    held.set({ target }, one.held)
    oldest.set({ target }, (one.oldest_ready_ms ?? 0) / 1_000)
    breaker.set({ target }, breakerStates[one.breaker.state])
  }
  const sum = (member: 'ready' | 'held') => targets.reduce((all, one) => all + one[member], 0)
  if (queue.ready > sum('ready')) ready.set({ target: OTHER }, queue.ready - sum('ready'))
  if (queue.held > sum('held')) held.set({ target: OTHER }, queue.held - sum('held'))
  gauge(registry, 'memory_spine_parked', 'Deliveries in the dead-letter box.').set(queue.parked)
  const { completeness, utilisation, hops } = figures
  if (completeness.score !== undefined)
    gauge(registry, 'memory_spine_completeness_ratio', 'Mean completeness of the last five minutes.').set(
      completeness.score,
    )
  const percentiles = (name: string, help: string, values: Readonly<Record<string, number | undefined>>) => {
    const metric = gauge(registry, name, help, ['percentile'])
    for (const [percentile, value] of Object.entries(values)) if (value !== undefined) metric.set({ percentile }, value)
  }
  percentiles('memory_spine_token_utilisation_ratio', 'Tokens used of the budget, in the last five minutes.', {
    10: utilisation.p10,
    50: utilisation.p50,
    90: utilisation.p90,
  })
  percentiles('memory_spine_hop_depth', 'Hop of the envelopes of the last five minutes.', {
    50: hops.p50,
    95: hops.p95,
  })
}
