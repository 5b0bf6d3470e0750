/** One cause is one decision: parked deliveries to the same agent with the same words belong together. */

import type { Delivery } from '../../../../spine/src/protocol/delivery.ts'

export type Cause = { title: string; deliveries: Delivery[] }

/** What differs from case to case (numbers, ids, quoted values) is no part of the cause. */
const gist = (reason: string): string => reason.replace(/["'“][^"'”]*["'”]|\b\w*\d[\w-]*\b/g, '#').slice(0, 200)

/** Causes that several share, largest first; then the others, together. */
export function causesOf(deliveries: readonly Delivery[]): { shared: Cause[]; others: Delivery[] } {
  const causes = new Map<string, Cause>()
  for (const delivery of deliveries) {
    const { target, reason = 'no reason was given' } = delivery
    const key = `${target}\n${gist(reason)}`
    const cause = causes.get(key) ?? { title: `${target}: ${reason}`, deliveries: [] }
    cause.deliveries.push(delivery)
    causes.set(key, cause)
  }
  const all = [...causes.values()]
  return {
    shared: all
      .filter((cause) => cause.deliveries.length > 1)
      .sort((left, right) => right.deliveries.length - left.deliveries.length),
    others: all.filter((cause) => cause.deliveries.length === 1).flatMap((cause) => cause.deliveries),
  }
}
