/**
 * Deliveries, newest first, as many as one scrolls to, and live: each second the first page is read again if something
 * moved, and what moved further down is read by itself. With them, the handoffs that were sealed and not sent.
 */

import { useEffect, useRef, useState } from 'preact/hooks'
import type { Delivery, DeliveryState } from '../../../spine/src/protocol/delivery.ts'
import type { SpineEvent } from '../../../spine/src/protocol/event.ts'
import type { Handoff } from '../../../spine/src/protocol/handoff.ts'
import { call } from '../core/call.ts'
import { type Failure, failureOf } from '../core/failure.ts'
import { currentSession, onSession } from '../core/session.ts'
import { onConnection, onEvent } from '../core/stream.ts'
import { useWatched } from '../core/watch.ts'
import { keepRecords } from './records.ts'

export type DeliveryFilter = { state?: DeliveryState; target?: string }

export type DeliveryList = {
  /** Nothing was read yet while this is undefined. */
  rows?: readonly Delivery[]
  /** Sealed and not sent, newest first, as far back as the deliveries go. */
  unsent: readonly Handoff[]
  failure?: Failure
  /** Came or moved since the list was first read. */
  fresh: ReadonlySet<string>
  /** Reads older ones; nothing when all are there. */
  more: () => void
  whole: boolean
  again: () => void
}

const page_rows = 200
const older_rows = 1_000
const pause_ms = 1_000
const most_unsent = 50

const nothing = { rows: undefined, unsent: [], failure: undefined, fresh: new Set<string>(), whole: false }

type Store = ReturnType<typeof createStore>

export function useDeliveryList(filter: DeliveryFilter): DeliveryList {
  const [, redraw] = useState(0)
  const store = useRef<Store>(undefined)
  const key = JSON.stringify(filter)
  const session = useWatched(onSession, currentSession)
  // Each session has a list of its own: what was asked for before ends with the old one.
  useEffect(() => {
    const made = createStore(filter, () => redraw((count) => count + 1))
    store.current = made
    redraw((count) => count + 1)
    return made.close
  }, [key, session])
  const { rows, unsent, failure, fresh, whole } = store.current?.view() ?? nothing
  return {
    ...(rows && { rows }),
    unsent,
    ...(failure && { failure }),
    fresh,
    whole,
    more: () => void store.current?.more(),
    again: () => void store.current?.first(),
  }
}

function createStore(filter: DeliveryFilter, changed: () => void) {
  const closing = new AbortController()
  const { signal } = closing
  let known = new Map<string, Delivery>()
  let rows: readonly Delivery[] | undefined
  let failure: Failure | undefined
  let next: string | undefined
  let reading = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const fresh = new Set<string>()
  const moved = new Set<string>()
  let handoffs: readonly Handoff[] = []
  let unsent: readonly Handoff[] = []
  /** Envelopes that have a delivery: that stays so. */
  const sent = new Set<string>()

  const matches = ({ state, target }: Delivery) =>
    (!filter.state || filter.state === state) && (!filter.target || filter.target === target)

  const put = (deliveries: readonly Delivery[], news: boolean) => {
    for (const delivery of deliveries) {
      const before = known.get(delivery.id)
      if (news && before?.history.length !== delivery.history.length) fresh.add(delivery.id)
      if (matches(delivery)) known.set(delivery.id, delivery)
      else known.delete(delivery.id)
    }
  }
  const show = () => {
    rows = [...known.values()].sort((left, right) => (left.id < right.id ? 1 : -1))
    changed()
  }

  const read = async (limit: number, after?: string) => {
    const [page, newest] = await Promise.all([
      call('deliveries', 'list', { ...filter, limit, ...(after && { after }) }, signal),
      // Envelopes come in the same order; those of old ones that were redriven are asked for one by one.
      call('handoffs', 'list', { limit }, signal),
    ])
    handoffs = newest.handoffs
    keepRecords(handoffs)
    return page
  }

  /** What has no delivery among these is asked for: it may have been sent to somebody else, or a moment ago. */
  const readUnsent = async () => {
    for (const { envelope_id } of known.values()) sent.add(envelope_id)
    const oldest = next === undefined ? '' : ([...known.values()].map(({ created_at }) => created_at).sort()[0] ?? '')
    const maybe = handoffs
      .filter(
        ({ envelope_id, target_agent }) => !sent.has(envelope_id) && [undefined, target_agent].includes(filter.target),
      )
      .filter(({ created_at }) => created_at >= oldest)
      .slice(0, most_unsent)
    const statuses = await Promise.all(
      filter.state ? [] : maybe.map(({ envelope_id: id }) => call('handoffs', 'status', { id }, signal)),
    )
    for (const { envelope_id, deliveries } of statuses) if (deliveries.length > 0) sent.add(envelope_id)
    unsent = statuses.filter(({ deliveries }) => deliveries.length === 0)
  }

  const first = async () => {
    if (reading) return later()
    reading = true
    const ids = [...moved]
    moved.clear()
    fresh.clear()
    try {
      const page = await read(page_rows)
      const overlaps = known.size === 0 || page.deliveries.some(({ id }) => known.has(id)) || !page.next
      const began = rows !== undefined
      if (!overlaps) known = new Map()
      if (known.size === 0 || !overlaps) next = page.next
      const newest = new Set(page.deliveries.map(({ id }) => id))
      put(page.deliveries, began)
      const others = ids.filter((id) => known.has(id) && !newest.has(id)).slice(0, 50)
      put(await Promise.all(others.map((id) => call('deliveries', 'get', { id }, signal))), began)
      await readUnsent()
      failure = undefined
      show()
    } catch (error) {
      if (signal.aborted) return
      failure = failureOf(error)
      changed()
    } finally {
      reading = false
    }
  }
  const later = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      void first()
    }, pause_ms)
  }

  const more = async () => {
    if (next === undefined || reading) return
    reading = true
    try {
      const page = await read(older_rows, next)
      next = page.next
      put(page.deliveries, false)
      await readUnsent()
      show()
    } catch {
      // The end of the list stays where it is; scrolling asks again.
    } finally {
      reading = false
    }
  }

  const stops = [
    onEvent(({ type, delivery_id }: SpineEvent) => {
      if (!/^(delivery|handoff)\./.test(type)) return
      if (delivery_id !== undefined) moved.add(delivery_id)
      later()
    }),
    onConnection(({ state }) => state === 'live' && later()),
  ]
  void first()
  return {
    first,
    more,
    view: () => ({ rows, unsent, failure, fresh, whole: next === undefined }),
    close: () => {
      closing.abort()
      clearTimeout(timer)
      for (const stop of stops) stop()
    },
  }
}
