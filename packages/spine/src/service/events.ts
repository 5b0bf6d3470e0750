/** The event stream as callers see it: pages behind a place, with a wait for what is still to come. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import { type EventPage, FROM_NOW, type SpineEvent } from '../protocol/event.ts'
import { toIso } from '../protocol/scalars.ts'
import type { Row } from '../store/database.ts'
import { eventsAfter, lastEvent } from '../store/events.ts'
import type { Caller, Service } from './context.ts'
import { optional } from './documents.ts'
import type { News } from './news.ts'

type In = z.output<(typeof contract.health)['events']['input']>
type Place = { tx: number; seq: number }

/** What other nodes stored is seen after this long, and what is stored here in a hurry is read in one page. */
const LOOK_EVERY_MS = 1_000
const GATHER_MS = 20

const START: Place = { tx: 0, seq: 0 }

const cursorOf = ({ tx, seq }: Place): string => `${tx}-${seq}`

function placeOf(cursor: string): Place {
  const [tx, seq] = cursor.split('-').map(Number)
  return { tx: tx ?? 0, seq: seq ?? 0 }
}

const placeOfRow = (row: Row): Place => ({ tx: Number(row.tx), seq: Number(row.seq) })

/** What a sealed envelope says beside who and what. */
const envelopeColumns = ['root_id', 'summary', 'budget_by', 'linked'] as const
const envelopeNumbers = ['hop', 'token_count', 'max_tokens', 'gaps', 'trimmed'] as const

function dataOf(row: Row): SpineEvent['data'] {
  if (row.data !== null) return JSON.parse(String(row.data))
  if (!String(row.type).startsWith('handoff.') || row.hop === null) return undefined
  return Object.assign(
    {},
    ...envelopeColumns.map((column) => optional(row, column)),
    ...envelopeNumbers.map((column) => optional(row, column, Number)),
    { completeness: Number(row.completeness) / 10_000 },
  )
}

const time = (value: string) => toIso(Number(value))

/** A row of the stream as its document. */
function toEvent(row: Row): SpineEvent {
  const data = dataOf(row)
  return {
    cursor: cursorOf(placeOfRow(row)),
    at: toIso(Number(row.at)),
    type: String(row.type),
    ...optional(row, 'state'),
    ...optional(row, 'source_agent'),
    ...optional(row, 'target'),
    ...optional(row, 'envelope_id'),
    ...optional(row, 'delivery_id'),
    ...optional(row, 'task_id'),
    ...optional(row, 'attempts', Number),
    ...optional(row, 'claims', Number),
    ...optional(row, 'started_at', time),
    ...(row.direct === 1 ? { direct: true } : {}),
    ...optional(row, 'reason'),
    ...(data ? { data } : {}),
  } as SpineEvent
}

export function eventOperations({ database, clock }: Service, news: News) {
  const { dialect } = database

  const endOf = async (ns: string): Promise<Place> => {
    const [row] = await database.read(lastEvent(dialect, { ns }))
    return row ? placeOfRow(row) : START
  }

  /** Until something was stored here, or it is time to look all the same. */
  const somethingNew = (left: number, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve) => {
      const ends: (() => void)[] = []
      const end = () => {
        for (const stop of ends) stop()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      ends.push(clock.after(Math.min(left, LOOK_EVERY_MS), end))
      ends.push(news.next(() => ends.push(clock.after(Math.min(left, GATHER_MS), end))))
      signal?.addEventListener('abort', end, { once: true })
      if (signal?.aborted) end()
    })

  return {
    events: async ({ after, types, limit, wait_ms }: In, { ns, signal }: Caller): Promise<EventPage> => {
      const until = clock.now() + wait_ms
      const wanted = types?.split(',')
      let place = after === FROM_NOW ? await endOf(ns) : after === undefined ? START : placeOf(after)
      for (;;) {
        const rows = await database.read(eventsAfter(dialect, { ns, ...place, limit }))
        const last = rows.at(-1)
        if (last) place = placeOfRow(last)
        const events = rows
          .filter((row) => !wanted || wanted.some((type) => String(row.type).startsWith(type)))
          .map(toEvent)
        const left = until - clock.now()
        if (events.length > 0 || left <= 0 || signal?.aborted) return { events, next: cursorOf(place) }
        // A page of which nothing was wanted is not the end of the stream.
        if (rows.length < limit) await somethingNew(left, signal)
      }
    },
  }
}
