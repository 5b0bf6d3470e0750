/** What the model knows of senders and of the dead-letter box: send, publish, hand on, reroute, park, redrive, end. */

import { deliveryDefaults } from '../../protocol/delivery.ts'
import { type Book, type Due, TOLD } from './book.ts'
import { hear } from './breaker-rules.ts'
import { holdsNow, isLate, mayEnd, refusal, settle, told, withAttempt } from './lease-rules.ts'
import { keyOf } from './seen.ts'
import { SIM_MAX_HOPS } from './sim-envelopes.ts'

/** Agents of the simulation: one falls back on another, one reads nothing that is sent today. */
export const agents = ['ada', 'bob', 'cyd', 'old'] as const
export const fallbacks: Readonly<Record<string, string>> = { bob: 'cyd' }
const unable: ReadonlySet<string> = new Set(['old'])

export type SendCall = {
  envelope_id: string
  targets: readonly string[]
  priority: number
  /** Milliseconds. */
  deadline: number | undefined
  channel?: string
  key?: string
  /** Set for a delivery that takes over from another one. */
  rerouted_from?: string
}

/** All of them, or, under a key that stands for another body, none. */
export function send(book: Book, call: SendCall): string {
  const { envelope_id, targets, key } = call
  const body = JSON.stringify({ ...call, key: undefined })
  const earlier = key === undefined ? undefined : book.bodyOf(key)
  if (earlier !== undefined && earlier !== body) return 'IDEMPOTENCY_CONFLICT'
  if (key !== undefined) book.putKey(key, body)
  const rows = targets.map((target) => sendOne(book, call, keyOf(envelope_id, target), target))
  return rows.map((row) => String(row.id)).join(' ')
}

function sendOne(book: Book, call: SendCall, key: string, target: string): Due {
  const standing = book.find(key)
  if (standing) {
    const named = { ...standing, channel: standing.channel ?? call.channel ?? null }
    if (named.channel !== standing.channel) book.put(named)
    return named
  }
  const { now } = book
  const deadline = call.deadline ?? now + deliveryDefaults.deadline_ms
  const state = deadline <= now ? 'expired' : unable.has(target) ? 'parked' : 'ready'
  const row: Due = {
    ...fresh(book, key, call.envelope_id, target, state),
    priority: call.priority,
    deadline,
    channel: call.channel ?? null,
    rerouted_from: call.rerouted_from ?? null,
  }
  book.put(row)
  return row
}

function fresh(book: Book, key: string, envelope_id: string, target: string, state: Due['state']): Due {
  return {
    key,
    // Ids are made by the engine.
    id: book.seen.get(key)?.id ?? TOLD,
    envelope_id,
    target,
    state,
    priority: 1,
    claims: 0,
    attempts: 0,
    max_claims: deliveryDefaults.max_claims,
    max_attempts: deliveryDefaults.max_attempts,
    epoch: 0,
    accepted_epoch: 0,
    token: null,
    last: 'send',
    ready_at: book.now,
    deadline: book.now + deliveryDefaults.deadline_ms,
    lease_until: null,
    lease_ms: null,
    late: 0,
    generation: 0,
    channel: null,
    successor: null,
    rerouted_from: null,
    settled_at: TOLD,
    updated_at: book.now,
  }
}

export type Lease = { id: string; token: string }
export type ForwardCall = {
  lease: Lease
  also: readonly Lease[]
  targets: readonly string[]
  channel?: string
  hopOf(envelope_id: string): number
}

export function forward(book: Book, call: ForwardCall): string {
  const all = [call.lease, ...call.also]
  const rows = all.map(({ id }) => book.byId(id))
  const [main] = rows
  if (!main || rows.includes(undefined)) return 'DELIVERY_NOT_FOUND'
  const found = rows as Due[]
  if (main.token === call.lease.token && main.last === 'forward') return told(main, true)
  if (1 + Math.max(...found.map((row) => call.hopOf(row.envelope_id))) > SIM_MAX_HOPS) {
    const parked = settle(book, { ...call.lease, action: 'refused' })
    return /^[A-Z_]+$/.test(parked) ? parked : 'HOP_LIMIT'
  }
  if (!found.every((row, index) => mayEnd(row, all[index]?.token ?? ''))) return whyNot(found, all)
  const successor = book.seen.get(main.key)?.successor ?? TOLD
  for (const row of found) {
    const late = isLate(book, row) ? 1 : row.late
    const after: Due = {
      ...row,
      state: 'completed',
      ...withAttempt(row),
      last: 'forward',
      successor,
      late,
      lease_until: null,
      updated_at: book.now,
    }
    book.put(after)
    hear(book, after, 'arrived')
  }
  const { targets, channel } = call
  if (successor !== TOLD)
    send(book, {
      envelope_id: successor,
      targets,
      priority: 1,
      deadline: undefined,
      ...(channel === undefined ? {} : { channel }),
    })
  return told(book.find(main.key) as Due)
}

function whyNot(rows: readonly Due[], leases: readonly Lease[]): string {
  for (const [index, row] of rows.entries()) {
    const token = leases[index]?.token ?? ''
    if (holdsNow(row, token)) continue
    const why = refusal(row, token, 'forward')
    if (index === 0 || /^[A-Z_]+$/.test(why)) return why
  }
  return 'LEASE_LOST'
}

/** The fallback that could take it, and has not had it. */
function fallbackOf(book: Book, row: Due): string | undefined {
  const fallback = row.rerouted_from === null ? fallbacks[row.target] : undefined
  return fallback === undefined || book.find(keyOf(row.envelope_id, fallback)) ? undefined : fallback
}

function handOver(book: Book, row: Due, fallback: string, changes: Partial<Due>): Due {
  const { envelope_id } = row
  const from = String(row.id)
  const deadline = row.deadline
  const successor = send(book, {
    envelope_id,
    targets: [fallback],
    priority: row.priority,
    deadline,
    rerouted_from: from,
  })
  const after: Due = { ...row, state: 'rerouted', successor, lease_until: null, updated_at: book.now, ...changes }
  book.put(after)
  return after
}

export function reroute(book: Book, id: string): string {
  const row = book.byId(id)
  if (!row) return 'DELIVERY_NOT_FOUND'
  if (row.state === 'rerouted') return told(row, true)
  if (row.state !== 'ready') return 'WRONG_STATE'
  const fallback = fallbackOf(book, row)
  if (fallback === undefined) return 'NO_FALLBACK'
  const after = handOver(book, row, fallback, { last: 'reroute' })
  hear(book, after, 'exhausted')
  return told(after)
}

export function decline(book: Book, lease: Lease): string {
  const row = book.byId(lease.id)
  const fallback = row && holdsNow(row, lease.token) ? fallbackOf(book, row) : undefined
  if (!row || fallback === undefined) return settle(book, { ...lease, action: 'nack_declined' })
  const after = handOver(book, row, fallback, { ...withAttempt(row), last: 'nack_declined' })
  hear(book, after, 'arrived')
  return told(after)
}

export function park(book: Book, envelope_id: string, target: string): string {
  const key = keyOf(envelope_id, target)
  const row = book.find(key)
  if (!row) {
    const made = fresh(book, key, envelope_id, target, 'parked')
    book.put(made)
    return told(made)
  }
  if (row.state !== 'ready' && row.state !== 'leased') return told(row)
  const after: Due = { ...row, state: 'parked', last: 'park', lease_until: null, updated_at: book.now }
  book.put(after)
  hear(book, after, 'exhausted')
  return told(after)
}

export function cancel(book: Book, id: string): string {
  const row = book.byId(id)
  if (!row) return 'DELIVERY_NOT_FOUND'
  if (row.state === 'cancelled') return told(row, true)
  if (row.state === 'accepted' || row.state === 'completed') return 'ALREADY_ACCEPTED'
  if (row.state !== 'ready' && row.state !== 'leased') return 'WRONG_STATE'
  const after: Due = { ...row, state: 'cancelled', last: 'cancel', lease_until: null, updated_at: book.now }
  book.put(after)
  return told(after)
}

export function redrive(book: Book, id: string, deadline: number | undefined): string {
  const row = book.byId(id)
  if (!row) return 'DELIVERY_NOT_FOUND'
  if (row.state !== 'parked') return 'WRONG_STATE'
  const until = deadline ?? row.deadline
  if (until <= book.now) return 'DEADLINE_PASSED'
  const after: Due = {
    ...row,
    state: 'ready',
    last: 'redrive',
    generation: row.generation + 1,
    claims: 0,
    attempts: 0,
    ready_at: book.now,
    deadline: until,
    token: null,
    updated_at: book.now,
  }
  book.put(after)
  return told(after)
}

export function discard(book: Book, id: string): string {
  const row = book.byId(id)
  if (!row) return 'DELIVERY_NOT_FOUND'
  if (row.state !== 'parked') return 'WRONG_STATE'
  const after: Due = { ...row, state: 'discarded', last: 'discard', updated_at: book.now }
  book.put(after)
  return told(after)
}
