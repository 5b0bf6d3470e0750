/**
 * At every budget, what each memory becomes: height and tone are the level. The cursor is the budget; what lies to its
 * right is faded: what more tokens would buy. Below, where more stops helping.
 */

import type { Preview, PreviewVariant } from '../../../../spine/src/protocol/preview.ts'
import { number, percent, plural } from '../../core/words.ts'
import { useWidth } from '../../pieces/width.ts'
import { type Range, stretchesOf } from './range.ts'

export const plotLeft = 268
export const plotRight = 32
const head = 34
const row_px = 27
const curve_px = 92
const most_rows = 22
const heights = { ref: 4, excerpt: 9, full: 16 } as const
const fills = { ref: 'ref', excerpt: 'excerpt', full: 'full' } as const

type LevelMapProps = {
  range: Range
  preview: Preview
  variants: readonly PreviewVariant[]
  budget: number
  was: number
  smallest: number
  now: PreviewVariant | undefined
}

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

/** Round budgets for the axis, none too near to the words that stand there anyway. */
function marksOf({ low, high }: Range, taken: readonly number[]): number[] {
  const rough = (high - low) / 5
  const unit = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((candidate) => candidate >= rough) ?? rough
  const near = (high - low) * 0.09
  return Array.from({ length: 12 }, (_, index) => (Math.ceil(low / step) + index) * step).filter(
    (mark) => mark < high - near && mark > low + near && taken.every((other) => Math.abs(other - mark) > near),
  )
}

export function LevelMap({ range, preview, variants, budget, was, smallest, now }: LevelMapProps) {
  const { ref, width } = useWidth<SVGSVGElement>(856)
  const plot = Math.max(200, width - plotLeft - plotRight)
  const { low, high } = range
  const x = (tokens: number) => plotLeft + ((Math.min(high, Math.max(low, tokens)) - low) / (high - low)) * plot
  const pinned = preview.memories.filter((memory) => memory.pinned)
  const others = preview.memories.filter((memory) => !memory.pinned)
  const rows = others.slice(0, most_rows)
  const fixed = pinned.length > 0 ? 2 : 1
  const y = (row: number) => head + row * row_px + 13
  const bottom = head + (fixed + rows.length) * row_px + 8
  const height = bottom + curve_px
  const cy = (share: number) => bottom + 80 - share * 62
  const sealed = preview.sealed?.relevance ?? 0
  const at = x(budget)
  return (
    <svg ref={ref} class="levels" width="100%" height={height} role="img" aria-label={labelOf(range, now)}>
      <rect class="small" x={x(low)} y="28" width={Math.max(0, x(smallest) - x(low))} height={bottom - 34} />
      {x(smallest) - x(low) > 50 && (
        <text x={x(low)} y="20">
          too small
        </text>
      )}
      {marksOf(range, [budget, was]).map((mark) => (
        <g key={mark}>
          <text x={x(mark)} y="20" text-anchor="middle">
            {number(mark)}
          </text>
          <line class="grid" x1={x(mark)} x2={x(mark)} y1="28" y2={bottom - 6} />
        </g>
      ))}
      {Math.abs(x(was) - at) > 74 && (
        <text class="sealed" x={x(was)} y="20" text-anchor={x(was) > width - 90 ? 'end' : 'middle'}>
          {number(was)} as sealed
        </text>
      )}
      <Fixed label="what must travel" y={y(0)} x={x(smallest)} end={x(high)} ink="part" />
      {pinned.length > 0 && (
        <Fixed
          label={`pinned: ${plural(pinned.length, 'memory', 'memories')}`}
          y={y(1)}
          x={x(smallest)}
          end={x(high)}
          ink="full"
        />
      )}
      {rows.map(({ id, title }, index) => {
        const line = y(index + fixed)
        return (
          <g key={id}>
            <text class="id" x="22" y={line + 4}>
              {cut(id, 11)}
            </text>
            <text class="title" x="106" y={line + 4}>
              {cut(title ?? '', 25)}
              <title>{title}</title>
            </text>
            <line class="grid" x1={plotLeft} x2={plotLeft + plot} y1={line + 8.5} y2={line + 8.5} />
            {stretchesOf(id, variants, high).map(({ level, from, to }) => (
              <rect
                key={from}
                class={`step-${fills[level]}`}
                x={x(from)}
                y={line + 8 - heights[level]}
                width={Math.max(0, x(to) - x(from))}
                height={heights[level]}
              />
            ))}
          </g>
        )
      })}
      <rect class="fade" x={at} y="28" width={Math.max(0, x(high) - at + 2)} height={bottom - 30} />
      <text class="title" x="22" y={cy(0.55)}>
        relevance carried
      </text>
      <text x="22" y={cy(0.55) + 16}>
        {others.length > most_rows ? `of all ${preview.memories.length} memories` : 'weighted by score'}
      </text>
      <Curve variants={variants} x={x} y={cy} low={low} high={high} />
      <line class="was" x1={x(was)} x2={x(was)} y1="26" y2={height} />
      {Math.abs(x(was) - at) > 60 && (
        <text x={x(was) + 7} y={cy(sealed) + 15}>
          {percent(sealed)} %
        </text>
      )}
      <line class="cursor back" x1={at} x2={at} y1="26" y2={height} />
      <line class="cursor" x1={at} x2={at} y1="26" y2={height} />
      <circle class="point" cx={at} cy={cy(now?.relevance ?? 0)} r="4.5" />
      <text
        class="now"
        x={at > width - 70 ? at - 9 : at + 9}
        y={cy(now?.relevance ?? 0) + 18}
        text-anchor={at > width - 70 ? 'end' : 'start'}
      >
        {percent(now?.relevance ?? 0)} %
      </text>
      <rect class="flag" x={at - 28} y="8" width="56" height="18" rx="3" />
      <text class="flagged" x={at} y="21" text-anchor="middle">
        {number(budget)}
      </text>
    </svg>
  )
}

const labelOf = ({ low, high }: Range, now: PreviewVariant | undefined): string =>
  `Level of each memory at every budget from ${number(low)} to ${number(high)} tokens. ${
    now
      ? `At this one ${now.counts.full} full, ${now.counts.excerpt} as an excerpt, ${now.counts.ref} by reference.`
      : ''
  }`

type FixedProps = { label: string; y: number; x: number; end: number; ink: 'part' | 'full' }

const Fixed = ({ label, y, x, end, ink }: FixedProps) => (
  <g>
    <text class="title" x="22" y={y + 4}>
      {label}
    </text>
    <line class="grid" x1={plotLeft} x2={end} y1={y + 8.5} y2={y + 8.5} />
    <rect class={`step-${ink}`} x={x} y={y - 8} width={Math.max(0, end - x)} height="16" />
  </g>
)

type CurveProps = {
  variants: readonly PreviewVariant[]
  x: (tokens: number) => number
  y: (share: number) => number
  low: number
  high: number
}

function Curve({ variants, x, y, low, high }: CurveProps) {
  const fitting = variants.filter(({ fits }) => fits)
  const [first] = fitting
  if (!first) return null
  const steps = fitting.map(({ max_tokens, relevance }) => `H${x(max_tokens).toFixed(1)}V${y(relevance).toFixed(1)}`)
  const line = `M${x(first.max_tokens).toFixed(1)} ${y(first.relevance).toFixed(1)}${steps.join('')}H${x(high).toFixed(1)}`
  return (
    <g>
      <line class="grid" x1={x(low)} x2={x(high)} y1={y(0)} y2={y(0)} />
      <line class="grid" x1={x(low)} x2={x(high)} y1={y(1)} y2={y(1)} />
      <path class="under" d={`${line}V${y(0)}H${x(first.max_tokens).toFixed(1)}Z`} />
      <path class="curve" d={line} />
    </g>
  )
}
