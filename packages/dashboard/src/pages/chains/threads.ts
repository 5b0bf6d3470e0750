/**
 * A chain as threads: every item has its own line and place from the first hop to the last. Where a line is drawn, and
 * where and how it stops, is decided here; how that looks is not.
 */

import type { ChainItem, Fidelity, ItemKind } from '../../../../spine/src/protocol/fidelity.ts'

export type Group = 'intent' | 'constraints' | 'decisions' | 'facts' | 'memories'

/** Heaviest first. */
export const groups: readonly Group[] = ['intent', 'constraints', 'decisions', 'facts', 'memories']

const groupOf: Readonly<Record<ItemKind, Group>> = {
  intent: 'intent',
  amendment: 'intent',
  constraint: 'constraints',
  decision: 'decisions',
  rejected: 'decisions',
  open_question: 'decisions',
  fact: 'facts',
  reference: 'memories',
}

/** Kinds of one group, in the order of the report. */
export const kindsOf = (group: Group): ItemKind[] =>
  (Object.keys(groupOf) as ItemKind[]).filter((kind) => groupOf[kind] === group)

/** px between two lines of a group; above `most` lines a group is a band of the height that these take. */
const pitches: Readonly<Record<Group, number>> = {
  intent: 6,
  constraints: 6.6,
  decisions: 6.6,
  facts: 4.2,
  memories: 4.2,
}
const most = 40
const gap = 15

export type End = 'lost' | 'waived' | 'resolved'

/** From the node where it is added to the node that it reaches, or the one behind which it stops. */
export type Run = { from: number; to: number; end?: End; reason?: string; by?: string }

export type Thread = { item: ChainItem; group: Group; y: number; runs: readonly Run[]; dense: boolean }

export type Threads = {
  threads: readonly Thread[]
  /** Where each group is, from its first line to its last. */
  places: readonly { group: Group; top: number; bottom: number }[]
  height: number
}

export function threadsOf({ items, hops }: Fidelity): Threads {
  const nodes = hops.length
  const indexOf = new Map(hops.map(({ hop }, index) => [hop, index]))
  const threads: Thread[] = []
  const places: { group: Group; top: number; bottom: number }[] = []
  let y = 0
  for (const group of groups) {
    const own = items.filter(({ kind }) => groupOf[kind] === group)
    if (own.length === 0) continue
    const dense = own.length > most
    const pitch = dense ? (pitches[group] * most) / own.length : pitches[group]
    if (threads.length > 0) y += gap
    const top = y
    own.forEach((item, index) => {
      y = top + index * pitch
      threads.push({ item, group, y, dense, runs: runsOf(item, indexOf, nodes) })
    })
    places.push({ group, top, bottom: y })
  }
  return { threads, places, height: y }
}

function runsOf({ events }: ChainItem, indexOf: ReadonlyMap<number, number>, nodes: number): Run[] {
  const runs: Run[] = []
  let from: number | undefined
  for (const { what, hop, reason, by } of events) {
    const index = indexOf.get(hop) ?? 0
    if (what === 'added' || what === 'back') from = index
    if ((what === 'lost' || what === 'waived' || what === 'resolved') && from !== undefined) {
      runs.push({ from, to: index, end: what, ...(reason && { reason }), ...(by && { by }) })
      from = undefined
    }
  }
  if (from !== undefined) runs.push({ from, to: nodes })
  return runs
}

/** What stopped on the way of one hop. */
export const endedAt = (threads: readonly Thread[], hop: number, end: End): Thread[] =>
  threads.filter(({ runs }) => runs.some((run) => run.end === end && run.to === hop))

/** The hop at which most was lost; none when nothing was. */
export function worstHop({ hops }: Fidelity): number | undefined {
  const worst = Math.max(0, ...hops.map(({ total }) => total.lost))
  return worst === 0 ? undefined : hops.findIndex(({ total }) => total.lost === worst)
}
