/** What every fault is told. The same function runs in its short form in the tests and in its long form in the proof. */

import type { FaultStore } from './stores.ts'

export type FaultOptions = {
  store: FaultStore
  /** How often the fault is made: kills, images, inputs. */
  runs: number
  /** The same seed makes the same choices. */
  seed: number
  /** Milliseconds since 1970 after which the simulation begins no schedule; it then tells how many there were. */
  until?: number | undefined
  /** Runs with the protection taken away: something must be found. */
  control?: boolean
  /** Hears how far a long run is. */
  progress?: (words: string) => void
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
