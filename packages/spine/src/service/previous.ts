/**
 * What a handoff continues: the envelopes that the sender names, or the one delivery that it holds. A sender that
 * forgets to say would play the telephone game, so forgetting is caught here.
 */

import type { Chain, Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Step } from '../rules/hops.ts'
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
}

const none = (linked: Chain['linked']): Previous => ({ envelopes: [], linked, receiver: undefined, trail: [] })

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
      {
        held: held.map((row) => ({ delivery_id: row.id, envelope_id: row.envelope_id, task_id: row.task_id })),
      },
    )
  return { ...(await load(service, envelopes, ns, ids)), linked: 'inferred', receiver: call.sender }
}

/** By envelope or delivery id. */
async function given(service: Service, envelopes: Envelopes, ns: string, ids: readonly string[]): Promise<Previous> {
  const { database } = service
  const statements = deliveriesById(
    database.dialect,
    ids.map((id) => ({ ns, id })),
  )
  const rows = (await Promise.all(statements.map((statement) => database.read(statement)))).flat()
  const byDelivery = new Map(rows.map((row) => [String(row.id), row]))
  const envelopeIds = [...new Set(ids.map((id) => String(byDelivery.get(id)?.envelope_id ?? id)))]
  const loaded = await load(service, envelopes, ns, envelopeIds)
  const receivers = new Set(
    ids.map(
      (id) => byDelivery.get(id)?.target ?? loaded.envelopes.find((envelope) => envelope.id === id)?.target_agent,
    ),
  )
  const [receiver] = receivers
  return {
    ...loaded,
    linked: 'given',
    receiver: receivers.size === 1 && receiver !== 'broadcast' ? String(receiver) : undefined,
  }
}

async function load(
  service: Service,
  envelopes: Envelopes,
  ns: string,
  ids: readonly string[],
): Promise<{ envelopes: Envelope[]; trail: Step[] }> {
  const { database } = service
  const found = await envelopes.findMany(ns, ids)
  const missing = ids.find((id) => !found.has(id))
  if (missing !== undefined)
    throw new SpineError(
      'ENVELOPE_NOT_FOUND',
      `previous: there is no envelope or delivery ${missing} in namespace ${ns}.`,
      { id: missing },
    )
  const statements = envelopeRecords(
    database.dialect,
    ids.map((id) => ({ ns, id })),
  )
  const records = (await Promise.all(statements.map((statement) => database.read(statement)))).flat()
  return {
    envelopes: ids.flatMap((id) => found.get(id) ?? []),
    trail: records.flatMap((row): Step[] => JSON.parse(String(row.trail))),
  }
}
