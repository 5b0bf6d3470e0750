/**
 * What the five small charts share: a plot that ends at "now" in the same place in all of them, thresholds that carry
 * their words, lines that are labelled at their end, and the part of a line beyond a threshold, thick and in its tone.
 */

import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { useWidth } from '../../pieces/width.ts'

export const plot_px = 104
/** Room for labels right of the plot. */
const labels_px = 34

export type Tone = 'none' | 'warn' | 'crit'

export type Frame = {
  /** px of a step of the history, in the middle of it for lines. */
  x: (step: number) => number
  width: number
}

type PlotProps = { label: string; steps: number; children: (frame: Frame) => ComponentChildren }

export function Plot({ label, steps, children }: PlotProps) {
  const { ref, width } = useWidth<SVGSVGElement>(246)
  const plot = width - labels_px
  const x = (step: number) => (step / Math.max(1, steps - 1)) * plot
  return (
    <svg ref={ref} class="plot" width="100%" height={plot_px} role="img" aria-label={label}>
      {children({ x, width: plot })}
    </svg>
  )
}

type ThresholdProps = { y: number; width: number; tone: Tone; children?: ComponentChildren; under?: boolean }

export const Threshold = ({ y, width, tone, children, under = false }: ThresholdProps) => (
  <>
    <line class={`threshold ${tone}`} x1="0" x2={width} y1={y} y2={y} />
    {children && (
      <text class="halo" x="0" y={under ? y + 13 : y - 4}>
        {children}
      </text>
    )}
  </>
)

export const Grid = ({ y, width }: { y: number; width: number }) => (
  <line class="grid" x1="0" x2={width} y1={y} y2={y} />
)

type Point = number | undefined

/** A path through the points that there are, up to the end of the plot: there the last one still holds. */
export function pathOf(points: readonly Point[], { x }: Frame, y: (value: number) => number, steps = false): string {
  let path = ''
  let last: Point
  points.forEach((value, step) => {
    if (value === undefined) return
    const [px, py] = [x(step).toFixed(1), y(value).toFixed(1)]
    if (path === '') path = `M${px} ${py}`
    else path += steps ? `H${px}V${py}` : `L${px} ${py}`
    last = value
  })
  return last === undefined ? '' : `${path}L${x(points.length - 1).toFixed(1)} ${y(last).toFixed(1)}`
}

type LineProps = {
  points: readonly Point[]
  frame: Frame
  y: (value: number) => number
  weight?: 1 | 2 | 3
  label?: string
  steps?: boolean
  /** Where it is in a tone: on the far side of a threshold. */
  beyond?: { from: number; to: number; tone: Tone }
}

/** A line with its name at its end. */
export function Line({ points, frame, y, weight = 1, label, steps = false, beyond }: LineProps) {
  const clip = useId()
  const last = points.findLast((value) => value !== undefined)
  if (last === undefined) return null
  const d = pathOf(points, frame, y, steps)
  const inside =
    beyond !== undefined && last >= Math.min(beyond.from, beyond.to) && last <= Math.max(beyond.from, beyond.to)
  const tone = inside ? beyond.tone : 'none'
  return (
    <>
      <path class={`line w${weight}`} d={d} />
      {beyond && (
        <>
          <clipPath id={clip}>
            <rect
              x="0"
              y={Math.min(y(beyond.from), y(beyond.to))}
              width={frame.width + 4}
              height={Math.abs(y(beyond.to) - y(beyond.from))}
            />
          </clipPath>
          <path class={`line beyond ${beyond.tone}`} d={d} clip-path={`url(#${clip})`} />
        </>
      )}
      <circle class={`dot ${tone}`} cx={frame.width} cy={y(last)} r={tone === 'none' ? 2.5 : 3.5} />
      {label && (
        <text x={frame.width + 8} y={y(last) + 4}>
          {label}
        </text>
      )}
    </>
  )
}
