// The judge of all faults: what is right passes, and every kind of violation is seen when it is planted.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery } from '../../protocol/delivery.ts'
import { check, type Evidence } from './checker.ts'
import type { Event, Told } from './history.ts'

const namespace = 'blue'
const envelope_id = 'env-1'
const digest = 'sha256:1'
const delivery_id = 'dlv-1'
const receivers = ['coder']

const rowOf = (changes: Partial<Delivery> = {}) =>
  ({
    id: delivery_id,
    envelope_id,
    target: 'coder',
    state: 'completed',
    attempts: 1,
    namespace,
    ...changes,
  }) as Evidence['ledger'][number]

/** Calls one after another, each answered with `ok` before the next begins, unless it says otherwise. */
function eventsOf(...calls: (Partial<Told> & { op: Told['op']; kind?: Event['kind'] })[]): Event[] {
  return calls.flatMap(({ kind = 'ok', ...told }, index) => {
    const event = { namespace, envelope_id, ...told, call: index }
    return [
      { ...event, kind: 'invoke' as const, at: 2 * index },
      { ...event, kind, at: 2 * index + 1 },
    ]
  })
}

const send = { op: 'send', digest, receivers } as const
const receive = { op: 'receive', digest, delivery_id, epoch: 1, leased_at: 1_000, lease_until: 2_000 } as const
const accept = { op: 'accept', delivery_id, epoch: 1, lease_until: 3_000 } as const
const complete = { op: 'complete', delivery_id, epoch: 1 } as const

const countsOf = (evidence: Partial<Evidence>) => {
  const { counts } = check({ events: [], ledger: [], effects: [], ...evidence })
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}

test('a delivery that went its way is no violation, nor is a repeat, nor a new lease after the old one', () => {
  const events = eventsOf(
    send,
    receive,
    accept,
    { ...receive, epoch: 2, leased_at: 3_001, lease_until: 4_000 },
    { ...complete, kind: 'fail' },
    { ...complete, epoch: 2 },
    { ...complete, epoch: 2, duplicate: true },
  )
  assert.deepEqual(countsOf({ events, ledger: [rowOf()], effects: [{ envelope_id, receiver: 'coder' }] }), {})
})

test('a lease that its holder may have handed back is not promised any more', () => {
  const nack = { op: 'nack', delivery_id, epoch: 1, kind: 'info' } as const
  const events = eventsOf(send, receive, accept, nack, { ...receive, epoch: 2, leased_at: 1_500, lease_until: 2_500 })
  assert.deepEqual(countsOf({ events, ledger: [rowOf()] }), {})
})

test('a send of unknown outcome may be there or not', () => {
  const events = eventsOf({ ...send, kind: 'info' })
  assert.deepEqual(countsOf({ events }), {})
  assert.deepEqual(countsOf({ events, ledger: [rowOf()] }), {})
})

const violations: Record<string, [kind: string, evidence: Partial<Evidence>]> = {
  'an acknowledged send that is not in the ledger': ['lost', { events: eventsOf(send) }],
  'a broadcast that was stored in part, whatever its sender was told': [
    'lost',
    { events: eventsOf({ ...send, op: 'publish', receivers: ['coder', 'writer'], kind: 'info' }), ledger: [rowOf()] },
  ],
  'an envelope stored twice for one receiver': [
    'dup_effects',
    { events: eventsOf(send), ledger: [rowOf(), rowOf({ id: 'dlv-2' })] },
  ],
  'an envelope that nobody sent': ['phantom', { events: eventsOf(receive) }],
  'an envelope with another digest': [
    'mutated',
    { events: eventsOf(send, { ...receive, digest: 'sha256:2' }), ledger: [rowOf()] },
  ],
  'an envelope that gives another digest when it is read back': [
    'mutated',
    { events: eventsOf(send), ledger: [rowOf()], digests: new Map([[envelope_id, 'sha256:2']]) },
  ],
  'an envelope of another namespace': [
    'cross_tenant',
    { events: eventsOf(send, { ...receive, namespace: 'green' }), ledger: [rowOf()] },
  ],
  'an effect that was made twice': ['dup_effects', { effects: [1, 2].map(() => ({ envelope_id, receiver: 'coder' })) }],
  'a call of an older lease that counts after one of a newer lease': [
    'double_leases',
    { events: eventsOf(send, receive, { ...receive, epoch: 2, leased_at: 2_000 }, accept), ledger: [rowOf()] },
  ],
  'a lease that begins while another one is promised': [
    'double_leases',
    { events: eventsOf(send, receive, accept, { ...receive, epoch: 2, leased_at: 2_500 }), ledger: [rowOf()] },
  ],
  'a delivery that was completed twice': [
    'double_leases',
    { events: eventsOf(send, receive, complete, complete), ledger: [rowOf()] },
  ],
  'a delivery that is still under way after the drain': ['stuck', { ledger: [rowOf({ state: 'leased' })] }],
  'a delivery with more attempts than allowed': ['over_attempts', { ledger: [rowOf({ attempts: 4 })] }],
}

for (const [words, [kind, evidence]] of Object.entries(violations))
  test(`${words} is seen as ${kind}`, () => assert.deepEqual(countsOf(evidence), { [kind]: 1 }))
