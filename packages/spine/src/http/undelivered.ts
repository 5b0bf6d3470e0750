/** Leases whose answer did not reach the receiver go back at once, instead of when they run out. */

import type { ServerResponse } from 'node:http'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import type { Identity, Spine } from '../protocol/spine.ts'

/**
 * Resolves when the answer is written, or when it could not be and every lease is released. `failed` hears of a
 * release that did not work: that lease runs out by itself.
 */
export async function releaseUndelivered(
  spine: Spine,
  identity: Identity,
  response: ServerResponse,
  deliveries: readonly ReceivedDelivery[],
  failed: (error: unknown) => void,
): Promise<void> {
  if (deliveries.length === 0 || (await isWritten(response))) return
  const releases = deliveries.map(({ id, lease_token }) => spine.deliveries.release({ id, lease_token }, { identity }))
  for (const release of await Promise.allSettled(releases)) if (release.status === 'rejected') failed(release.reason)
}

/** Whether the answer went to the operating system before the connection ended. */
const isWritten = (response: ServerResponse): Promise<boolean> =>
  new Promise((resolve) => {
    if (response.destroyed) return resolve(false)
    response.once('finish', () => resolve(true))
    response.once('close', () => resolve(false))
  })
