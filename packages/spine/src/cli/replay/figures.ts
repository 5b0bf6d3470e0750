/** The figures of a replay: one row per handoff in, the summary out. */

export type HandoffRow = {
  acknowledged: boolean
  /** Of a handoff that was sealed. */
  completeness?: number
  tokens?: number
  /** From the call that seals it to the sender's knowing that it was accepted. */
  latency_ms?: number
}

export type ReplaySummary = {
  traces: number
  handoffs: number
  acknowledged: number
  failed: number
  /** Mean over the sealed handoffs, 0 to 1. */
  completeness: number
  tokens_p50: number
  tokens_p95: number
  latency_p50_ms: number
  latency_p95_ms: number
  latency_p99_ms: number
}

/** Nearest rank: always a value that was measured. 0 when nothing was. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

const rounded = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits

export function summaryOf(traces: number, rows: readonly HandoffRow[]): ReplaySummary {
  const present = (key: 'completeness' | 'tokens' | 'latency_ms') => rows.flatMap((row) => row[key] ?? [])
  const scores = present('completeness')
  const latency = (share: number) => rounded(percentile(present('latency_ms'), share), 1)
  const acknowledged = rows.filter((row) => row.acknowledged).length
  return {
    traces,
    handoffs: rows.length,
    acknowledged,
    failed: rows.length - acknowledged,
    completeness: scores.length === 0 ? 1 : rounded(scores.reduce((sum, score) => sum + score, 0) / scores.length, 4),
    tokens_p50: percentile(present('tokens'), 0.5),
    tokens_p95: percentile(present('tokens'), 0.95),
    latency_p50_ms: latency(0.5),
    latency_p95_ms: latency(0.95),
    latency_p99_ms: latency(0.99),
  }
}
