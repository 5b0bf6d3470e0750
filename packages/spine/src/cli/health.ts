/** `memory-spine health` and `memory-spine alerts`: how it stands, and what somebody should look at. */

import type { Alert } from '../protocol/alert.ts'
import { type HealthFigures, healthWindow } from '../protocol/health.ts'
import { times } from '../rules/alert-words.ts'
import { type Config, UsageError } from './config.ts'
import type { Connection } from './connection.ts'
import { clip, type Output, table, wrap } from './output.ts'

const missing = '-'
const percent = (share: number | undefined) => (share === undefined ? missing : `${Math.round(share * 1_000) / 10} %`)
const duration = (ms: number | undefined): string => {
  if (ms === undefined) return missing
  if (ms < 1_000) return `${ms} ms`
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}
const number = (value: number | undefined) => (value === undefined ? missing : String(value))

const figureRows = ({
  latency_ms,
  completeness,
  failure_rate,
  failed,
  failed_attempts,
  settled,
  hops,
  utilisation,
  trimmed,
}: HealthFigures) => [
  [
    'latency, sender waits',
    `p50 ${duration(latency_ms.direct.p50)}, p95 ${duration(latency_ms.direct.p95)}, p99 ${duration(latency_ms.direct.p99)}`,
  ],
  [
    'latency, queued',
    `p50 ${duration(latency_ms.queued.p50)}, p95 ${duration(latency_ms.queued.p95)}, p99 ${duration(latency_ms.queued.p99)}`,
  ],
  [
    'completeness',
    `${percent(completeness.score)}, ${times(completeness.gaps, 'gap')} in ${completeness.incomplete} of ${times(completeness.count, 'envelope')}`,
  ],
  ['failure rate', `${percent(failure_rate)}, ${failed} of ${times(settled, 'delivery', 'deliveries')} that ended`],
  ['failed attempts', `${failed_attempts}, of deliveries that ended and of others`],
  ['hop depth', `p50 ${number(hops.p50)}, p95 ${number(hops.p95)}, max ${number(hops.max)}`],
  [
    'token use',
    `p10 ${percent(utilisation.p10)}, p50 ${percent(utilisation.p50)}, p90 ${percent(utilisation.p90)}, ${trimmed} trimmed`,
  ],
]

/** Exit code 1 when something is critical, so that a script can ask. */
export async function showHealth(
  { client, options }: Connection,
  flags: { window?: string; target?: string },
  output: Output,
): Promise<number> {
  const window = healthWindow.safeParse(flags.window ?? '1h')
  if (!window.success) throw new UsageError(`--window: must be one of ${healthWindow.options.join(', ')}`)
  const target = flags.target === undefined ? {} : { target: flags.target }
  const report = await client.health.report({ window: window.data, ...target }, options)
  const { verdict, figures, queue, targets } = report
  output.say(`${verdict.sentence} ${verdict.detail}`)
  output.say()
  const queued = `${queue.ready} ready (oldest ${duration(queue.oldest_ready_ms)}), ${queue.held} held, ${queue.parked} parked`
  output.say(
    table(
      [`last ${window.data}`, times(figures.handoffs, 'delivery', 'deliveries')],
      [...figureRows(figures), ['queue', queued]],
    ),
  )
  if (targets.length > 0) {
    const rows = targets.map((one) => [
      clip(one.target, 24),
      one.breaker.state,
      String(one.ready),
      String(one.figures.handoffs),
      String(one.figures.failed),
      duration(one.figures.latency_ms.all.p95),
      percent(one.figures.completeness.score),
    ])
    output.say()
    output.say(table(['target', 'breaker', 'ready', 'deliveries', 'failed', 'p95', 'complete'], rows))
  }
  output.answer(report)
  return verdict.tier === 'critical' ? 1 : 0
}

/** The way back that does not wait for the pause of the breaker, for who knows that the agent is well again. */
export async function resetBreaker({ client, options }: Connection, name: string, output: Output): Promise<number> {
  const agent = await client.spine.agents.reset_breaker({ name }, options)
  output.say(`The breaker of ${name} is closed: what is sent to it is handed out at once.`)
  output.say(`memory-spine parked redrive --all --target ${name}    # what was parked meanwhile`)
  output.answer(agent)
  return 0
}

const ageOf = ({ raised_at }: Alert): string => duration(Math.max(0, Date.now() - Date.parse(raised_at)))

export async function listAlerts(
  { client, options }: Connection,
  flags: { all?: boolean; limit?: string },
  output: Output,
): Promise<number> {
  const limit = flags.limit === undefined ? {} : { limit: Number(flags.limit) }
  const page = await client.alerts.list({ state: flags.all ? 'all' : 'open', ...limit }, options)
  if (page.alerts.length === 0) output.say('No alerts.')
  for (const alert of page.alerts) {
    const marks = [
      alert.state === 'resolved' ? 'resolved' : '',
      alert.acknowledged ? `${alert.acknowledged.by} is on it` : '',
      alert.silenced_until ? 'silenced' : '',
    ]
    output.say(
      [`${alert.tier.toUpperCase()}  ${alert.title}  (${ageOf(alert)} ago)`, ...marks.filter(Boolean)].join(', '),
    )
    output.say(wrap(`  ${alert.detail}\n  ${alert.next}\n  ${alert.id}`))
  }
  output.answer(page)
  return 0
}

export async function acknowledgeAlert(
  { client, options }: Connection,
  id: string,
  flags: { note?: string },
  { agent }: Pick<Config, 'agent'>,
  output: Output,
): Promise<number> {
  const note = flags.note === undefined ? {} : { note: flags.note }
  const by = agent === undefined ? {} : { by: agent }
  const alert = await client.alerts.acknowledge({ id, ...by, ...note }, options)
  output.say(`${alert.title}: ${alert.acknowledged?.by} is on it.`)
  output.answer(alert)
  return 0
}

/** `90s`, `30m`, `2h`, `1d`; 0 ends a silence. */
export function durationMs(text: string): number {
  const [, amount, unit = 's'] = /^(\d+)([smhd])?$/.exec(text) ?? []
  if (amount === undefined) throw new UsageError(`--for: must be like 30m, 2h or 1d (it is ${JSON.stringify(text)})`)
  return Number(amount) * { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 's' | 'm' | 'h' | 'd']
}

export async function silenceAlert(
  { client, options }: Connection,
  id: string,
  flags: { for?: string },
  output: Output,
): Promise<number> {
  const alert = await client.alerts.silence({ id, for_ms: durationMs(flags.for ?? '1h') }, options)
  output.say(
    alert.silenced_until
      ? `Silenced until ${alert.silenced_until}: ${alert.title}`
      : `No longer silenced: ${alert.title}`,
  )
  output.answer(alert)
  return 0
}
