/** A spine whose time and chance are in the hand of the fault. */

import { createSpine } from '../../embedded.ts'
import type { Spine } from '../../protocol/spine.ts'
import type { Chance } from '../../service/clock.ts'
import type { Database } from '../../store/database.ts'
import { type ManualClock, manualClock } from '../manual-clock.ts'
import { seeded } from '../seeded.ts'
import { watched } from '../watched.ts'
import type { PlacedStore } from './stores.ts'
import { type WeakDatabase, weakDatabases } from './weaknesses.ts'

export type Timed = {
  spine: Spine
  clock: ManualClock
  database: Database
  idle(): Promise<void>
  /** Does something `ms` later, while nothing that is due has run yet. */
  unswept<T>(ms: number, work: () => Promise<T>): Promise<T>
}

export type TimedOptions = {
  seed: number
  /** Where the clock begins, ms since 1970. */
  start?: number
  /** A protection that is missing. */
  weakness?: WeakDatabase | undefined
  /** Default: from the seed. */
  chance?: Chance
}

/** Over a placed store, which may be opened again after `spine.close()`, at another time. */
export async function openTimed(placed: PlacedStore, { seed, start, weakness, chance }: TimedOptions): Promise<Timed> {
  const real = await placed.open()
  const { database, idle } = watched(weakness ? await weakDatabases[weakness](real) : real)
  const clock = manualClock({ idle, ...(start === undefined ? {} : { start }) })
  let ahead = 0
  const spineClock = { ...clock, now: () => clock.now() + ahead }
  const spine = await createSpine({
    database,
    clock: spineClock,
    chance: chance ?? seeded(seed),
    watch: false,
    push: false,
  })
  return {
    spine,
    clock,
    database,
    idle,
    async unswept(ms, work) {
      ahead = ms
      const answer = await work()
      ahead = 0
      await clock.jump(ms)
      return answer
    },
  }
}
