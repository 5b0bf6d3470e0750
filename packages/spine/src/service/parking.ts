/** The dead-letter box, and what a sender can still do about a delivery: park, cancel, redrive, discard. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import { deliveryDefaults } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import { priorities, toMs } from '../protocol/scalars.ts'
import type { Batch, Row } from '../store/database.ts'
import { deliveriesById, listDeliveries, sendDeliveries, sentDeliveries } from '../store/deliveries.ts'
import * as sql from '../store/parked.ts'
import type { Breakers } from './breakers.ts'
import type { Caller, Service } from './context.ts'
import type { Deliveries } from './deliveries.ts'
import { toDelivery } from './documents.ts'
import type { Envelopes } from './envelopes.ts'
import type { SendingCalls } from './sending-call.ts'

type In<N extends keyof typeof contract.parked> = z.output<(typeof contract.parked)[N]['input']>
type Rooms = { envelopes: Envelopes; deliveries: Deliveries; breakers: Breakers; calls: SendingCalls }

export function parkedOperations(service: Service, { envelopes, deliveries, breakers, calls }: Rooms) {
  const { database, clock, newId, archive } = service
  const { dialect } = database

  const park = async ({ envelope_id, target: given, reason }: In<'park'>, { ns }: Caller) => {
    const envelope = await envelopes.mustFind(ns, envelope_id)
    const target = given ?? envelope.target_agent
    const now = clock.now()
    const make = {
      ns,
      id: newId('dlv'),
      envelope_id,
      digest: envelope.digest,
      source_agent: envelope.source_agent,
      target,
      task_id: envelope.task.id ?? null,
      state: 'parked',
      priority: priorities.indexOf('normal'),
      token: null,
      lease_ms: null,
      deadline: calls.deadlineOf(undefined, envelope) ?? now + deliveryDefaults.deadline_ms,
      reason,
      channel: null,
      rerouted_from: null,
      direct: 0,
      history: `${JSON.stringify({ at: now, event: 'park', reason })}\n`,
      key: null,
      owner: null,
      after: null,
      successor: null,
    }
    const { max_claims, max_attempts } = deliveryDefaults
    const [[moved] = [], ...tables] = await database.write([
      sql.parkDelivery(dialect, { ns, envelope_id, target, reason, reason_json: JSON.stringify(reason), now }),
      ...sendDeliveries(dialect, [make], { now, max_claims, max_attempts }),
      ...sentDeliveries(dialect, [make]),
    ])
    const row = (tables.at(-1)?.[0] ?? (await archive.sent([make]))[0]) as Row
    if (moved) await breakers.observe([{ row: moved, outcome: 'exhausted' }])
    deliveries.moved(row)
    const accepted = row.state === 'accepted' || row.state === 'completed'
    return { ...toDelivery(row), ...(accepted ? { code: 'ALREADY_ACCEPTED' as const } : {}) }
  }

  /** One answer per id: what moved, or why it did not. */
  const answers = async (ns: string, ids: readonly string[], moves: Batch, why: (row: Row) => SpineError) => {
    const keys = [...new Set(ids)].map((id) => ({ ns, id }))
    // In one batch with the moves: what did not move is told as they found it, whoever moves it next.
    const tables = await database.write([...moves, ...deliveriesById(dialect, keys)])
    const moved = tables.slice(0, moves.length).flat()
    for (const row of moved) deliveries.moved(row)
    const movedIds = new Set(moved.map(({ id }) => id))
    const rows = new Map(tables.flat().map((row) => [`${ns}\n${row.id}`, row]))
    const others = await deliveries.rowsById(keys.filter(({ id }) => !rows.has(`${ns}\n${id}`)))
    return {
      results: keys.map(({ id }) => {
        const row = rows.get(`${ns}\n${id}`) ?? others.get(`${ns}\n${id}`)
        if (row && movedIds.has(id)) return { id, delivery: toDelivery(row) }
        const { code, message: detail } = row
          ? why(row)
          : new SpineError('DELIVERY_NOT_FOUND', `There is no delivery ${id} in namespace ${ns}.`)
        return { id, error: { code, detail } }
      }),
    }
  }

  /** On PostgreSQL another node can have parked it between the move and the look. */
  const wrongState = (row: Row) =>
    new SpineError(
      'WRONG_STATE',
      `Delivery ${row.id} ${row.state === 'parked' ? 'was' : `is ${row.state},`} not parked.`,
      {
        state: row.state,
      },
    )

  return {
    park,
    list: async ({ target, limit, after }: In<'list'>, { ns }: Caller) => {
      const filters = { target: target ?? null, state: 'parked', envelope_id: null }
      const rows = await database.read(listDeliveries(dialect, { ns, ...filters, before: after ?? null, limit }))
      const last = rows.length === limit ? rows.at(-1) : undefined
      return { deliveries: rows.map(toDelivery), ...(last ? { next: String(last.id) } : {}) }
    },
    get: async ({ id }: In<'get'>, { ns }: Caller) => {
      const row = await deliveries.mustFind(ns, id)
      if (row.state !== 'parked') throw wrongState(row)
      return toDelivery(row)
    },
    redrive: async ({ ids, deadline, extra_hops, cycle }: In<'redrive'>, { ns }: Caller) => {
      const distinct = [...new Set(ids)].sort()
      const again = {
        deadline: deadline === undefined ? null : toMs(deadline),
        extra_hops: extra_hops ?? null,
        cycle: cycle ?? null,
      }
      const inputs = distinct.map((id) => ({ ns, id, ...again }))
      const now = clock.now()
      return answers(ns, ids, sql.redriveDeliveries(dialect, inputs, { now }), (row) => {
        const passed = (again.deadline ?? Number(row.deadline)) <= now
        if (row.state === 'parked' && passed) {
          const which = deadline === undefined ? 'Its deadline' : `The deadline given, ${deadline},`
          return new SpineError('DEADLINE_PASSED', `${which} has passed: ${row.id} stays parked.`)
        }
        return wrongState(row)
      })
    },
    discard: async ({ ids, reason }: In<'discard'>, { ns }: Caller) => {
      const inputs = [...new Set(ids)].sort().map((id) => ({ ns, id }))
      const named = { reason, reason_json: JSON.stringify(reason), now: clock.now() }
      return answers(ns, ids, sql.discardDeliveries(dialect, inputs, named), wrongState)
    },
  }
}
