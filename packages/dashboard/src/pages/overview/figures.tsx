/** The five figures: each a number with its unit, its history, and the threshold it is judged by. */

import type { ComponentChildren } from 'preact'
import type { HealthReport } from '../../../../spine/src/protocol/health.ts'
import { duration, number, percent, plural, timeOf } from '../../core/words.ts'
import { TierGlyph } from '../../pieces/glyphs.tsx'
import { Completeness, Failures, Hops, Latency, Utilisation } from './charts.tsx'
import type { Tone } from './plot.tsx'

const windowWords = { '5m': 'the last five minutes', '1h': 'the last hour', '24h': 'the last day' } as const

type Judged = { tone: Tone; report: HealthReport }

/** Rates of very few handoffs are not judged. */
function tones({ figures, thresholds }: HealthReport) {
  const { completeness, failure_rate = 0, settled, utilisation } = figures
  const score = completeness.score ?? 1
  const enough = completeness.count >= thresholds.rate_handoffs
  const settledEnough = settled >= thresholds.rate_handoffs
  const most = utilisation.count >= thresholds.utilisation_handoffs
  return {
    completeness: (score < thresholds.completeness_critical && enough
      ? 'crit'
      : score < thresholds.completeness_warning && enough
        ? 'warn'
        : 'none') as Tone,
    failures: (settledEnough && failure_rate > thresholds.failure_rate_critical
      ? 'crit'
      : settledEnough && failure_rate > thresholds.failure_rate_warning
        ? 'warn'
        : 'none') as Tone,
    utilisation: (most && utilisation.full * 2 > utilisation.count ? 'warn' : 'none') as Tone,
  }
}

const split = (ms: number): [string, string] => {
  const [value = '', unit = ''] = duration(ms).split(' ')
  return [value, unit]
}

export function Figures({ report }: { report: HealthReport }) {
  const { figures, window } = report
  const { latency_ms, completeness, failure_rate, failed, settled, hops, utilisation, trimmed } = figures
  const { p50, p95, p99 } = latency_ms.all
  const [latency, unit] = p95 === undefined ? ['–', ''] : split(p95)
  const judged = tones(report)
  const of = (tone: Tone): Judged => ({ tone, report })
  return (
    <section class="panel figures" aria-label={`Health over ${windowWords[window]}`}>
      <Figure
        {...of('none')}
        name="Handoff latency"
        value={latency}
        unit={p95 === undefined ? '' : `${unit} p95`}
        also={
          p50 !== undefined &&
          p99 !== undefined && (
            <>
              p50 <b>{duration(p50)}</b> p99 <b>{duration(p99)}</b>
            </>
          )
        }
      >
        <Latency report={report} />
      </Figure>
      <Figure
        {...of(judged.completeness)}
        name="Context completeness"
        value={completeness.score === undefined ? '–' : percent(completeness.score)}
        unit={completeness.score === undefined ? '' : '%'}
        also={completeness.count > 0 && plural(completeness.gaps, 'gap')}
      >
        <Completeness report={report} />
      </Figure>
      <Figure
        {...of(judged.failures)}
        name="Failure rate"
        value={failure_rate === undefined ? '–' : rate(failure_rate)}
        unit={failure_rate === undefined ? '' : '%'}
        also={settled > 0 && `${number(failed)} of ${number(settled)} ended`}
      >
        <Failures report={report} />
      </Figure>
      <Figure
        {...of('none')}
        name="Hop depth"
        value={hops.p95 === undefined ? '–' : String(Math.round(hops.p95))}
        unit={hops.p95 === undefined ? '' : `${Math.round(hops.p95) === 1 ? 'hop' : 'hops'} p95`}
        also={
          hops.max !== undefined && (
            <>
              max <b>{Math.round(hops.max)}</b>
            </>
          )
        }
      >
        <Hops report={report} />
      </Figure>
      <Figure
        {...of(judged.utilisation)}
        name="Token utilisation"
        value={utilisation.p50 === undefined ? '–' : String(Math.round(utilisation.p50 * 100))}
        unit={utilisation.p50 === undefined ? '' : '% median'}
        also={utilisation.count > 0 && `${number(trimmed)} trimmed`}
      >
        <Utilisation report={report} />
      </Figure>
    </section>
  )
}

/** Two decimals below one percent: there is much between none and half of one. */
const rate = (share: number): string => {
  const value = share * 100
  return value === 0 || value >= 10 ? String(Math.round(value)) : value.toFixed(2)
}

type FigureProps = Judged & {
  name: string
  value: string
  unit: string
  also: ComponentChildren
  children: ComponentChildren
}

const Figure = ({ tone, report, name, value, unit, also, children }: FigureProps) => (
  <div class={`figure ${tone}`}>
    <h3>
      {tone !== 'none' && <TierGlyph tier={tone === 'crit' ? 'critical' : 'warning'} size={12} />}
      {name}
    </h3>
    <p class="big">
      <span class={value === '–' ? 'none' : ''}>{value}</span>
      <small>{unit}</small>
      <span class="also">{also}</span>
    </p>
    {children}
    <p class="foot label">
      <span>{timeOf(report.from).slice(0, 5)}</span>
      <span>now</span>
    </p>
  </div>
)
