/** The event stream as an async iterator, over any spine: it goes on where it was, whatever happens to the connection. */

import { SpineError } from '../protocol/errors.ts'
import { type EventPage, FROM_NOW, type SpineEvent } from '../protocol/event.ts'
import type { Spine } from '../protocol/spine.ts'
import { systemPacing } from './pacing.ts'
import { isPassing } from './repeat.ts'

export type EventOptions = {
  /** The cursor of the last event that was seen. Default: from now on; "0-0" begins at the oldest that is kept. */
  after?: string
  /** Only types that begin with one of these: `['delivery.', 'breaker.opened']`. Default: all. */
  types?: readonly string[]
  /** Ends the iteration. */
  signal?: AbortSignal
}

const WAIT_MS = 20_000
/** After a server that could not be reached, beside the tries of the connection itself. */
const AGAIN_MS = 1_000

/** Each event once, in order. Store the cursor of an event with its effect to go on from there after a crash. */
export async function* eventsOf(spine: Spine, options: EventOptions = {}): AsyncGenerator<SpineEvent, void, void> {
  const { types, signal } = options
  const filter = types ? { types: types.join(',') } : {}
  let after = options.after ?? FROM_NOW
  const page = async (): Promise<EventPage | undefined> => {
    try {
      // The first look only finds the place to begin.
      const wait_ms = after === FROM_NOW ? 0 : WAIT_MS
      return await spine.health.events({ ...filter, after, wait_ms }, signal ? { signal } : {})
    } catch (error) {
      if (signal?.aborted) return undefined
      if (!(error instanceof SpineError && isPassing(error)) || error.extra.closed) throw error
      await systemPacing.sleep(AGAIN_MS, signal ?? new AbortController().signal)
      return undefined
    }
  }
  while (!signal?.aborted) {
    const found = await page()
    if (!found) continue
    after = found.next
    for (const event of found.events) {
      if (signal?.aborted) return
      yield event
    }
  }
}
