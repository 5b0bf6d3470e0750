/** Channels: one envelope to several receivers. All deliveries are stored in one commit, or none is. */

import type { z } from 'zod'
import type { Publication } from '../protocol/channel.ts'
import type { contract } from '../protocol/contract.ts'
import { terminalStates } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import { toIso } from '../protocol/scalars.ts'
import { deliveriesByReceiver, listChannels } from '../store/channels.ts'
import type { Row } from '../store/database.ts'
import type { Caller, Service } from './context.ts'
import type { Deliveries } from './deliveries.ts'
import { toDelivery } from './documents.ts'
import { claimKey } from './idempotency.ts'
import type { Senders } from './senders.ts'
import type { SendingRoom } from './sending.ts'
import type { SendingCalls } from './sending-call.ts'
import { hasArrived, waitForDelivery } from './waiting.ts'

type In<N extends keyof typeof contract.channels> = z.output<(typeof contract.channels)[N]['input']>
type Rooms = { deliveries: Deliveries; calls: SendingCalls; sending: SendingRoom; senders: Senders }

const resting = new Set<unknown>([...terminalStates, 'parked'])

export function channelOperations(service: Service, { deliveries, calls, sending, senders }: Rooms) {
  const { database, newId } = service
  const { dialect } = database

  /** What was published to the channel, and what these receivers had of the same envelope by another way. */
  const rowsOf = async (
    ns: string,
    channel: string,
    envelope_id: string,
    receivers: readonly string[] = [],
  ): Promise<Row[]> => {
    const asked = new Set<unknown>(receivers)
    const rows = await database.read(deliveriesByReceiver(dialect, { ns, envelope_id }))
    return rows.filter((row) => row.channel === channel || asked.has(row.target))
  }

  const publicationOf = (channel: string, envelope_id: string, rows: readonly Row[]): Publication => {
    const settled = rows.every((row) => resting.has(row.state))
    const not_completed = settled
      ? rows.filter((row) => row.state !== 'completed').map((row) => String(row.target))
      : []
    return { channel, envelope_id, deliveries: rows.map(toDelivery), settled, not_completed }
  }

  const publish = async (input: In<'publish'>, caller: Caller): Promise<Publication> => {
    const { ns } = caller
    const { channel } = input
    const { envelope, bytes } = await calls.envelopeOf(input, caller)
    const receivers = [...new Set(input.receivers)]
    const body = [channel, envelope.id, envelope.digest, receivers, input.priority, input.deadline ?? null]
    const claim = claimKey(service, {
      ns,
      key: input.idempotency_key,
      operation: 'channels.publish',
      body,
      ref: envelope.id,
    })
    const { priority, deadline } = input
    const batch = await Promise.all(
      receivers.toSorted().map(async (target) => {
        const wanted = { id: newId('dlv'), target, priority, deadline, claim, published: {} }
        return { ...(await calls.sendingOf(ns, envelope, bytes, wanted)), channel, direct: input.wait !== 'none' }
      }),
    )
    const { sent } = await sending.commit(batch)
    const refusal = sent.find((answer) => answer instanceof SpineError)
    if (refusal) throw refusal
    const rows = () => rowsOf(ns, channel, envelope.id, receivers)
    if (input.wait !== 'none') await waitFor(await rows(), input, caller)
    return publicationOf(channel, envelope.id, await rows())
  }

  /** Ends when all or any of them got there, or the time is up: the publication then says who did not. */
  const waitFor = async (
    rows: readonly Row[],
    { wait, goal, timeout_ms }: In<'publish'>,
    caller: Caller,
  ): Promise<void> => {
    // With the first that got there the wait for the others is over: they did not fail to answer in time.
    const enough = new AbortController()
    const signal = AbortSignal.any([enough.signal, ...(caller.signal ? [caller.signal] : [])])
    const arrive = async (row: Row): Promise<void> => {
      const look = () => deliveries.mustFind(caller.ns, String(row.id))
      const end = await waitForDelivery(service, senders, { row, goal, timeout_ms, look }, { ...caller, signal })
      if (!hasArrived(end, goal)) throw new Error('it did not get there')
    }
    const waits = rows.map(arrive)
    await (wait === 'any' ? Promise.any(waits).catch(() => {}) : Promise.allSettled(waits))
    enough.abort()
  }

  return {
    publish,
    status: async ({ channel, envelope_id }: In<'status'>, { ns }: Caller): Promise<Publication> => {
      const rows = await rowsOf(ns, channel, envelope_id)
      if (rows.length === 0)
        throw new SpineError('ENVELOPE_NOT_FOUND', `Envelope ${envelope_id} was not published to ${channel}.`, {
          envelope_id,
        })
      return publicationOf(channel, envelope_id, rows)
    },
    list: async ({ limit, after }: In<'list'>, { ns }: Caller) => {
      const rows = await database.read(listChannels(dialect, { ns, after: after ?? null, limit }))
      const last = rows.length === limit ? rows.at(-1) : undefined
      const channels = rows.map((row) => ({
        name: String(row.channel),
        publications: Number(row.publications),
        last_published_at: toIso(Number(row.last_published_at)),
      }))
      return { channels, ...(last ? { next: String(last.channel) } : {}) }
    },
  }
}
