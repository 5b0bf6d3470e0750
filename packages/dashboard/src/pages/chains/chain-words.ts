/** A chain in words: what was lost, where. */

import type { Fidelity } from '../../../../spine/src/protocol/fidelity.ts'
import { listed, plural } from '../../core/words.ts'
import { endedAt, type Group, groups, type Thread, worstHop } from './threads.ts'

const ones: Readonly<Record<Group, readonly [string, string]>> = {
  intent: ['word of the user', 'words of the user'],
  constraints: ['constraint', 'constraints'],
  decisions: ['decision', 'decisions'],
  facts: ['fact', 'facts'],
  memories: ['memory', 'memories'],
}

/** "2 decisions, 8 facts". */
export const countsOf = (threads: readonly Thread[]): string[] =>
  groups.flatMap((group) => {
    const count = threads.filter((thread) => thread.group === group).length
    return count > 0 ? plural(count, ...ones[group]) : []
  })

export function verdictOf(fidelity: Fidelity, threads: readonly Thread[], names: readonly string[]): string {
  const { hops } = fidelity
  if (hops.length < 2) return 'One hop so far: nothing can be lost yet'
  const worst = worstHop(fidelity)
  if (worst === undefined) return `Everything survived ${plural(hops.length, 'hop')}`
  const lost = hops.filter(({ total }) => total.lost > 0).length
  const more = lost > 1 ? `, and at ${plural(lost - 1, 'other hop')}` : ''
  return `Lost between ${names[worst]} and ${names[worst + 1]}: ${listed(countsOf(endedAt(threads, worst, 'lost')))}${more}`
}
