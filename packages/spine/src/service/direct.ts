/** Direct deliveries: send one envelope to one agent, and wait for it if the sender wants to. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import type { Delivery } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Row } from '../store/database.ts'
import type { Breakers } from './breakers.ts'
import type { Caller, Service } from './context.ts'
import type { Deliveries } from './deliveries.ts'
import { resultOf, toDelivery } from './documents.ts'
import { claimKey } from './idempotency.ts'
import type { Senders } from './senders.ts'
import type { Sending, SendingRoom } from './sending.ts'
import type { SendingCalls } from './sending-call.ts'
import { waitForDelivery } from './waiting.ts'

type In = z.output<(typeof contract.deliveries)['send']['input']>
type Many = z.output<(typeof contract.deliveries)['send_many']['input']>
type Rooms = { deliveries: Deliveries; senders: Senders; sending: SendingRoom; calls: SendingCalls; breakers: Breakers }

/** A repeat finds what was sent first, which keeps what it was sent with. */
function warnOfOthers(row: Row, { priority, deadline, target }: Sending, { warn }: Caller): void {
  if (Number(row.priority) === priority && (deadline === undefined || Number(row.deadline) === deadline)) return
  warn(`This envelope was sent to ${target} before: it keeps the priority and the deadline of that time.`)
}

export function directOperations(service: Service, { deliveries, senders, sending, calls, breakers }: Rooms) {
  const send = async (input: In, caller: Caller): Promise<Delivery> => {
    const { ns } = caller
    const { envelope, bytes } = await calls.envelopeOf(input, caller)
    const target = input.target ?? envelope.target_agent
    if (target === 'broadcast')
      throw new SpineError(
        'INVALID_INPUT',
        'The envelope is for a channel: name one receiver as `target`, or publish it.',
      )
    const id = service.newId('dlv')
    const { priority, deadline, wait, timeout_ms } = input
    // How long the sender waits is not part of what it creates.
    const body = [envelope.id, envelope.digest, target, priority, deadline ?? null]
    const claim = claimKey(service, { ns, key: input.idempotency_key, operation: 'deliveries.send', body, ref: id })
    const call = await calls.sendingOf(ns, envelope, bytes, { id, target, priority, deadline, claim })
    const sent = await sending.submit({ ...call, direct: wait !== 'none' })
    if (sent instanceof SpineError) throw sent
    const row = sent
    if (row.id !== id) warnOfOthers(row, call, caller)
    if (wait === 'none') return toDelivery(row)
    // What is stored stays stored: the breaker only spares the sender a wait for nothing.
    if (row.state === 'ready') breakers.refuseWhenOpen(ns, target, String(row.id))
    const look = () => deliveries.mustFind(ns, String(row.id))
    return toDelivery(await waitForDelivery(service, senders, { row, goal: wait, timeout_ms, look }, caller))
  }

  return {
    send,
    send_many: async ({ items }: Many, caller: Caller) => ({
      results: await Promise.all(items.map((item) => resultOf(send({ ...item, wait: 'none', timeout_ms: 0 }, caller)))),
    }),
  }
}
