/** A whole spine for one test: in memory, with the clock in the hand of the test, and chance that repeats itself. */

import { MemorySpine } from '../client/memory-spine.ts'
import type { Pacing } from '../client/pacing.ts'
import type { Spine } from '../protocol/spine.ts'
import { createSpine } from '../service/spine.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { seeded } from './seeded.ts'
import { watched } from './watched.ts'

export type TestSpineOptions = {
  /** Milliseconds since 1970 at which its time begins. Default: the morning of 5 January 2026. */
  start?: number
  /** The same seed makes the same ids, tokens and pauses. Default "test". */
  seed?: string | number
  /** The agent that hands over when a call of `memory` names no `source_agent`. Default: what the spine finds out. */
  agent?: string
}

export type TestSpine = Spine &
  AsyncDisposable & {
    /** Leases end, waits run out and pauses are over when it is moved, and never otherwise. */
    readonly clock: ManualClock
    /** The calls of users over this spine; its receivers stop with the spine. */
    readonly memory: MemorySpine
    /** Time and chance for `receive` and `HandoffClient`, on the same clock. */
    readonly pacing: Pacing
  }

function pacingOf(clock: ManualClock, random: () => number): Pacing {
  return Object.freeze({
    now: clock.now,
    random,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        if (signal?.aborted) return resolve()
        const wake = () => {
          stop()
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        const stop = clock.after(ms, wake)
        signal?.addEventListener('abort', wake, { once: true })
      }),
  })
}

/**
 *     await using spine = await testSpine()
 *     const envelope = await spine.memory.agentHandoff({ target_agent: 'coder', task_summary: 'Fix it.' })
 *     await spine.clock.advance(60_000)
 */
export async function testSpine({ start, seed = 'test', agent }: TestSpineOptions = {}): Promise<TestSpine> {
  const { database, idle } = watched(openSqliteInline())
  const clock = manualClock({ idle, ...(start === undefined ? {} : { start }) })
  const chance = seeded(seed)
  const spine = await createSpine({ database, clock, chance, push: false })
  const memory = new MemorySpine({ spine, ...(agent === undefined ? {} : { agent }) })
  const close = () => memory.close()
  return Object.freeze({
    ...spine,
    clock,
    memory,
    pacing: pacingOf(clock, chance.uniform),
    close,
    [Symbol.asyncDispose]: close,
  })
}
