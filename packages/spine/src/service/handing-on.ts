/**
 * Handing on: one delivery ends and the next begins in the same commit. `forward` completes and sends what the agent
 * made; `decline` and `reroute` send the same envelope to the fallback agent. The insert of what follows is guarded by
 * the row that names it as its successor, so that an overtaken lease hands on nothing.
 */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import type { Delivery } from '../protocol/delivery.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { toIso } from '../protocol/scalars.ts'
import type { Row, Statement } from '../store/database.ts'
import { declineDelivery, forwardDeliveries, nameSuccessor, rerouteDelivery } from '../store/handing-on.ts'
import type { Agents } from './agents.ts'
import type { Assembly } from './assembly.ts'
import type { Breakers } from './breakers.ts'
import type { Caller, Service } from './context.ts'
import type { Deliveries } from './deliveries.ts'
import { toDelivery } from './documents.ts'
import type { Envelopes } from './envelopes.ts'
import type { Sending, SendingRoom } from './sending.ts'
import type { SendingCalls } from './sending-call.ts'
import type { Settling } from './settling.ts'
import { isRepeat, refuseStranger } from './unmoved.ts'

type In<N extends keyof typeof contract.deliveries> = z.output<(typeof contract.deliveries)[N]['input']>
type Rooms = {
  envelopes: Envelopes
  agents: Agents
  assembly: Assembly
  deliveries: Deliveries
  settling: Settling
  sending: SendingRoom
  calls: SendingCalls
  breakers: Breakers
}
type Forwarded = { delivery: Delivery; envelope: Envelope; deliveries: Delivery[] }

/** What ends the way of the work, not the call: the incoming delivery is parked, so that the work is not lost. */
const endsTheWay = new Set(['HOP_LIMIT', 'CYCLE'])

const outputOf = ({ output }: In<'forward'>) => (output === undefined ? null : JSON.stringify(output))

export function handingOnOperations(service: Service, rooms: Rooms) {
  const { database, clock, newId } = service
  const { dialect } = database
  const { envelopes, agents, assembly, deliveries, settling, sending, calls, breakers } = rooms

  const receiversOf = async (
    input: In<'forward'>,
    ns: string,
    agent: string,
  ): Promise<{ target: string; receivers: string[] }> => {
    const { handoff, channel, receivers } = input
    if (channel !== undefined) {
      if (!receivers) throw new SpineError('INVALID_INPUT', 'A forward to a channel names its `receivers`.')
      return { target: 'broadcast', receivers: [...new Set(receivers)].sort() }
    }
    const target = handoff.target_agent ?? (await agents.profile(ns, agent))?.next_agent
    if (target === undefined)
      throw new SpineError(
        'INVALID_INPUT',
        `Name the \`target_agent\`, or set \`next_agent\` in the profile of ${agent}.`,
      )
    if (target === 'broadcast')
      throw new SpineError('INVALID_INPUT', 'A forward to a channel names it, and its `receivers`.')
    return { target, receivers: [target] }
  }

  /** The answer of a forward that an earlier call has made already. */
  const forwardedBefore = async (ns: string, row: Row): Promise<Forwarded> => {
    const envelope = await envelopes.mustFind(ns, String(row.successor))
    const sent = await deliveries.listOf(ns, { envelope_id: envelope.id, limit: 1_000 })
    const inOrder = sent.toSorted((left, right) => (left.target < right.target ? -1 : 1))
    return { delivery: { ...toDelivery(row), duplicate: true }, envelope, deliveries: inOrder }
  }

  const assembleNext = async (input: In<'forward'>, row: Row, target: string, caller: Caller) => {
    const ids = [input.id, ...input.also.map((other) => other.id)]
    const output = outputOf(input)
    const { handoff } = input
    const call = { ...handoff, target_agent: target, source_agent: String(row.target), previous: ids }
    try {
      return await assembly.assemble(newId('env'), call, caller, { id: input.id, output })
    } catch (error) {
      if (error instanceof SpineError && endsTheWay.has(error.code)) {
        const path = (error.extra.path as string[] | undefined)?.join(' > ')
        const reason = `${error.code}: ${error.message}${path ? ` Path: ${path}.` : ''}`.slice(0, 2_000)
        const { ns, agent } = caller
        const lease = { ns, agent, id: input.id, token: input.lease_token }
        const nothing = { lease_ms: null, delay_ms: null, output: null }
        try {
          await settling.submit({ ...lease, action: 'refused', reason, ...nothing })
        } catch (refusal) {
          // It moved since it was looked at, perhaps by a faster repeat of this call.
          if (refusal instanceof SpineError && !refusal.retryable) return undefined
          throw refusal
        }
      }
      throw error
    }
  }

  const forward = async (input: In<'forward'>, caller: Caller): Promise<Forwarded> => {
    const { ns } = caller
    const incoming = await deliveries.mustFind(ns, input.id)
    refuseStranger(incoming, caller.agent)
    if (caller.agent !== undefined && input.also.length > 0)
      for (const row of (await deliveries.rowsById(input.also.map(({ id }) => ({ ns, id })))).values())
        refuseStranger(row, caller.agent)
    if (incoming.token === input.lease_token && incoming.last === 'forward') return forwardedBefore(ns, incoming)
    const { target, receivers } = await receiversOf(input, ns, String(incoming.target))
    const made = await assembleNext(input, incoming, target, caller)
    if (!made) return refusedOrRepeated(input, ns)
    const held = [
      {
        ns,
        id: input.id,
        token: input.lease_token,
        output: outputOf(input),
      },
      ...input.also.map((other) => ({ ns, id: other.id, token: other.lease_token, output: null })),
    ].sort((left, right) => (left.id < right.id ? -1 : 1))
    const before: Statement[] = [
      ...forwardDeliveries(dialect, held, { successor: made.envelope.id, count: held.length, now: clock.now() }),
      ...assembly.statementsOf(ns, made, undefined, input.id),
    ]
    const batch = await Promise.all(
      receivers.map(async (receiver): Promise<Sending> => {
        const wanted = {
          id: newId('dlv'),
          target: receiver,
          priority: input.priority,
          deadline: input.handoff.deadline,
          published: input.channel === undefined ? undefined : { emitted: made.forms.map(({ version }) => version) },
        }
        const call = await calls.sendingOf(ns, made.envelope, undefined, wanted)
        const after = { id: input.id, successor: made.envelope.id }
        return { ...call, after, ...(input.channel === undefined ? {} : { channel: input.channel }) }
      }),
    )
    const { sent, answers } = await sending.commit(batch, before)
    const ended = (answers[0] ?? []).find((row) => row.id === input.id)
    if (!ended) return refusedOrRepeated(input, ns)
    envelopes.keep(ns, made.envelope, made.bytes)
    const all = answers[0] ?? []
    await breakers.observe(all.map((row) => ({ row, outcome: 'arrived' })))
    for (const row of all) deliveries.moved(row)
    const rows = sent.filter((answer) => !(answer instanceof SpineError)) as Row[]
    return { delivery: toDelivery(ended), envelope: made.envelope, deliveries: rows.map(toDelivery) }
  }

  /** Nothing was moved: a faster repeat of this call, or one of the leases is lost. */
  const refusedOrRepeated = async (input: In<'forward'>, ns: string): Promise<Forwarded> => {
    const rows = await deliveries.rowsById([input, ...input.also].map(({ id }) => ({ ns, id })))
    for (const { id, lease_token: token } of [input, ...input.also]) {
      const row = rows.get(`${ns}\n${id}`)
      const held = row?.token === token && (row.state === 'leased' || row.state === 'accepted')
      if (!held && isRepeat(row, { id, token, action: 'forward' }) && id === input.id)
        return forwardedBefore(ns, row as Row)
    }
    throw new SpineError('LEASE_LOST', `Delivery ${input.id} was not handed on: one of the leases has ended.`, {
      id: input.id,
    })
  }

  /** The fallback of a target that could take this envelope and has not had it; fallbacks are followed once. */
  const fallbackFor = async (ns: string, row: Row, envelope: Envelope): Promise<string | undefined> => {
    if (row.rerouted_from !== null) return undefined
    const fallback = (await agents.profile(ns, String(row.target)))?.fallback_agent
    if (fallback === undefined || fallback === row.target) return undefined
    if (await calls.unusable(ns, fallback, envelope)) return undefined
    const had = await deliveries.listOf(ns, { envelope_id: envelope.id, target: fallback, limit: 1 })
    return had.length > 0 ? undefined : fallback
  }

  const toFallback = async (
    ns: string,
    row: Row,
    envelope: Envelope,
    fallback: string,
    end: (successor: string) => Statement,
  ) => {
    const id = newId('dlv')
    const priority = toDelivery(row).priority
    const deadline = toIso(Number(row.deadline))
    const call = await calls.sendingOf(ns, envelope, undefined, { id, target: fallback, priority, deadline })
    const from = String(row.id)
    const next = { ...call, rerouted_from: from, after: { id: from, successor: id } }
    const { sent, answers } = await sending.commit(
      [next],
      [end(id)],
      [nameSuccessor(dialect, { ns, id: from, successor: id, fallback })],
    )
    const ended = answers[0]?.[0]
    const [answer] = sent
    if (!ended || !answer || answer instanceof SpineError) return undefined
    const named: Row = { ...ended, successor: String(answer.id) }
    deliveries.moved(named)
    return { ended: named, next: answer }
  }

  const reroute = async (
    { id, reason }: In<'reroute'>,
    caller: Caller,
  ): Promise<{ delivery: Delivery; next: Delivery }> => {
    const { ns } = caller
    const row = await deliveries.mustFind(ns, id)
    if (row.state === 'rerouted' && row.successor !== null)
      return {
        delivery: { ...toDelivery(row), duplicate: true },
        next: toDelivery(await deliveries.mustFind(ns, String(row.successor))),
      }
    if (row.state !== 'ready')
      throw new SpineError('WRONG_STATE', `Delivery ${id} is ${row.state}: only a ready one is rerouted.`, {
        id,
        state: row.state,
      })
    const envelope = await envelopes.mustFind(ns, String(row.envelope_id))
    const fallback = await fallbackFor(ns, row, envelope)
    if (fallback === undefined) {
      // It may have been rerouted to just that agent since the look.
      if ((await deliveries.mustFind(ns, id)).state !== 'ready') return reroute({ id, reason }, caller)
      throw new SpineError('NO_FALLBACK', `${row.target} has no fallback agent that could take this envelope.`, {
        target: row.target,
      })
    }
    const named = { ns, id, reason, reason_json: JSON.stringify(reason), now: clock.now() }
    const moved = await toFallback(ns, row, envelope, fallback, (successor) =>
      rerouteDelivery(dialect, { ...named, successor, fallback }),
    )
    // It moved between the look and the write, or its fallback was sent the same: look again.
    if (!moved) return reroute({ id, reason }, caller)
    await breakers.observe([{ row: moved.ended, outcome: 'exhausted' }])
    return { delivery: toDelivery(moved.ended), next: toDelivery(moved.next) }
  }

  /** The receiver declines: its fallback gets the envelope, else it is parked. */
  const decline = async (input: In<'nack'>, caller: Caller): Promise<Delivery> => {
    const { ns } = caller
    const { id, lease_token: token, reason } = input
    const row = await deliveries.mustFind(ns, id)
    refuseStranger(row, caller.agent)
    const held = row.token === token && (row.state === 'leased' || row.state === 'accepted')
    // Answered by this look: a late accept may give the lease back before a write, which would not know the fallback.
    if (!held && isRepeat(row, { id, token, action: 'nack_declined' })) return { ...toDelivery(row), duplicate: true }
    const envelope = await envelopes.mustFind(ns, String(row.envelope_id))
    const fallback = await fallbackFor(ns, row, envelope)
    if (fallback === undefined) return settling.settle(caller, { action: 'nack', ...input })
    const named = { ns, id, token, reason, reason_json: JSON.stringify(reason), now: clock.now() }
    const moved = await toFallback(ns, row, envelope, fallback, (successor) =>
      declineDelivery(dialect, { ...named, successor, fallback }),
    )
    // It moved between the look and the write, or its fallback was sent the same: look again.
    if (!moved) return decline(input, caller)
    await breakers.observe([{ row: moved.ended, outcome: 'arrived' }])
    return toDelivery(moved.ended)
  }

  return { forward, reroute, decline }
}
