/** Left says what there is, right says what arrived, and a legend says how to read the lines between. */

import type { Scene } from './scene.ts'
import { kindsOf } from './threads.ts'

export function Sides({ scene }: { scene: Scene }) {
  const { threads, xs, top, fidelity } = scene
  const from = (xs[0] ?? 0) - 18
  const to = (xs.at(-1) ?? 0) + 20
  return (
    <g>
      {threads.places.map(({ group, top: first, bottom }) => {
        const y = top + (first + bottom) / 2 + 4
        const items = fidelity.items.filter(({ kind }) => kindsOf(group).includes(kind))
        const needed = items.filter(({ fate }) => fate !== 'waived' && fate !== 'resolved')
        const there = needed.filter(({ in_b }) => in_b).length
        const waived = items.filter(({ fate }) => fate === 'waived').length
        return (
          <g key={group}>
            <text class={`side ${group}`} x={from} y={y} text-anchor="end">
              {group}
            </text>
            <text class={there < needed.length ? 'lost strong' : ''} x={to} y={y}>
              {there} of {needed.length}
              {waived > 0 && `, ${waived} waived`}
            </text>
          </g>
        )
      })}
    </g>
  )
}

export const Legend = ({ x, y }: { x: number; y: number }) => (
  <g transform={`translate(${x},${y})`} class="second">
    <text x="0" y="0">
      One line is one item; its place never changes.
    </text>
    <path class="thread decision" d="M8 20H34" />
    <circle class="born decision" cx="7" cy="20" r="2.4" />
    <text x="42" y="24">
      added here
    </text>
    <path class="thread decision" d="M118 20H138" />
    <path class="stop" d="M138 16v8" />
    <path class="ghost" d="M143 20H164" />
    <text x="172" y="24">
      lost here
    </text>
    <path class="thread constraint" d="M236 20H258" />
    <circle class="waived" cx="258" cy="20" r="3.2" />
    <text x="270" y="24">
      waived, with a reason
    </text>
    <path class="thread fact" d="M398 20H418" />
    <path class="held" d="M420 13v14" />
    <text x="430" y="24">
      held
    </text>
  </g>
)
