/**
 * What may happen to a constraint on its way down a chain: it is carried, narrowed, or waived by who set it. Values are
 * compared, never read; which change narrows is told by the key. Nothing here knows envelopes or agents' profiles.
 */

import type { LedgerEntry } from '../protocol/envelope.ts'
import { type Amendment, type Constraints, USER } from '../protocol/task.ts'

export type Ledger = Readonly<Record<string, LedgerEntry>>
export type Constrained = { constraints: Constraints; ledger: Ledger }

/** A constraint that the rules refuse to change, and why. */
export type Refusal = { key: string; reason: string }
export type Outcome = Constrained & { refusals: Refusal[] }

export type ConstraintCall = {
  constraints: Constraints
  locked: readonly string[]
  waive: Readonly<Record<string, string>>
  amendments: readonly Amendment[]
  by: string
  hop: number
}

type Value = Constraints[string]

/** A member of its own: a key may be called `toString`. */
const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

export const sameValue = (left: unknown, right: unknown): boolean => {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameValue(Reflect.get(left, key), Reflect.get(right, key)))
  )
}

const includesAll = (whole: readonly Value[], part: readonly Value[]) =>
  part.every((item) => whole.some((other) => sameValue(item, other)))

/** Whether `next` is stricter than `now` under this key. */
export function narrows(key: string, now: Value, next: Value): boolean {
  if (typeof now === 'number' && typeof next === 'number') {
    if (/^max(_|$)/.test(key)) return next < now
    return /^min(_|$)/.test(key) && next > now
  }
  if (Array.isArray(now) && Array.isArray(next)) {
    if (/^allow/.test(key)) return includesAll(now, next)
    return /^(deny|forbid|must_not)/.test(key) && includesAll(next, now)
  }
  if (key === 'deadline' && typeof now === 'string' && typeof next === 'string')
    return Date.parse(next) < Date.parse(now)
  return false
}

const isOfUser = ({ by = USER }: Amendment) => by === USER

/**
 * Why an amendment may not lift the keys that it names: it is not of the user, or its sender cannot speak as the user,
 * because its credential is bound to `agent`.
 */
export function whyNotLifted(amendment: Amendment, agent: string | undefined): string | undefined {
  const { by, waives = [] } = amendment
  if (waives.length === 0) return undefined
  if (!isOfUser(amendment)) return `${by} is not the user`
  if (agent !== undefined && agent !== USER) return `the key is that of ${agent}, which cannot speak as the user`
  return undefined
}

/** Applies what a call says to what was inherited. */
export function inheritConstraints(inherited: Constrained, call: ConstraintCall): Outcome {
  const constraints: Constraints = { ...inherited.constraints }
  const ledger: Record<string, LedgerEntry> = { ...inherited.ledger }
  const refusals: Refusal[] = []
  const lifted = new Set(call.amendments.filter(isOfUser).flatMap((amendment) => amendment.waives ?? []))

  const change = (key: string, next: Value | undefined) => {
    const entry = own(ledger, key)
    const now = own(constraints, key)
    if (now === undefined || entry === undefined) {
      if (next === undefined || next === null) return
      constraints[key] = next
      ledger[key] = { set_by: call.by, hop: call.hop, locked: call.locked.includes(key) }
    } else if (next !== undefined && sameValue(now, next)) {
      return
    } else if (next !== undefined && narrows(key, now, next)) {
      constraints[key] = next
      ledger[key] = { ...entry, narrowed: [...(entry.narrowed ?? []), { from: now, by: call.by, hop: call.hop }] }
    } else {
      const reason = whyNotWaived(key, entry, lifted, call)
      if (reason) return void refusals.push({ key, reason })
      const waiver = {
        by: lifted.has(key) ? USER : call.by,
        ...(lifted.has(key) && call.by !== USER ? { through: call.by } : {}),
        reason: own(call.waive, key) ?? 'amended by the user',
        hop: call.hop,
        was: now,
      }
      ledger[key] = { ...entry, waiver }
      if (next === undefined || next === null) delete constraints[key]
      else constraints[key] = next
    }
  }

  for (const [key, next] of Object.entries(call.constraints)) change(key, next)
  for (const key of new Set([...Object.keys(call.waive), ...lifted]))
    if (!Object.hasOwn(call.constraints, key) && own(constraints, key) !== undefined) change(key, undefined)
  for (const key of call.locked) {
    const entry = own(ledger, key)
    if (entry && !entry.locked) ledger[key] = { ...entry, locked: true }
  }
  return { constraints, ledger, refusals }
}

function whyNotWaived(
  key: string,
  entry: LedgerEntry,
  lifted: ReadonlySet<string>,
  call: ConstraintCall,
): string | undefined {
  if (entry.locked) return 'it is locked'
  if (lifted.has(key)) return undefined
  if (own(call.waive, key) === undefined) return `it was set by ${entry.set_by} and may only be narrowed`
  return entry.set_by === call.by ? undefined : `only ${entry.set_by}, who set it, may waive it`
}

/** Joins branches: the union of their constraints, the stricter one where one narrows the other. */
export function joinConstraints(branches: readonly Constrained[]): Outcome {
  const constraints: Constraints = {}
  const ledger: Record<string, LedgerEntry> = {}
  const refusals: Refusal[] = []
  for (const branch of branches) {
    for (const [key, entry] of Object.entries(branch.ledger)) {
      const value = own(branch.constraints, key)
      const other = own(constraints, key)
      const before = own(ledger, key)
      const locked = entry.locked || before?.locked === true
      if (value === undefined) ledger[key] = before ?? entry
      else if (other === undefined || narrows(key, other, value)) {
        constraints[key] = value
        ledger[key] = { ...entry, locked }
      } else {
        if (!sameValue(other, value) && !narrows(key, value, other))
          refusals.push({ key, reason: 'the branches have different values' })
        ledger[key] = { ...(before ?? entry), locked }
      }
    }
  }
  return { constraints, ledger, refusals }
}
