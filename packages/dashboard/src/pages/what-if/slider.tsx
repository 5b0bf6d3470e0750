/** The budget: a slider under the axis of the map, and the same as a number. */

import { number } from '../../core/words.ts'
import { plotLeft, plotRight } from './level-map.tsx'
import type { Range } from './range.ts'

type SliderProps = { range: Range; budget: number; smallest: number; onChange: (budget: number) => void }

export function Slider({ range, budget, smallest, onChange }: SliderProps) {
  const { low, high } = range
  const inside = (value: number) => Math.min(high, Math.max(low, Math.round(value)))
  const press = (event: KeyboardEvent) => {
    const step = event.shiftKey ? 1_000 : 100
    const to: Record<string, number> = {
      ArrowRight: budget + step,
      ArrowUp: budget + step,
      ArrowLeft: budget - step,
      ArrowDown: budget - step,
      Home: smallest,
      End: high,
    }
    const next = to[event.key]
    if (next === undefined) return
    event.preventDefault()
    onChange(inside(next))
  }
  return (
    <div class="slide">
      <label>
        Budget{' '}
        <input
          class="field num"
          type="number"
          min="1"
          max="1000000"
          value={budget}
          onChange={(event) => onChange(Math.max(1, Math.round(event.currentTarget.valueAsNumber) || budget))}
        />{' '}
        <span class="dim">tokens</span>
      </label>
      <div style={{ left: `${plotLeft - 11}px`, right: `${plotRight - 11}px` }}>
        <input
          type="range"
          aria-label="Token budget"
          aria-valuetext={`${number(budget)} tokens`}
          min={low}
          max={high}
          step="1"
          value={inside(budget)}
          style={{ '--at': `${((inside(budget) - low) / (high - low)) * 100}%` }}
          onInput={(event) => {
            const value = event.currentTarget.valueAsNumber
            onChange(value <= low || value >= high ? value : Math.round(value / 10) * 10)
          }}
          onKeyDown={press}
        />
        <span class="label">smallest possible {number(smallest)}. Arrow keys 100, with Shift 1,000</span>
      </div>
    </div>
  )
}
