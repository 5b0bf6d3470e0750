/** Deliveries as callers see them: find, list, send, cancel. How they move is the business of the rooms beside this one. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import type { Delivery } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/deliveries.ts'
import { cancelDelivery } from '../store/parked.ts'
import type { Caller, Service } from './context.ts'
import { toDelivery } from './documents.ts'
import type { Inbox } from './inbox.ts'
import type { Senders } from './senders.ts'

type In<N extends keyof typeof contract.deliveries> = z.output<(typeof contract.deliveries)[N]['input']>

export type Deliveries = ReturnType<typeof createDeliveries>

export function createDeliveries(service: Service, { inbox, senders }: { inbox: Inbox; senders: Senders }) {
  const { database, clock, archive } = service
  const { dialect } = database

  const rowsById = async (keys: readonly { ns: string; id: string }[]): Promise<Map<string, Row>> => {
    const reads = sql.deliveriesById(dialect, keys).map((statement) => database.read(statement))
    const found = new Map((await Promise.all(reads)).flat().map((row) => [`${row.ns}\n${row.id}`, row]))
    const missing = keys.filter(({ ns, id }) => !found.has(`${ns}\n${id}`))
    if (missing.length > 0) for (const row of await archive.byId(missing)) found.set(`${row.ns}\n${row.id}`, row)
    return found
  }

  const mustFind = async (ns: string, id: string): Promise<Row> => {
    const row = (await rowsById([{ ns, id }])).get(`${ns}\n${id}`)
    if (!row) throw new SpineError('DELIVERY_NOT_FOUND', `There is no delivery ${id} in namespace ${ns}.`, { id })
    return row
  }

  /** Those who wait hear of every move, whoever made it. */
  const moved = (row: Row): void => {
    senders.moved(row)
    senders.tell(row)
    if (row.state === 'ready') inbox.tell(String(row.ns), String(row.target))
  }

  const listRows = (ns: string, filters: Partial<In<'list'>> & { limit: number }): Promise<Row[]> => {
    const { target = null, state = null, envelope_id = null, after = null, limit } = filters
    const named = { ns, target, state, before: after, limit }
    if (envelope_id === null) return database.read(sql.listDeliveries(dialect, named))
    return database.read(sql.deliveriesOfEnvelope(dialect, { ...named, envelope_id }))
  }

  const cancel = async ({ id, reason }: In<'cancel'>, caller: Caller): Promise<Delivery> => {
    const { ns } = caller
    const named = { ns, id, reason, reason_json: JSON.stringify(reason), now: clock.now() }
    const [[row] = []] = await database.write([cancelDelivery(dialect, named)])
    if (row) {
      moved(row)
      return toDelivery(row)
    }
    const standing = await mustFind(ns, id)
    if (standing.state === 'cancelled') return { ...toDelivery(standing), duplicate: true }
    // It was handed back between the write and this look.
    if (standing.state === 'ready' || standing.state === 'leased') return cancel({ id, reason }, caller)
    const accepted = standing.state === 'accepted' || standing.state === 'completed'
    throw new SpineError(accepted ? 'ALREADY_ACCEPTED' : 'WRONG_STATE', `Delivery ${id} is ${standing.state}.`, {
      id,
      state: standing.state,
    })
  }

  return Object.freeze({
    rowsById,
    mustFind,
    moved,
    /** The deliveries of one namespace, newest first. */
    listOf: async (ns: string, filters: Partial<In<'list'>> & { limit: number }) =>
      (await listRows(ns, filters)).map(toDelivery),
    operations: {
      cancel,
      get: async ({ id }: In<'get'>, { ns }: Caller) => toDelivery(await mustFind(ns, id)),
      list: async (input: In<'list'>, { ns }: Caller) => {
        const rows = await listRows(ns, input)
        const last = rows.length === input.limit ? rows.at(-1) : undefined
        return { deliveries: rows.map(toDelivery), ...(last ? { next: String(last.id) } : {}) }
      },
    },
  })
}
