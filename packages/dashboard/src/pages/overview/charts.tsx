/** The histories of the five figures, each in the form that shows what could be wrong with it. */

import type { HealthReport } from '../../../../spine/src/protocol/health.ts'
import { duration, percent } from '../../core/words.ts'
import { type Frame, Grid, Line, Plot, pathOf, plot_px, Threshold } from './plot.tsx'

type ChartProps = { report: HealthReport }

/** The default wait of a sender, and the default limit of a chain: lines to see the figures by. */
const ack_timeout_ms = 15_000
const hop_limit = 10
/** Of text, one above the other. */
const row_px = 12

/** On a logarithmic axis, the three percentiles named at their ends. */
export function Latency({ report }: ChartProps) {
  const points = report.history.map(({ latency_ms }) => latency_ms.all)
  const values = points.flatMap(({ p50, p99 }) => [p50 ?? [], p99 ?? []].flat()).filter((value) => value > 0)
  const low = Math.min(100, ...values) / 2
  const high = Math.max(ack_timeout_ms, ...values) * 1.15
  const y = (ms: number) => 100 - (Math.log(Math.max(low, ms) / low) / Math.log(high / low)) * 92
  const { p50, p95, p99 } = report.figures.latency_ms.all
  const label =
    p95 === undefined
      ? 'No latency was measured yet.'
      : `Latency percentiles: p50 ${duration(p50 ?? 0)}, p95 ${duration(p95)}, p99 ${duration(p99 ?? 0)}.`
  return (
    <Plot label={label} steps={points.length}>
      {(frame) => (
        <>
          {[0.001, 0.01, 0.1, 1, 10]
            .map((s) => s * 1_000)
            .filter((ms) => ms > low && ms < ack_timeout_ms * 0.5)
            .map((ms) => (
              <g key={ms}>
                <Grid y={y(ms)} width={frame.width} />
                {y(ms) - y(ack_timeout_ms) > 2.5 * row_px && (
                  <text class="halo" x="0" y={y(ms) - 3}>
                    {ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`}
                  </text>
                )}
              </g>
            ))}
          <Threshold y={y(ack_timeout_ms)} width={frame.width} tone="none" under>
            timeout 15 s
          </Threshold>
          <Line points={points.map((point) => point.p99)} frame={frame} y={y} weight={3} />
          <Line points={points.map((point) => point.p95)} frame={frame} y={y} weight={2} />
          <Line points={points.map((point) => point.p50)} frame={frame} y={y} />
          <EndLabels points={points} width={frame.width} y={y} />
        </>
      )}
    </Plot>
  )
}

type EndLabelsProps = {
  points: readonly HealthReport['figures']['latency_ms']['all'][]
  width: number
  y: (ms: number) => number
}

/** Beside the ends of the lines, moved apart where these are too near to each other to be read, and up from the axis. */
function EndLabels({ points, width, y }: EndLabelsProps) {
  const last = points.findLast(({ p50 }) => p50 !== undefined)
  if (!last) return null
  const names = ['p99', 'p95', 'p50'] as const
  let free = Number.NEGATIVE_INFINITY
  return (
    <>
      {names.map((name, index) => {
        const wanted = y(last[name] ?? last.p50 ?? 0) + 4
        const at = Math.min(Math.max(wanted, free), plot_px - 2 - (names.length - 1 - index) * row_px)
        free = at + row_px
        return (
          <text key={name} x={width + 8} y={at}>
            {name}
          </text>
        )
      })}
    </>
  )
}

export function Completeness({ report }: ChartProps) {
  const { thresholds, figures } = report
  const { completeness_warning: warning, completeness_critical: critical } = thresholds
  const points = report.history.map(({ completeness }) => completeness.score)
  const low = Math.min(critical - 0.02, ...points.map((point) => point ?? 1))
  const y = (score: number) => 4 + ((1 - score) / (1 - low)) * 92
  const { score, count } = figures.completeness
  // Rates of very few handoffs are not judged, so nothing is in a tone.
  const enough = count >= thresholds.rate_handoffs
  const between = y(critical) - y(warning)
  return (
    <Plot
      label={score === undefined ? 'Nothing was sealed yet.' : `Completeness, now ${percent(score)} percent.`}
      steps={points.length}
    >
      {(frame) => (
        <>
          <Grid y={y(1)} width={frame.width} />
          <Threshold y={y(warning)} width={frame.width} tone="warn" under>
            {between > row_px && `warning below ${percent(warning)} %`}
          </Threshold>
          <Threshold y={y(critical)} width={frame.width} tone="crit" under={between < 3 * row_px}>
            critical below {percent(critical)} %
          </Threshold>
          <Line
            points={points}
            frame={frame}
            y={y}
            {...(enough && { beyond: { from: warning, to: low, tone: 'warn' as const } })}
          />
        </>
      )}
    </Plot>
  )
}

/** The rate as it stood after each step, and a tick for each step in which handoffs failed. */
export function Failures({ report }: ChartProps) {
  const { failure_rate_warning: warning, failure_rate_critical: critical } = report.thresholds
  let failed = 0
  let settled = 0
  const points = report.history.map((point) => {
    failed += point.failed
    settled += point.settled
    return settled === 0 ? undefined : failed / settled
  })
  const high = Math.max(critical * 1.15, ...points.map((point) => point ?? 0))
  const y = (share: number) => 96 - (share / high) * 90
  const tight = y(warning) - y(critical) < 26
  return (
    <Plot
      label={`Failure rate; handoffs failed in ${report.history.filter((point) => point.failed > 0).length} steps of the window.`}
      steps={points.length}
    >
      {(frame) => (
        <>
          <Grid y={y(0)} width={frame.width} />
          <Threshold y={y(warning)} width={frame.width} tone="warn">
            {!tight && `warning above ${rateOf(warning)} %`}
          </Threshold>
          <Threshold y={y(critical)} width={frame.width} tone="crit" under={!tight}>
            critical above {rateOf(critical)} %
          </Threshold>
          <Line
            points={points}
            frame={frame}
            y={y}
            steps
            {...(settled >= report.thresholds.rate_handoffs && {
              beyond: { from: warning, to: high, tone: 'crit' as const },
            })}
          />
          {report.history.map(
            (point, step) =>
              point.failed > 0 && (
                <line key={point.at} class="tick" x1={frame.x(step)} x2={frame.x(step)} y1="94" y2="103" />
              ),
          )}
        </>
      )}
    </Plot>
  )
}

const rateOf = (share: number) => Number((share * 100).toFixed(2))

/** The distribution of hops as heat: the darker, the more of a step's handoffs were at that hop. */
export function Hops({ report }: ChartProps) {
  const { history, figures } = report
  const columns = columnsOf(history)
  const most = Math.max(hop_limit, figures.hops.max ?? 0)
  const y = (hop: number) => 100 - (hop / (most + 0.6)) * 96
  const tall = 96 / (most + 0.6) - 1.5
  const shown = [1, 3, 5, 8].filter((hop) => hop <= Math.max(5, figures.hops.max ?? 0) && hop < hop_limit)
  return (
    <Plot
      label={
        figures.hops.p95 === undefined
          ? 'No hop was measured yet.'
          : `Hop depth: 95 percent at ${Math.round(figures.hops.p95)} or less.`
      }
      steps={history.length}
    >
      {(frame) => (
        <>
          <Threshold y={y(hop_limit + 0.1)} width={frame.width} tone="none" under>
            parked above {hop_limit}
          </Threshold>
          <Grid y={100} width={frame.width} />
          {columns.map(({ hops, at }, step) => (
            <Cells
              key={at}
              hops={hops}
              x={(step / columns.length) * frame.width}
              width={frame.width / columns.length - 1}
              y={y}
              tall={tall}
            />
          ))}
          {figures.hops.count > 0 &&
            shown.map((hop) => (
              <text key={hop} x={frame.width + 8} y={y(hop) + tall / 2 + 5}>
                {hop}
              </text>
            ))}
        </>
      )}
    </Plot>
  )
}

const most_columns = 30

/** Steps taken together, so that a column is wide enough to be seen. */
function columnsOf(history: HealthReport['history']) {
  const together = Math.ceil(history.length / most_columns)
  return Array.from({ length: Math.ceil(history.length / together) }, (_, index) => {
    const steps = history.slice(index * together, (index + 1) * together)
    const counts = new Map<number, number>()
    for (const { hops } of steps)
      for (const { hop, count } of hops.counts) counts.set(hop, (counts.get(hop) ?? 0) + count)
    return {
      at: steps[0]?.at ?? '',
      hops: {
        count: steps.reduce((sum, { hops }) => sum + hops.count, 0),
        counts: [...counts].map(([hop, count]) => ({ hop, count })),
      },
    }
  })
}

type CellsProps = {
  hops: Pick<HealthReport['figures']['hops'], 'count' | 'counts'>
  x: number
  width: number
  y: (hop: number) => number
  tall: number
}

const Cells = ({ hops, x, width, y, tall }: CellsProps) => (
  <>
    {hops.counts.map(({ hop, count }) => (
      <rect
        key={hop}
        class="cell"
        x={x}
        y={y(hop)}
        width={Math.max(1, width)}
        height={tall}
        opacity={Math.min(1, 0.18 + (count / hops.count) * 0.82).toFixed(2)}
      />
    ))}
  </>
)

/** The median inside the band from p10 to p90. */
export function Utilisation({ report }: ChartProps) {
  const { history, thresholds, figures } = report
  const y = (share: number) => 100 - (share / 1.12) * 96
  const median = history.map(({ utilisation }) => utilisation.p50)
  const low = percent(thresholds.utilisation_low)
  const { p50 } = figures.utilisation
  return (
    <Plot
      label={
        p50 === undefined ? 'No budget was used yet.' : `Token utilisation, median ${Math.round(p50 * 100)} percent.`
      }
      steps={history.length}
    >
      {(frame) => (
        <>
          <Threshold y={y(1)} width={frame.width} tone="warn" />
          <Threshold y={y(thresholds.utilisation_low)} width={frame.width} tone="warn" under>
            warning below {low} % or at 100 %
          </Threshold>
          <path class="band" d={bandOf(history, frame, y)} />
          <Line points={median} frame={frame} y={y} label="p50" />
        </>
      )}
    </Plot>
  )
}

function bandOf(history: HealthReport['history'], frame: Frame, y: (share: number) => number): string {
  const above = pathOf(
    history.map(({ utilisation }) => utilisation.p90),
    frame,
    y,
  )
  const below = pathOf(
    history.map(({ utilisation }) => utilisation.p10).toReversed(),
    { ...frame, x: (step) => frame.x(history.length - 1 - step) },
    y,
  )
  return above && below ? `${above}L${below.slice(1)}Z` : ''
}
