/**
 * Attempts of a delivery on a clock. Time is ink or grey, never accent, which is for text: nobody shall take a lane for
 * tokens. A thin bar is work after acceptance; a red box is an attempt that failed, with its number, or several.
 */

import type { Delivery } from '../../../spine/src/protocol/delivery.ts'
import { duration } from '../core/words.ts'
import { type Attempt, attemptsOf, failed } from '../data/attempts.ts'
import { boxesOf, endOf } from './boxes.ts'
import { StateGlyph } from './glyphs.tsx'
import { useWidth } from './width.ts'

/** A clock shows at least this much, so that what was done at once is still a drawing. */
const least_ms = 20

/** For the glyph at the end, in px. */
const room_px = 17

/** ms since 1970. */
export type Clock = { from: number; to: number }

export function clockOf(deliveries: readonly Delivery[], from: number, now: number): Clock {
  const ends = deliveries.map((delivery) => Date.parse(endAt(delivery) ?? new Date(now).toISOString()))
  return { from, to: Math.max(from + least_ms, ...ends) }
}

/** When it came to rest. */
export const endAt = ({ state, settled_at, history }: Delivery): string | undefined =>
  settled_at ?? (state === 'parked' ? history.at(-1)?.at : undefined)

const steps = [
  0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400,
  43_200, 86_400, 172_800, 604_800,
]

/** Round times after the beginning, in seconds. */
export function ticksOf({ from, to }: Clock, most = 4): number[] {
  const seconds = (to - from) / 1_000
  const step = steps.find((candidate) => seconds / candidate <= most) ?? seconds / most
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step)
}

type LaneProps = { delivery: Delivery; clock: Clock; now: number; height?: number; waits?: boolean }

export function Lane({ delivery, clock, now, height = 18, waits = false }: LaneProps) {
  const { ref, width } = useWidth<SVGSVGElement>()
  const x = (time: number) => 1 + ((time - clock.from) / (clock.to - clock.from)) * (width - room_px - 1)
  const middle = height / 2
  const attempts = attemptsOf(delivery)
  const end = endAt(delivery)
  const last = end ? Date.parse(end) : now
  const spans = attempts.filter(failed).map(({ number, from, to = now }) => ({ number, from: x(from), to: x(to) }))
  const boxes = boxesOf(spans, width - room_px)
  const taken = Math.max(0, ...boxes.map(endOf))
  return (
    <svg ref={ref} class="lane" height={height} width="100%" aria-hidden="true">
      {ticksOf(clock).map((second) => (
        <line
          key={second}
          class="tick"
          x1={x(clock.from + second * 1_000)}
          x2={x(clock.from + second * 1_000)}
          y1="0"
          y2={height}
        />
      ))}
      {attempts.map((attempt, index) => {
        const before = attempts[index - 1]?.to ?? Date.parse(delivery.created_at)
        return (
          <g key={attempt.number}>
            <Wait from={x(before)} to={x(attempt.from)} y={middle} {...(waits && { ms: attempt.from - before })} />
            {!failed(attempt) && (
              <Work attempt={attempt} x={(time) => Math.max(x(time), taken + 2)} y={middle} now={now} />
            )}
          </g>
        )
      })}
      {boxes.map((box) => (
        <g key={box.label}>
          <rect class="bad" x={box.x} y={middle - 6} width={box.width} height="12" rx="1.5" />
          <text class="error" x={box.x + box.width / 2} y={middle + 4} text-anchor="middle">
            {box.label}
          </text>
        </g>
      ))}
      {attempts.length === 0 && <Wait from={x(Date.parse(delivery.created_at))} to={x(last)} y={middle} />}
      <StateGlyph state={delivery.state} x={Math.max(x(last) - 5, taken + 3)} y={middle - 7} />
    </svg>
  )
}

function Wait({ from, to, y, ms }: { from: number; to: number; y: number; ms?: number }) {
  if (to - from < 5) return null
  return (
    <>
      <line class="wait" x1={from + 2} x2={to - 2} y1={y} y2={y} />
      {ms !== undefined && to - from > 40 && (
        <text x={(from + to) / 2} y={y - 5} text-anchor="middle">
          {duration(ms)}
        </text>
      )}
    </>
  )
}

type WorkProps = { attempt: Attempt; x: (time: number) => number; y: number; now: number }

function Work({ attempt, x, y, now }: WorkProps) {
  const { from, accepted, to = now } = attempt
  return (
    <>
      {accepted !== undefined && (
        <rect class="work" x={x(accepted)} y={y - 3} width={Math.max(1, x(to) - x(accepted))} height="6" />
      )}
      <rect class="lease" x={x(from)} y={y - 6} width={Math.max(6, x(accepted ?? to) - x(from))} height="12" rx="1.5" />
    </>
  )
}
