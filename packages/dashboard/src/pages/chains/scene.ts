/** Where everything of a chain stands on the page: columns for hops, branches of broadcasts, room for what is said. */

import type { Delivery } from '../../../../spine/src/protocol/delivery.ts'
import type { Fidelity } from '../../../../spine/src/protocol/fidelity.ts'
import type { HandoffStatus } from '../../../../spine/src/protocol/handoff.ts'
import { type Threads, threadsOf } from './threads.ts'

const least_width = 1_392
const least_column = 236
const left = 118
const right = 214
/** A branch is drawn at this scale. */
export const branch_scale = 0.4
const most_branches = 2
const legend_end = 590

export type Branch = { hop: number; delivery: Delivery; up: boolean; y: number }

export type Scene = {
  fidelity: Fidelity
  threads: Threads
  statuses: readonly (HandoffStatus | undefined)[]
  /** Of nodes, from the first sender to the last receiver. */
  names: readonly string[]
  xs: readonly number[]
  width: number
  /** Where the main band begins and ends. */
  top: number
  bottom: number
  branches: readonly Branch[]
  /** Receivers that no branch is drawn for, by hop. */
  hidden: ReadonlyMap<number, number>
  /** Below all that is drawn: the figures of the hops. */
  table: number
}

/** The receiver that goes on, or that came furthest. */
function mainReceiver(fidelity: Fidelity, hop: number, status: HandoffStatus | undefined): string {
  const { target_agent = '?' } = fidelity.hops[hop] ?? {}
  if (target_agent !== 'broadcast') return target_agent
  const next = fidelity.hops[hop + 1]?.source_agent
  if (next !== undefined) return next
  const order = ['completed', 'accepted', 'leased', 'ready']
  const deliveries = (status?.deliveries ?? []).toSorted(
    (a, b) => ((order.indexOf(a.state) + 9) % 9) - ((order.indexOf(b.state) + 9) % 9),
  )
  return deliveries[0]?.target ?? 'nobody yet'
}

export function sceneOf(fidelity: Fidelity, statuses: readonly (HandoffStatus | undefined)[], room: number): Scene {
  const { hops } = fidelity
  const threads = threadsOf(fidelity)
  const names = [hops[0]?.source_agent ?? '?', ...hops.map((_, hop) => mainReceiver(fidelity, hop, statuses[hop]))]
  const width = Math.max(least_width, room, left + right + hops.length * least_column)
  const column = (width - left - right) / Math.max(1, hops.length)
  const xs = names.map((_, index) => left + index * column)

  const hidden = new Map<number, number>()
  const drawn: { hop: number; delivery: Delivery; up: boolean }[] = []
  hops.forEach((_, hop) => {
    const others = (statuses[hop]?.deliveries ?? []).filter(
      ({ target, state }) => target !== names[hop + 1] && state !== 'rerouted',
    )
    others.slice(0, most_branches).forEach((delivery, index) => {
      drawn.push({ hop, delivery, up: index % 2 === 0 })
    })
    if (others.length > most_branches) hidden.set(hop, others.length - most_branches)
  })
  const small = threads.height * branch_scale
  const top = drawn.some(({ up }) => up) ? small + 66 : 62
  const bottom = top + threads.height
  const down = bottom + 40
  const branches = drawn.map((branch) => ({ ...branch, y: branch.up ? 14 : down }))
  const below = branches.some(({ up }) => !up) ? down + small + 16 : bottom + 48
  return {
    fidelity,
    threads,
    statuses,
    names,
    xs,
    width,
    top,
    bottom,
    branches,
    hidden,
    // The legend stands beside a branch, where there is room for it.
    table: below + (branches.some(({ up, hop }) => !up && (xs[hop] ?? 0) > legend_end) ? 34 : 78),
  }
}
