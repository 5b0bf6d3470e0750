/** Settling, gathered over all callers: what receivers say about their leases goes into the store in one commit. */

import type { z } from 'zod'
import type { Delivery } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import type { settleItem } from '../protocol/operations/deliveries.ts'
import { createCoalescer } from '../store/coalescer.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/deliveries.ts'
import { isDataFault } from '../store/statement-error.ts'
import { type Breakers, outcomeOf } from './breakers.ts'
import type { Service } from './context.ts'
import { toDelivery } from './documents.ts'
import { overloaded } from './sending.ts'
import { writeKnown } from './unknown.ts'
import { isRepeat, refuseStranger, type SettleAction } from './unmoved.ts'

export type SettleCall = {
  ns: string
  id: string
  token: string
  /** The agent that the credential is bound to. */
  agent: string | undefined
  action: SettleAction
  lease_ms: number | null
  delay_ms: number | null
  reason: string | null
  output: string | null
}

export type Settler = { ns: string; agent?: string | undefined }
type Answer = { row: Row; duplicate: boolean }
type Rooms = {
  breakers: Breakers
  moved(row: Row): void
  rowsById(keys: readonly { ns: string; id: string }[]): Promise<Map<string, Row>>
}

const nackActions = {
  retry: 'nack_retry',
  declined: 'nack_declined',
  needs_clarification: 'nack_clarify',
  fatal: 'nack_fatal',
} as const

export type Settling = ReturnType<typeof createSettling>

export function createSettling(service: Service, { breakers, moved, rowsById }: Rooms) {
  const { database, clock, chance } = service
  const run = async (batch: readonly SettleCall[]): Promise<(Answer | SpineError)[]> => {
    const rows = batch.map((call) => ({
      ...call,
      agent: call.agent ?? null,
      chance: Math.floor(chance.uniform() * 1_000_000),
      reason_json: call.reason === null ? null : JSON.stringify(call.reason),
    }))
    const tables = await writeKnown(service, sql.settleDeliveries(database.dialect, rows, { now: clock.now() }))
    const settled = new Map(tables.flat().map((row) => [keyOf(row), row]))
    const others = batch.filter((call) => !settled.has(keyOf(call)))
    const found = others.length ? await rowsById(others) : new Map<string, Row>()
    // Accepted when it was written, and its lease has ended before this look: by now an accept counts, as a late one.
    const late = others.filter((call) => call.action === 'accept' && isOpenToLate(found.get(keyOf(call)), call))
    const accepted = late.length ? await run(late) : []
    await breakers.observe(
      batch.flatMap((call) => {
        const row = settled.get(keyOf(call))
        const outcome = row && outcomeOf(row, call.action)
        return outcome ? { row, outcome } : []
      }),
    )
    return batch.map((call): Answer | SpineError => {
      const row = settled.get(keyOf(call))
      if (!row) return accepted[late.indexOf(call)] ?? explain(call, found.get(keyOf(call)))
      moved(row)
      return { row, duplicate: false }
    })
  }

  const coalescer = createCoalescer<SettleCall, Answer | SpineError>({
    run,
    key: keyOf,
    lanes: database.dialect.max_lanes,
    overflow: overloaded,
    splittable: isDataFault,
  })

  /** Throws DELIVERY_NOT_FOUND, FORBIDDEN, LEASE_LOST or WRONG_STATE. */
  const submit = async (call: SettleCall): Promise<Answer> => {
    const answer = await coalescer.submit(call)
    if (answer instanceof SpineError) throw answer
    return answer
  }

  return Object.freeze({
    submit,
    async settle({ ns, agent }: Settler, item: z.output<typeof settleItem>): Promise<Delivery> {
      const { row, duplicate } = await submit({ ...callOf(ns, item), agent })
      return { ...toDelivery(row), ...(duplicate ? { duplicate } : {}) }
    },
  })
}

const isOpenToLate = (row: Row | undefined, { token, agent }: SettleCall): boolean =>
  row?.token === token &&
  (agent === undefined || row.target === agent) &&
  row.state === 'ready' &&
  row.last === 'lease_end'

const keyOf = ({ ns, id }: { ns?: unknown; id?: unknown }) => `${ns}\n${id}`

function explain(call: SettleCall, row: Row | undefined): Answer | SpineError {
  try {
    refuseStranger(row, call.agent)
    return { row: row as Row, duplicate: isRepeat(row, call) }
  } catch (error) {
    return error as SpineError
  }
}

function callOf(ns: string, item: z.output<typeof settleItem>): Omit<SettleCall, 'agent'> {
  const { id, lease_token: token } = item
  const call = { ns, id, token, lease_ms: null, delay_ms: null, reason: null, output: null }
  if (item.action === 'nack')
    return { ...call, action: nackActions[item.kind], reason: item.reason, delay_ms: item.delay_ms ?? null }
  if (item.action === 'complete')
    return { ...call, action: item.action, output: item.output === undefined ? null : JSON.stringify(item.output) }
  if (item.action === 'release') return { ...call, action: item.action }
  return { ...call, action: item.action, lease_ms: item.lease_ms ?? null }
}
