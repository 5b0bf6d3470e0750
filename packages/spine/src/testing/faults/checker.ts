/**
 * The one judge of all faults: holds what the clients were told against what stands in the ledger and what their
 * effects left behind. Offline: it looks at finished records only, and asks nobody.
 */

import { type Delivery, deliveryDefaults, terminalStates } from '../../protocol/delivery.ts'
import type { Effect } from './effects.ts'
import type { Event } from './history.ts'
import { createFindings, type Findings, type Outcome } from './outcome.ts'

export type Evidence = {
  events: readonly Event[]
  /** Every delivery of every namespace, read after the drain. */
  ledger: readonly (Delivery & { namespace: string })[]
  effects: readonly Effect[]
  /** Envelopes that were read back after all: what their bytes give. */
  digests?: ReadonlyMap<string, string>
}

type Sent = { namespace: string; digest: string; receivers: readonly string[]; acknowledged: boolean }

export function check({ events, ledger, effects, digests = new Map() }: Evidence): Outcome {
  const findings = createFindings()
  const sent = sentEnvelopes(events)
  checkSends(findings, sent, ledger)
  checkReceived(findings, sent, events)
  checkLeases(findings, events)
  checkEffects(findings, effects)
  for (const [envelope_id, digest] of digests)
    if (sent.get(envelope_id)?.digest !== digest) findings.add('mutated', `envelope ${envelope_id}, read back`)
  for (const { id, state, attempts } of ledger) {
    if (!terminalStates.includes(state) && state !== 'parked') findings.add('stuck', `delivery ${id} is ${state}`)
    if (attempts > deliveryDefaults.max_attempts) findings.add('over_attempts', `delivery ${id}: ${attempts} attempts`)
  }
  return findings.outcome(events.length)
}

function sentEnvelopes(events: readonly Event[]): Map<string, Sent> {
  const sent = new Map<string, Sent>()
  for (const { op, kind, envelope_id, namespace, digest = '', receivers = [] } of events) {
    if (op !== 'send' && op !== 'publish') continue
    const before = sent.get(envelope_id)
    const acknowledged = kind === 'ok' || before?.acknowledged === true
    sent.set(envelope_id, { namespace, digest, receivers, acknowledged })
  }
  return sent
}

/** What was acknowledged is there, whatever was stored is there in full, and nothing is there twice. */
function checkSends(findings: Findings, sent: ReadonlyMap<string, Sent>, ledger: Evidence['ledger']): void {
  const stored = Map.groupBy(ledger, ({ envelope_id }) => envelope_id)
  for (const [envelope_id, { receivers, acknowledged }] of sent) {
    const found = stored.get(envelope_id) ?? []
    const missing = receivers.filter((receiver) => !found.some(({ target }) => target === receiver))
    if (missing.length > 0 && (acknowledged || missing.length < receivers.length))
      findings.add('lost', `envelope ${envelope_id} to ${missing.join(', ')}`)
    if (found.length > receivers.length) findings.add('dup_effects', `envelope ${envelope_id} was stored twice`)
  }
}

function checkReceived(findings: Findings, sent: ReadonlyMap<string, Sent>, events: readonly Event[]): void {
  for (const { op, kind, envelope_id, namespace, digest } of events) {
    if (op !== 'receive' || kind !== 'ok') continue
    const origin = sent.get(envelope_id)
    if (!origin) findings.add('phantom', `envelope ${envelope_id}`)
    else if (origin.namespace !== namespace) findings.add('cross_tenant', `envelope ${envelope_id} in ${namespace}`)
    else if (origin.digest !== digest) findings.add('mutated', `envelope ${envelope_id}`)
  }
}

/**
 * A newer lease ends an older one: no call of an older epoch may be made after an answer to a newer one and still
 * count; no lease may begin while an older one is promised, unless its holder has given it up; work is completed once.
 */
function checkLeases(findings: Findings, events: readonly Event[]): void {
  const invoked = new Map<number, number>()
  for (const { kind, call, at } of events) if (kind === 'invoke') invoked.set(call, at)
  const receiving = events.filter(
    ({ kind, op, delivery_id }) => delivery_id !== undefined && (kind === 'ok' || (kind === 'invoke' && op === 'nack')),
  )
  for (const [delivery_id, told] of Map.groupBy(receiving, (event) => event.delivery_id)) {
    let newest = { epoch: -1, at: Number.POSITIVE_INFINITY }
    let completions = 0
    const promised = new Map<number, number>()
    for (const { op, kind, call, at, epoch = 0, duplicate, lease_until, leased_at } of told) {
      // Who hands back has given up, whatever becomes of the answer.
      if (op === 'nack') promised.delete(epoch)
      if (kind === 'invoke') continue
      const began = invoked.get(call) ?? at
      if (op !== 'receive' && duplicate !== true && epoch < newest.epoch && began > newest.at)
        findings.add('double_leases', `delivery ${delivery_id}: ${op} of epoch ${epoch} counted after ${newest.epoch}`)
      if (epoch > newest.epoch) {
        const held_until = promised.get(newest.epoch)
        if (op === 'receive' && held_until !== undefined && leased_at !== undefined && leased_at < held_until)
          findings.add(
            'double_leases',
            `delivery ${delivery_id}: epoch ${epoch} began ${held_until - leased_at} ms early`,
          )
        newest = { epoch, at }
      }
      if (lease_until !== undefined) promised.set(epoch, Math.max(promised.get(epoch) ?? 0, lease_until))
      if (op === 'complete') promised.delete(epoch)
      if (op === 'complete' && duplicate !== true) completions += 1
    }
    if (completions > 1) findings.add('double_leases', `delivery ${delivery_id} was completed ${completions} times`)
  }
}

function checkEffects(findings: Findings, effects: readonly Effect[]): void {
  for (const [key, made] of Map.groupBy(effects, ({ envelope_id, receiver }) => `${envelope_id} at ${receiver}`))
    if (made.length > 1) findings.add('dup_effects', `${key}: ${made.length} times`)
}
