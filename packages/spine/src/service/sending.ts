/**
 * Sends, gathered over all callers: envelopes that came whole, their deliveries, and their idempotency keys go into the
 * store in one commit. Where a receiver is waiting, the delivery is born leased to it.
 */

import { type DeliveryState, deliveryDefaults } from '../protocol/delivery.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { createCoalescer } from '../store/coalescer.ts'
import type { Row, Statement } from '../store/database.ts'
import * as sql from '../store/deliveries.ts'
import { storeEnvelopes } from '../store/envelopes.ts'
import { isDataFault } from '../store/statement-error.ts'
import type { Agents } from './agents.ts'
import type { Breakers } from './breakers.ts'
import type { Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'
import { earlierRef, type KeyClaim, readKeys, takeKeys } from './idempotency.ts'
import type { Inbox, Place } from './inbox.ts'
import { writeKnown } from './unknown.ts'

export type Sending = {
  ns: string
  id: string
  envelope: Envelope
  /** Given when the envelope came whole and may not be stored yet. */
  bytes: Uint8Array | undefined
  target: string
  priority: number
  /** Milliseconds; seven days after it is stored where nobody said. */
  deadline: number | undefined
  state: Extract<DeliveryState, 'ready' | 'expired' | 'parked'>
  reason: string | undefined
  claim: KeyClaim | undefined
  channel?: string
  /** The sender waits for it. */
  direct?: boolean
  /** The delivery that was given up for this one. */
  rerouted_from?: string
  /** The delivery that this one continues: it must have named `successor`. */
  after?: { id: string; successor: string }
}

type EnvelopeRow = ReturnType<Envelopes['rowOf']>

/** The delivery as it stands after the send, or why it was refused. */
export type Sent = Row | SpineError

export const overloaded = () =>
  new SpineError('OVERLOADED', 'Too many calls are waiting for the store.', { retry_after_ms: 1_000 })

export type SendingRoom = ReturnType<typeof createSending>

export function createSending(
  service: Service,
  envelopes: Envelopes,
  agents: Agents,
  inbox: Inbox,
  breakers: Breakers,
) {
  const { database, clock } = service
  const { dialect } = database

  /** All of it in one commit, between `before` and `then`; the rows that `before` answered come back with the answers. */
  const commit = async (
    batch: readonly Sending[],
    before: readonly Statement[] = [],
    then: readonly Statement[] = [],
  ): Promise<{ sent: Sent[]; answers: Row[][] }> => {
    const now = clock.now()
    const places = batch.map(({ state, ns, target }) =>
      state === 'ready' && breakers.openFor(ns, target) === undefined ? inbox.reserve(ns, target) : undefined,
    )
    const settle = (index: number, row?: Row) => places[index]?.settle(row)
    const whole = wholeOf(batch)
    try {
      const statements = statementsOf(batch, [...whole.values()], places, now)
      const all = await writeKnown(service, [...before, ...statements, ...then])
      const tables = all.slice(before.length)
      const rows = new Map(
        tables
          .flat()
          .filter((row) => 'envelope_id' in row)
          .map((row) => [keyOf(row.ns, row.envelope_id, row.target), row]),
      )
      const missing = batch.map(triple).filter((key) => !rows.has(keyOf(key.ns, key.envelope_id, key.target)))
      if (missing.length > 0)
        for (const row of await service.archive.sent(missing)) rows.set(keyOf(row.ns, row.envelope_id, row.target), row)
      const keys = tables.flat().filter((row) => 'owner' in row)
      const sent = batch.map((sending, index): Sent => {
        const row = rows.get(keyOf(sending.ns, sending.envelope.id, sending.target))
        const ours = row?.id === sending.id
        settle(index, ours && row?.state === 'leased' ? row : undefined)
        if (ours && row?.state === 'ready') inbox.tell(sending.ns, sending.target)
        // The digest does not tell: other bytes may have it, with other spaces or a signature that is no part of it.
        if (sending.bytes && row?.checksum === whole.get(sending.bytes)?.checksum)
          envelopes.keepSent(sending.ns, sending.envelope, sending.bytes)
        return answerOf(sending, row, keys)
      })
      return { sent, answers: all.slice(0, before.length) }
    } catch (error) {
      for (const index of places.keys()) settle(index)
      throw error
    }
  }

  /** The rows of the envelopes that came whole, by their bytes: a document may come for two namespaces. */
  const wholeOf = (batch: readonly Sending[]) => {
    const whole = new Map<Uint8Array, EnvelopeRow>()
    for (const { ns, envelope, bytes, claim } of batch)
      if (bytes && !whole.has(bytes))
        whole.set(bytes, envelopes.rowOf(ns, envelope, bytes, { verified: false, trail: '[]', claim }))
    return whole
  }

  const statementsOf = (
    batch: readonly Sending[],
    whole: readonly EnvelopeRow[],
    places: readonly (Place | undefined)[],
    now: number,
  ): Statement[] => {
    const claims = [...new Set(batch.flatMap(({ claim }) => claim ?? []))]
    const rows = batch.map((sending, index) => {
      const place = places[index]
      const { ns, id, envelope, target, priority, deadline, state, reason, claim } = sending
      const event = {
        at: now,
        event: state === 'ready' ? 'send' : state,
        ...(reason ? { reason } : {}),
        ...(place ? { epoch: 1 } : {}),
      }
      return {
        ns,
        id,
        envelope_id: envelope.id,
        digest: envelope.digest,
        source_agent: envelope.source_agent,
        target,
        task_id: envelope.task.id ?? null,
        state: place ? 'leased' : state,
        priority,
        token: place?.token ?? null,
        lease_ms: place?.lease_ms ?? null,
        deadline: deadline ?? now + deliveryDefaults.deadline_ms,
        reason: reason ?? null,
        history: `${JSON.stringify(event)}\n`,
        channel: sending.channel ?? null,
        rerouted_from: sending.rerouted_from ?? null,
        direct: sending.direct ? 1 : 0,
        key: claim?.key ?? null,
        owner: claim?.owner ?? null,
        after: sending.after?.id ?? null,
        successor: sending.after?.successor ?? null,
      }
    })
    const { max_claims, max_attempts } = deliveryDefaults
    return [
      ...takeKeys(service, claims),
      ...storeEnvelopes(dialect, whole),
      ...namesOf(batch),
      ...sql.sendDeliveries(dialect, rows, { now, max_claims, max_attempts }),
      ...sql.sentDeliveries(dialect, rows),
      ...(claims.length ? readKeys(service, claims) : []),
    ]
  }

  const namesOf = (batch: readonly Sending[]): Statement[] =>
    [...Map.groupBy(batch, ({ ns }) => ns)].flatMap(([ns, group]) =>
      agents.note(
        ns,
        group.map(({ target }) => target),
      ),
    )

  const coalescer = createCoalescer<Sending, Sent>({
    run: async (batch) => (await commit(batch)).sent,
    key: ({ ns, envelope, target }) => keyOf(ns, envelope.id, target),
    lanes: dialect.max_lanes,
    overflow: overloaded,
    splittable: isDataFault,
  })
  return Object.freeze({ submit: coalescer.submit, commit })
}

const triple = ({ ns, envelope, target }: Sending) => ({ ns, envelope_id: envelope.id, target })

const keyOf = (...parts: unknown[]) => parts.join('\n')

/** One caller's answer. A refusal is an answer too: it must not undo what the others of the batch stored. */
function answerOf({ envelope, target, claim }: Sending, row: Row | undefined, keys: readonly Row[]): Sent {
  try {
    // With the same body, an earlier call sent this envelope to this target: that delivery is the row.
    if (claim) earlierRef(claim, keys)
  } catch (error) {
    return error as SpineError
  }
  if (row && row.digest === envelope.digest) return row
  return new SpineError(
    'ENVELOPE_CONFLICT',
    `Another envelope with the id ${envelope.id} is stored; nothing was sent to ${target}.`,
    { envelope_id: envelope.id, digest: row?.digest },
  )
}
