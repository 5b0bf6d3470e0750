/**
 * What a handoff continues: the envelopes that the sender names, or the one delivery that it holds. A sender that
 * forgets to say would play the telephone game, so forgetting is caught here.
 */

import type { Chain, CycleRule, Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Step } from '../rules/hops.ts'
import type { Row } from '../store/database.ts'
import { deliveriesById, heldDeliveries } from '../store/deliveries.ts'
import { envelopeRecords } from '../store/envelopes.ts'
import type { Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'

export type Previous = {
  envelopes: Envelope[]
  linked: Chain['linked']
  /** Who received what is continued, if that is one agent. */
  receiver: string | undefined
  /** The hops so far. */
  trail: Step[]
  /** The deliveries among what is continued: their outputs are part of what happened. */
  deliveries: Row[]
  /** What a redrive allowed on top of the chain's own limits. */
  extra_hops: number
  cycle: CycleRule | undefined
}

const none = (linked: Chain['linked']): Previous => ({
  envelopes: [],
  linked,
  receiver: undefined,
  trail: [],
  deliveries: [],
  extra_hops: 0,
  cycle: undefined,
})

export type PreviousCall = {
  previous: string | readonly string[] | null | undefined
  sender: string | undefined
  task_id: string | undefined
}

export async function findPrevious(
  service: Service,
  envelopes: Envelopes,
  ns: string,
  call: PreviousCall,
): Promise<Previous> {
  if (call.previous === null) return none('root')
  if (call.previous !== undefined) return given(service, envelopes, ns, [call.previous].flat())
  if (call.sender === undefined) return none('root')
  const { database } = service
  const held = await database.read(
    heldDeliveries(database.dialect, { ns, target: call.sender, task_id: call.task_id ?? null }),
  )
  const ids = [...new Set(held.map((row) => String(row.envelope_id)))]
  if (ids.length === 0) return none('root')
  if (ids.length > 1)
    throw new SpineError(
      'AMBIGUOUS_PREVIOUS',
      `${call.sender} holds ${held.length} deliveries: say which one this continues.`,
      { held: held.map((row) => ({ delivery_id: row.id, envelope_id: row.envelope_id, task_id: row.task_id })) },
    )
  const loaded = await load(service, envelopes, ns, ids)
  return { ...loaded, ...allowances(held), deliveries: held, linked: 'inferred', receiver: call.sender }
}

/** By envelope or delivery id. Deliveries of one envelope are one branch. */
async function given(service: Service, envelopes: Envelopes, ns: string, ids: readonly string[]): Promise<Previous> {
  const { database } = service
  const keys = ids.map((id) => ({ ns, id }))
  const reads = deliveriesById(database.dialect, keys).map((statement) => database.read(statement))
  const deliveries = (await Promise.all(reads)).flat()
  const known = new Set(deliveries.map((row) => row.id))
  const older = keys.filter(({ id }) => id.startsWith('dlv_') && !known.has(id))
  if (older.length > 0) deliveries.push(...(await service.archive.byId(older)))
  const byId = new Map(deliveries.map((row) => [String(row.id), row]))
  const loaded = await load(service, envelopes, ns, [
    ...new Set(ids.map((id) => String(byId.get(id)?.envelope_id ?? id))),
  ])
  const targets = new Map(loaded.envelopes.map((envelope) => [envelope.id, envelope.target_agent]))
  const receivers = new Set(ids.map((id) => String(byId.get(id)?.target ?? targets.get(id))))
  const [receiver] = receivers
  const only = receivers.size === 1 && receiver !== 'broadcast' ? receiver : undefined
  return { ...loaded, ...allowances(deliveries), deliveries, linked: 'given', receiver: only }
}

/** What a person allowed when a delivery was taken out of the dead-letter box. */
function allowances(deliveries: readonly Row[]): Pick<Previous, 'extra_hops' | 'cycle'> {
  return {
    extra_hops: Math.max(0, ...deliveries.map((row) => Number(row.extra_hops))),
    cycle: deliveries.some((row) => row.cycle === 'warn') ? 'warn' : undefined,
  }
}

async function load(
  service: Service,
  envelopes: Envelopes,
  ns: string,
  ids: readonly string[],
): Promise<Pick<Previous, 'envelopes' | 'trail'>> {
  const { database } = service
  const found = await envelopes.findMany(ns, ids)
  const missing = ids.find((id) => !found.has(id))
  if (missing !== undefined)
    throw new SpineError(
      'ENVELOPE_NOT_FOUND',
      `previous: there is no envelope or delivery ${missing} in namespace ${ns}.`,
      { id: missing },
    )
  const keys = ids.map((id) => ({ ns, id }))
  const reads = envelopeRecords(database.dialect, keys).map((statement) => database.read(statement))
  const records = (await Promise.all(reads)).flat()
  return {
    envelopes: ids.flatMap((id) => found.get(id) ?? []),
    trail: records.flatMap((row): Step[] => JSON.parse(String(row.trail))),
  }
}
