/** Values between PostgreSQL's text format and the ledger's four types: text, integers, bytes, nothing. */

import type { Param } from './database.ts'

export type Decode = (text: string) => Param

/** Numbers travel as text; an integer that JavaScript would round is a mistake that must not pass. */
function integer(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new RangeError(`PostgreSQL answered ${text}, which is no safe integer.`)
}

const bytes = (text: string): Uint8Array => Buffer.from(text.slice(2), 'hex')

/** By the object ids of pg_type, which are the same in every database. */
const decoders: ReadonlyMap<number, Decode> = new Map<number, Decode>([
  [16, (text) => (text === 't' ? 1 : 0)], // bool
  [17, bytes], // bytea
  [20, integer], // int8
  [21, integer], // int2
  [23, integer], // int4
  [26, integer], // oid
  [700, Number], // float4
  [701, Number], // float8
  [1700, Number], // numeric: what sum() of int8 answers
])

const text: Decode = (value) => value

export const decoderOf = (type: number): Decode => decoders.get(type) ?? text

/** As `pg` sends it: bytes as they are, everything else as text. */
export function encode(value: Param): string | Buffer | null {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
