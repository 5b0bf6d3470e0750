/**
 * The small values that all documents are made of: names, ids, times, texts, priorities. Names and ids come from
 * outside and end up in headers, logs and file names, so what cannot be seen or is seen as something else is refused.
 */

import { z } from 'zod'
import { limits } from './limits.ts'

const invisible = /[\p{C}\p{Zl}\p{Zp}]/u
/** Nearly all names: nothing else has to be asked about them. */
const visibleAscii = /^[\x20-\x7e]*$/
const visible = (text: string) => visibleAscii.test(text) || (!invisible.test(text) && text === text.normalize('NFC'))

/** An agent, channel, constraint or namespace: any script, spaces inside, nothing invisible. At most 128 characters. */
export const name = z
  .string()
  .min(1)
  .max(limits.id_chars)
  .refine((text) => visible(text) && text === text.trim(), 'has invisible characters or spaces at its ends')
  // Clients and proxies take such a step out of a path before it is sent.
  .refine((text) => text !== '.' && text !== '..', 'cannot be addressed: in a path it is no name')

/** The id of a memory, task, envelope or delivery: a name without spaces. */
export const id = name.refine((text) => !/\s/u.test(text), 'has a space in it')

/** A point in time on the wire: RFC 3339 with a zone, stored as milliseconds since 1970. */
export const time = z.iso.datetime({ offset: true })

/** Free text. The scanner has already refused NUL, lone surrogates and texts over the limit. */
export const text = z.string().max(limits.string_chars)

/** A place in a trace, as W3C Trace Context writes it. */
export const traceparent = z
  .string()
  .regex(
    /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/,
    'has not the form of W3C Trace Context: 00-<32 hex>-<16 hex>-<2 hex>',
  )

export const priority = z.enum(['low', 'normal', 'high', 'critical'])
export type Priority = z.infer<typeof priority>

/** Stored as a number, so that both databases order by it: low 0 ... critical 3. */
export const priorities: readonly Priority[] = priority.options

/** Data whose shape belongs to the user. */
export const json = z.json()
export const jsonMap = z.record(z.string().max(limits.id_chars), json)
export type JsonMap = z.infer<typeof jsonMap>

/** Milliseconds of a wire time. */
export const toMs = (at: string): number => Date.parse(at)

const ISO_SLOTS = 256
const isoSlots: { ms: number; iso: string }[] = []

/** Wire time of milliseconds. The times of a delivery are few and repeat in each of its answers. */
export function toIso(ms: number): string {
  const slot = ms % ISO_SLOTS
  const known = isoSlots[slot]
  if (known?.ms === ms) return known.iso
  const iso = new Date(ms).toISOString()
  if (ms >= 0) isoSlots[slot] = { ms, iso }
  return iso
}
