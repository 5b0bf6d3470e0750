/**
 * `memory-spine load`: handoffs by many senders at once for a while, what each stage took, and a verdict by the rules
 * of health. Users run it on their own deployment; without `--endpoint` it starts a server of its own.
 */

import { randomUUID } from 'node:crypto'
import { connect } from '../client/connect.ts'
import { type ConfigInForce, countOf, UsageError } from './config.ts'
import { figuresOf, type LoadFigures, type Samples, stageNames } from './load/figures.ts'
import { startOwnServer } from './load/own-server.ts'
import { playLoad } from './load/play.ts'
import { type Output, table } from './output.ts'
import { percentile } from './replay/figures.ts'

const MAX_CONCURRENCY = 10_000
const MAX_DURATION_S = 3_600
const BAR = 40

function bounded(flag: string, value: unknown, most: number): number {
  const count = countOf(flag, value)
  if (count <= most) return count
  throw new UsageError(`${flag}: at most ${most} (it is ${count})`)
}

export async function load(flags: Record<string, unknown>, config: ConfigInForce, output: Output): Promise<number> {
  const concurrency = bounded('--concurrency', flags.concurrency, MAX_CONCURRENCY)
  const duration_s = bounded('--duration', flags.duration, MAX_DURATION_S)
  const max_handoffs = countOf('--max-handoffs', flags.maxHandoffs)
  const { values, origins } = config
  const { api_key } = values
  const run = randomUUID().slice(0, 8)
  // A key decides the namespace; without one, the run keeps to its own.
  const namespace = values.namespace ?? `load-${run}`
  // A variable that is set for other commands must not send a load there.
  const server = origins.endpoint === 'flag' ? undefined : await startOwnServer()
  const endpoint = server?.endpoint ?? values.endpoint
  const keyed = api_key !== undefined && server === undefined
  output.progress(
    `load: ${concurrency} senders for ${duration_s} s at ${endpoint}${server ? ', a server of its own' : ''}` +
      `${keyed ? '' : `, namespace ${namespace}`}`,
  )
  if (!server) output.progress('load: what it hands over stays in that store.')
  const spine = connect({ endpoint, ...(keyed ? { api_key } : { namespace }) })
  const ending = new AbortController()
  const stop = () => ending.abort()
  process.once('SIGINT', stop)
  try {
    const samples = await playLoad({
      spine,
      run,
      concurrency,
      duration_ms: duration_s * 1_000,
      max_handoffs,
      signal: ending.signal,
      progress: (now, elapsed_ms) => output.progress(progressLine(now, elapsed_ms, duration_s)),
    })
    const figures = figuresOf(samples)
    sayFigures(figures, concurrency, output)
    output.answer({ concurrency, duration_s: Math.round(samples.took_ms / 100) / 10, ...figures })
    return figures.verdict === 'healthy' ? 0 : 1
  } finally {
    process.off('SIGINT', stop)
    await spine.close()
    await server?.close()
  }
}

/** Of the last thousand handoffs, so that it shows what is now. */
function progressLine(samples: Samples, elapsed_ms: number, duration_s: number): string {
  const latest = samples.stages.handoff.slice(-1_000)
  const done = samples.stages.handoff.length
  return (
    `load: ${Math.round(elapsed_ms / 1_000)}/${duration_s} s, ${done} handoffs, ` +
    `${Math.round(done / (elapsed_ms / 1_000))}/s, ${samples.failed} failed, ` +
    `accepted after p50 ${percentile(latest, 0.5).toFixed(0)} ms, p99 ${percentile(latest, 0.99).toFixed(0)} ms`
  )
}

function sayFigures(figures: LoadFigures, concurrency: number, output: Output): void {
  const { handoffs, failed, per_second, failure_rate, completeness, verdict, findings, errors } = figures
  output.say(
    `${handoffs} handoffs by ${concurrency} senders, ${per_second} a second; ` +
      `${failed} failed (${(failure_rate * 100).toFixed(2)} %), completeness ${(completeness * 100).toFixed(1)} %.`,
  )
  output.say()
  const rows = stageNames.map((name) => {
    const { samples, p50_ms, p95_ms, p99_ms } = figures.stages[name]
    return [name, ...[samples, p50_ms, p95_ms, p99_ms].map(String)]
  })
  output.say(table(['stage', 'samples', 'p50 ms', 'p95 ms', 'p99 ms'], rows))
  output.say()
  for (const name of stageNames) output.say(`${name.padEnd(10)}${figures.stages[name].holds}`)
  output.say()
  output.say('From the send to its acknowledgement:')
  const most = Math.max(1, ...figures.histogram.map((bar) => bar.handoffs))
  for (const { up_to_ms, handoffs: count } of figures.histogram) {
    const edge = Number.isFinite(up_to_ms) ? `<= ${up_to_ms} ms` : 'longer'
    output.say(`${edge.padStart(14)} ${'#'.repeat(Math.ceil((count / most) * BAR)).padEnd(BAR)} ${count}`)
  }
  output.say()
  for (const [code, count] of Object.entries(errors)) output.say(`${count} times ${code}`)
  output.say(`Verdict: ${verdict}.`)
  for (const { check, tier, value, threshold } of findings)
    output.say(`  ${tier}: ${check.replaceAll('_', ' ')} is ${value}, the limit is ${threshold}`)
}
