/** Something that is done on the server when a button is pressed: once at a time, and what went wrong stays to be read. */

import { useState } from 'preact/hooks'
import { type Failure, failureOf } from '../core/failure.ts'

export function useAction(act: () => Promise<void>): { run: () => void; busy: boolean; failure: Failure | undefined } {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()
  const run = async () => {
    if (busy) return
    setBusy(true)
    setFailure(undefined)
    await act().catch((error: unknown) => setFailure(failureOf(error)))
    setBusy(false)
  }
  return { run: () => void run(), busy, failure }
}
