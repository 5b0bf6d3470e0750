/** How a caller chooses whom and what a call is about, from the numbers of its command, and what calls have in common. */

import type { Envelope } from '../../protocol/envelope.ts'
import type { Book } from './book.ts'
import { type Call, startCall } from './call.ts'
import { told } from './lease-rules.ts'
import type { Numbers } from './moods.ts'
import { simEnvelope } from './sim-envelopes.ts'
import { type HeldLease, letGo, remember, type World } from './world.ts'

export const pick = <T>(from: readonly T[], n: number): T => from[n % from.length] as T

/** Mostly one of the newest, sometimes one that is long out of date. */
export const recent = <T>(from: readonly T[], n: number): T | undefined => {
  const reach = n % 8 === 0 ? from.length : Math.min(from.length, 6)
  return from.at(-1 - ((n >>> 3) % Math.max(1, reach)))
}

export type Starter = (world: World, n: Numbers, alone: boolean) => Call | undefined

/** Also kept, so that a sender who has not heard can say the same once more. */
export const repeatable = (world: World, start: () => Call): Call => {
  remember(world.calls, start, 40)
  return start()
}

const deadlines = [undefined, undefined, undefined, 40_000, 300_000, -1]

export const deadlineOf = (world: World, n: number): number | undefined => {
  const ahead = pick(deadlines, n)
  return ahead === undefined ? undefined : world.now() + ahead
}

/** A new envelope, or, now and then, one that was sent before. */
export const envelopeFor = (world: World, n: number): string => {
  const again = n % world.mood.reuse === 0 ? recent(world.known, n >>> 4)?.envelope_id : undefined
  if (again?.startsWith('env-sim')) return again
  world.envelopes += 1
  return simEnvelope(world.envelopes).id
}

export const documentOf = (id: string) =>
  simEnvelope(Number(id.slice('env-sim-'.length))) as Envelope & Record<string, never>

type Row = { state: string; epoch: number; attempts: number; claims: number; duplicate?: boolean | undefined }

export const deliveryCall = (words: string, promise: Promise<Row>, apply: (book: Book) => string): Call =>
  startCall({ words, promise, say: (row) => told(row, row.duplicate), apply })

/** Something said about a lease; whoever hears that it is over says no more, mostly. */
export const leaseCall = (
  world: World,
  token: string,
  words: string,
  promise: Promise<Row>,
  apply: (book: Book) => string,
) => {
  const over = (row?: Row) => (row?.state === 'leased' || row?.state === 'accepted' ? undefined : letGo(world, token))
  promise.then(over, () => over())
  return deliveryCall(words, promise, apply)
}

/** Nobody can have meant that: the model answers as the engine should. */
const strangers: HeldLease = { id: 'dlv_unknown', token: 'lt_unknown', target: 'ada', envelope_id: 'env-sim-00000' }

/** Mostly one that may still be good, sometimes any that ever was. */
export const leaseFor = (world: World, n: number): HeldLease =>
  (n % 16 < 12 ? recent(world.open, n >>> 4) : undefined) ?? recent(world.leases, n >>> 4) ?? strangers

export const note = (world: World, row: { id: string; envelope_id: string; target: string }) => {
  world.hops.set(row.envelope_id, world.hops.get(row.envelope_id) ?? 1)
  remember(world.known, { id: row.id, envelope_id: row.envelope_id, target: row.target })
}

export const known = (world: World, n: number) => recent(world.known, n) ?? strangers
