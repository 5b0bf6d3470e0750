/** Deliveries: send, receive, settle, park. The statements decide; this room turns their answers into the contract's. */

import type { z } from 'zod'
import type { contract, ReceivedDelivery, settleItem } from '../protocol/contract.ts'
import { type Delivery, deliveryDefaults } from '../protocol/delivery.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { SpineError, spineError } from '../protocol/errors.ts'
import { priorities, toMs } from '../protocol/scalars.ts'
import { canRead } from '../protocol/versions.ts'
import { createCoalescer } from '../store/coalescer.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/deliveries.ts'
import { isDataFault } from '../store/statement-error.ts'
import type { Agents } from './agents.ts'
import type { Caller, Service } from './context.ts'
import { toDelivery } from './documents.ts'
import type { Envelopes } from './envelopes.ts'
import { claimKey } from './idempotency.ts'
import type { Inbox } from './inbox.ts'
import { createReceiving } from './receiving.ts'
import type { Senders } from './senders.ts'
import { createSending, overloaded, type Sending } from './sending.ts'
import { isRepeat, type SettleAction } from './settlement.ts'

type In<N extends keyof typeof contract.deliveries> = z.output<(typeof contract.deliveries)[N]['input']>

type Settle = {
  ns: string
  id: string
  token: string
  action: SettleAction
  lease_ms: number | null
  delay_ms: number | null
  reason: string | null
  output: string | null
}

export type Deliveries = ReturnType<typeof createDeliveries>

export function createDeliveries(
  service: Service,
  rooms: { envelopes: Envelopes; agents: Agents; inbox: Inbox; senders: Senders },
) {
  const { database, clock, chance, newId } = service
  const { dialect } = database
  const { envelopes, agents, inbox, senders } = rooms
  const sending = createSending(service, envelopes, inbox)

  const rowsById = async (keys: readonly { ns: string; id: string }[]): Promise<Map<string, Row>> => {
    const tables = await Promise.all(sql.deliveriesById(dialect, keys).map((statement) => database.read(statement)))
    return new Map(tables.flat().map((row) => [`${row.ns}\n${row.id}`, row]))
  }

  const mustFind = async (ns: string, id: string): Promise<Row> => {
    const row = (await rowsById([{ ns, id }])).get(`${ns}\n${id}`)
    if (!row) throw new SpineError('DELIVERY_NOT_FOUND', `There is no delivery ${id} in namespace ${ns}.`, { id })
    return row
  }

  /** Those who wait hear of every move, here and by the sweeper. */
  const moved = (row: Row): void => {
    senders.moved(row)
    if (row.state === 'ready') inbox.hint(String(row.ns), String(row.target))
  }

  const settling = createCoalescer<Settle, { row: Row; duplicate: boolean } | SpineError>({
    run: async (batch) => {
      const rows = batch.map((settle) => ({
        ...settle,
        chance: Math.floor(chance.uniform() * 1_000_000),
        reason_json: settle.reason === null ? null : JSON.stringify(settle.reason),
      }))
      const tables = await database.write(sql.settleDeliveries(dialect, rows, { now: clock.now() }))
      const settled = new Map(tables.flat().map((row) => [`${row.ns}\n${row.id}`, row]))
      const others = batch.filter(({ ns, id }) => !settled.has(`${ns}\n${id}`))
      const found = others.length ? await rowsById(others) : new Map<string, Row>()
      for (const row of settled.values()) moved(row)
      return batch.map((settle) => {
        const row = settled.get(`${settle.ns}\n${settle.id}`)
        if (row) return { row, duplicate: false }
        try {
          const standing = found.get(`${settle.ns}\n${settle.id}`)
          return { row: standing as Row, duplicate: isRepeat(standing, settle) }
        } catch (error) {
          return error as SpineError
        }
      })
    },
    key: ({ ns, id }) => `${ns}\n${id}`,
    lanes: dialect.max_lanes,
    overflow: overloaded,
    splittable: isDataFault,
  })

  const settle = async (ns: string, item: z.output<typeof settleItem>): Promise<Delivery> => {
    const { id, lease_token: token } = item
    const nothing = { lease_ms: null, delay_ms: null, reason: null, output: null }
    const call: Settle =
      item.action === 'nack'
        ? {
            ...nothing,
            ns,
            id,
            token,
            action: item.kind === 'fatal' ? 'nack_fatal' : 'nack_retry',
            reason: item.reason,
            delay_ms: item.delay_ms ?? null,
          }
        : {
            ...nothing,
            ns,
            id,
            token,
            action: item.action,
            ...('lease_ms' in item && item.lease_ms !== undefined ? { lease_ms: item.lease_ms } : {}),
            ...('output' in item && item.output !== undefined ? { output: JSON.stringify(item.output) } : {}),
          }
    const answer = await settling.submit(call)
    if (answer instanceof SpineError) throw answer
    return { ...toDelivery(answer.row), ...(answer.duplicate ? { duplicate: true } : {}) }
  }

  const receiving = createReceiving(service, { envelopes, inbox }, (ns, item) => settle(ns, item))

  /** Parked at once where the receiver could not use it: no version it reads, or more than its window. */
  const unreadable = async (ns: string, target: string, envelope: Envelope): Promise<string | undefined> => {
    const profile = await agents.profile(ns, target)
    if (!profile) return undefined
    if (!canRead(profile.accepts_versions, envelope.envelope_version))
      return `${target} reads versions ${profile.accepts_versions?.join(', ')}, the envelope has ${envelope.envelope_version}`
    const window = profile.context_window === undefined ? undefined : profile.context_window - profile.reserved_tokens
    if (window !== undefined && envelope.token_count > window)
      return `${target} has room for ${window} tokens, the envelope has ${envelope.token_count}`
    return undefined
  }

  const deadlineOf = (call: string | undefined, envelope: Envelope): number => {
    const constraint = envelope.constraints.deadline
    const given = call ?? envelope.deadline ?? (typeof constraint === 'string' ? constraint : undefined)
    const at = given === undefined ? Number.NaN : toMs(given)
    return Number.isNaN(at) ? clock.now() + deliveryDefaults.deadline_ms : at
  }

  const send = async (input: In<'send'>, caller: Caller): Promise<Delivery> => {
    const { ns } = caller
    if ((input.envelope_id === undefined) === (input.envelope === undefined))
      throw new SpineError('INVALID_INPUT', 'Give the envelope either by `envelope_id` or whole as `envelope`.')
    const whole = input.envelope && envelopes.checkForeign(input.envelope)
    if (whole && caller.agent !== undefined && whole.envelope.source_agent !== caller.agent)
      throw new SpineError(
        'FORBIDDEN',
        `The key is that of ${caller.agent}; the envelope is from ${whole.envelope.source_agent}.`,
      )
    const envelope = whole?.envelope ?? (await envelopes.mustFind(ns, input.envelope_id ?? ''))
    const target = input.target ?? envelope.target_agent
    if (target === 'broadcast')
      throw new SpineError(
        'INVALID_INPUT',
        'The envelope is for a channel: name one receiver as `target`, or publish it.',
      )
    const parked = await unreadable(ns, target, envelope)
    const deadline = deadlineOf(input.deadline, envelope)
    const expired = deadline <= clock.now()
    const id = newId('dlv')
    const claim = claimKey(service, {
      ns,
      key: input.idempotency_key,
      operation: 'deliveries.send',
      body: [envelope.id, envelope.digest, target],
      ref: id,
    })
    const call: Sending = {
      ns,
      id,
      envelope,
      bytes: whole?.bytes,
      target,
      priority: priorities.indexOf(input.priority),
      deadline,
      state: expired ? 'expired' : parked ? 'parked' : 'ready',
      reason: expired ? 'the deadline passed before it was sent' : parked,
      claim,
    }
    const sent = await sending.submit(call)
    if (sent instanceof SpineError) throw sent
    const row = 'row' in sent ? sent.row : await mustFind(ns, sent.earlier)
    if (input.wait === 'none') return toDelivery(row)
    return toDelivery(await waitFor(row, input.wait, input.timeout_ms, caller))
  }

  /** Waits until the delivery is where the sender wants it, or cannot get there any more. */
  const waitFor = async (
    row: Row,
    goal: 'accepted' | 'completed',
    timeout_ms: number,
    { ns, signal }: Caller,
  ): Promise<Row> => {
    const pending = goal === 'accepted' ? ['ready', 'leased'] : ['ready', 'leased', 'accepted']
    if (!pending.includes(String(row.state))) return row
    const id = String(row.id)
    const { promise, resolve, reject } = Promise.withResolvers<Row>()
    const stopWatching = senders.watch(ns, id, (now) => !pending.includes(String(now.state)) && resolve(now))
    const timeOut = () => {
      void database.write([sql.noteTimeout(dialect, { ns, id, now: clock.now() })]).catch(() => {})
      reject(
        spineError(
          'ACK_TIMEOUT',
          `${row.target} did not get to ${goal} within ${timeout_ms} ms; the delivery is ${row.state}.`,
          { delivery_id: id, timeout_ms },
        ),
      )
    }
    const stopTimer = clock.after(timeout_ms, timeOut)
    const abort = () =>
      reject(new SpineError('SHUTTING_DOWN', 'The wait was ended; the delivery stays as it is.', { delivery_id: id }))
    signal?.addEventListener('abort', abort, { once: true })
    try {
      // It may have moved between the commit and the watch.
      const now = await mustFind(ns, id)
      return pending.includes(String(now.state)) ? await promise : now
    } finally {
      stopWatching()
      stopTimer()
      signal?.removeEventListener('abort', abort)
    }
  }

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
      deadline: deadlineOf(undefined, envelope),
      reason,
      history: `${JSON.stringify({ at: now, event: 'park', reason })}\n`,
      key: null,
      owner: null,
    }
    const { max_claims, max_attempts } = deliveryDefaults
    const tables = await database.write([
      sql.parkDelivery(dialect, { ns, envelope_id, target, reason, reason_json: JSON.stringify(reason), now }),
      ...sql.sendDeliveries(dialect, [make], { now, max_claims, max_attempts }),
      ...sql.sentDeliveries(dialect, [make]),
    ])
    const row = tables.at(-1)?.[0] as Row
    moved(row)
    const accepted = row.state === 'accepted' || row.state === 'completed'
    return { ...toDelivery(row), ...(accepted ? { code: 'ALREADY_ACCEPTED' as const } : {}) }
  }

  return {
    moved,
    rowsById,
    operations: {
      send,
      receive: async (
        { agent, ...wanted }: In<'receive'>,
        caller: Caller,
      ): Promise<{ deliveries: ReceivedDelivery[] }> => {
        if (caller.agent !== undefined && caller.agent !== agent)
          throw new SpineError('FORBIDDEN', `The key is that of ${caller.agent}; it cannot receive for ${agent}.`)
        await agents.see(caller.ns, agent)
        return { deliveries: await receiving.receive(agent, wanted, caller) }
      },
      accept: (input: In<'accept'>, { ns }: Caller) => settle(ns, { action: 'accept', ...input }),
      complete: (input: In<'complete'>, { ns }: Caller) => settle(ns, { action: 'complete', ...input }),
      nack: (input: In<'nack'>, { ns }: Caller) => settle(ns, { action: 'nack', ...input }),
      release: (input: In<'release'>, { ns }: Caller) => settle(ns, { action: 'release', ...input }),
      heartbeat: (input: In<'heartbeat'>, { ns }: Caller) => settle(ns, { action: 'heartbeat', ...input }),
      settle: async ({ items }: In<'settle'>, { ns }: Caller) => ({
        results: await Promise.all(
          items.map((item) =>
            settle(ns, item).then(
              (delivery) => ({ delivery }),
              (error: unknown) => {
                if (error instanceof SpineError)
                  return { error: { code: error.code, detail: error.message, ...error.extra } }
                throw error
              },
            ),
          ),
        ),
      }),
      park,
      get: async ({ id }: In<'get'>, { ns }: Caller) => toDelivery(await mustFind(ns, id)),
      list: async ({ target, state, envelope_id, limit, after }: In<'list'>, { ns }: Caller) => {
        const filters = { target: target ?? null, state: state ?? null, envelope_id: envelope_id ?? null }
        const rows = await database.read(sql.listDeliveries(dialect, { ns, ...filters, before: after ?? null, limit }))
        const last = rows.length === limit ? rows.at(-1) : undefined
        return { deliveries: rows.map(toDelivery), ...(last ? { next: String(last.id) } : {}) }
      },
    },
  }
}
