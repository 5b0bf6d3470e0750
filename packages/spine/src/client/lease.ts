/** A lease that is kept by heartbeats while somebody works, and given up when the server says that it is another's. */

import { type ErrorCode, SpineError } from '../protocol/errors.ts'
import type { Spine } from '../protocol/spine.ts'
import type { Pacing } from './pacing.ts'

export type Lease = { id: string; lease_token: string }

const lostCodes: ReadonlySet<ErrorCode> = new Set(['LEASE_LOST', 'WRONG_STATE', 'DELIVERY_NOT_FOUND'])

/** Whether an error says that the delivery is no longer the caller's. */
export const saysLost = (error: unknown): error is SpineError =>
  error instanceof SpineError && lostCodes.has(error.code)

export type HeldLease = {
  /** Aborted, with the error as reason, when the lease is another's. */
  readonly lost: AbortSignal
  /** Ends the heartbeats. */
  end(): void
}

/**
 * Sends a heartbeat at every third of the lease. A server that cannot be reached is not a lost lease: its clock and
 * its fence decide, so the work goes on and the next heartbeat is tried.
 */
export function holdLease(
  spine: Spine,
  lease: Lease,
  { lease_ms, pacing, report }: { lease_ms: number; pacing: Pacing; report: (error: unknown) => void },
): HeldLease {
  const lost = new AbortController()
  const ended = new AbortController()

  async function beat(): Promise<void> {
    for (;;) {
      await pacing.sleep(lease_ms / 3, ended.signal)
      if (ended.signal.aborted) return
      try {
        await spine.deliveries.heartbeat({ ...lease, lease_ms })
      } catch (error) {
        if (ended.signal.aborted) return
        report(error)
        if (!saysLost(error)) continue
        lost.abort(error)
        return
      }
    }
  }
  void beat()
  return Object.freeze({ lost: lost.signal, end: () => ended.abort() })
}
