/** Reads the whole ledger of one namespace as its clients see it, after waiting for it to come to rest. */

import type { DeliveryState } from '../../protocol/delivery.ts'
import type { Spine } from '../../protocol/spine.ts'
import type { Evidence } from './checker.ts'
import { pause } from './fault.ts'

type Ledger = Evidence['ledger'][number][]

const restless: readonly DeliveryState[] = ['ready', 'leased', 'accepted']

/** `drain_ms`: waits for at most so long until nothing is under way; default 0, not at all. */
export async function ledgerOf(
  spine: Spine,
  { namespace = 'default', drain_ms = 0 }: { namespace?: string; drain_ms?: number } = {},
): Promise<Ledger> {
  const until = performance.now() + drain_ms
  for (;;) {
    while (performance.now() < until && (await underWay(spine))) await pause(50)
    const all = await readAll(spine, namespace)
    // A delivery that changed its state between the reads of `underWay` was in none of them; what ended stays so.
    if (performance.now() >= until || isAtRest(all)) return all
  }
}

/** Whether nothing is under way. While nothing new is sent, what has come to rest stays so. */
export const isAtRest = (ledger: Evidence['ledger']): boolean => !ledger.some(({ state }) => restless.includes(state))

async function readAll(spine: Spine, namespace: string): Promise<Ledger> {
  const all: Ledger = []
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await spine.deliveries.list({ limit: 1_000, ...(after === undefined ? {} : { after }) })
    all.push(...page.deliveries.map((delivery) => ({ ...delivery, namespace })))
    after = page.next
  }
  return all
}

async function underWay(spine: Spine): Promise<boolean> {
  const pages = await Promise.all(restless.map((state) => spine.deliveries.list({ state, limit: 1 })))
  return pages.some(({ deliveries }) => deliveries.length > 0)
}
