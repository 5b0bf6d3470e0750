/** What every operation of the service is given: the database, time and chance, and who is asking. */

import type { Trouble } from '../protocol/trouble.ts'
import type { Database } from '../store/database.ts'
import type { Archive } from './archive.ts'
import type { Chance, Clock } from './clock.ts'
import type { FoundSecret } from './guard/guard.ts'
import type { KnownMemories } from './known-memories.ts'
import type { KnownValues } from './known-values.ts'
import type { Turns } from './turns.ts'

export type Service = {
  readonly database: Database
  readonly clock: Clock
  readonly chance: Chance
  /** Where finished deliveries are looked for that are not in their table any more. */
  readonly archive: Archive
  readonly newId: (prefix: string) => string
  /** The exact values of memories, kept for a while: they change only with the version. */
  readonly values: KnownValues
  /** What ranking and fitting need of memories, kept for a while. */
  readonly known: KnownMemories
  /** Asked for before work that takes milliseconds. */
  readonly turns: Turns
  /** Hears of work in the background that failed. Never throws. */
  readonly onTrouble: (trouble: Trouble) => void
}

/** One call, after its input was checked. */
export type Caller = {
  readonly ns: string
  /** The agent of the credential, if it is bound to one. */
  readonly agent: string | undefined
  readonly signal: AbortSignal | undefined
  readonly warn: (warning: string) => void
  /** Envelopes of the answer may be objects that only stand for their exact bytes. */
  readonly opaque?: boolean
  /** What the guard found in the input; it has been dealt with. */
  readonly secrets: readonly FoundSecret[]
}
