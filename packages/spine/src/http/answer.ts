/**
 * The bytes of an answer. An envelope that came from bytes leaves as exactly these bytes: it is spliced into the JSON
 * around it and never written anew, because what is canonical here need not be what its sender wrote.
 */

import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { exactBytes } from '../protocol/canonical.ts'
import type { Operation } from '../protocol/contract.ts'
import { envelope } from '../protocol/envelope.ts'

/** Stands for an envelope until its bytes take the place. Nobody outside can know it, so no text can contain it. */
const mark = `envelope-${randomUUID()}-`
const marks = new RegExp(`"${mark}(\\d+)"`)

function carriesEnvelope(schema: z.ZodType): boolean {
  if (schema === envelope) return true
  if (schema instanceof z.ZodArray) return carriesEnvelope(schema.element as z.ZodType)
  if (schema instanceof z.ZodObject)
    return Object.values(schema.shape as Record<string, z.ZodType>).some(carriesEnvelope)
  return false
}

function splice(output: object): Buffer {
  const exact: Uint8Array[] = []
  const text = JSON.stringify(output, (_key, value: unknown) => {
    const bytes = typeof value === 'object' && value !== null ? exactBytes(value) : undefined
    return bytes ? `${mark}${exact.push(bytes) - 1}` : value
  })
  // Splitting by a pattern with a group gives text, index, text, index, ..., text.
  const parts = text.split(marks)
  return Buffer.concat(
    parts.map((part, at) => (at % 2 === 1 ? (exact[Number(part)] ?? Buffer.alloc(0)) : Buffer.from(part))),
  )
}

/** Writes the answers of one operation; as text where it can be, which goes out in one piece with its headers. */
export function answerWriter({ output }: Operation): (answer: object) => Uint8Array | string {
  const carries = carriesEnvelope(output)
  return (answer) => {
    if (!carries) return JSON.stringify(answer)
    return exactBytes(answer) ?? splice(answer)
  }
}

/** A header that grows beyond this is refused by clients, and the answer with it. */
const warnings_chars = 4_096

/** The warnings beside an answer as a JSON array in visible ASCII; those that do not fit are counted. */
export function warningsHeader(warnings: readonly string[]): string {
  const write = (texts: readonly string[]) =>
    JSON.stringify(texts).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  for (let kept = warnings.length; kept > 0; kept -= 1) {
    const left = warnings.length - kept
    const header = write([...warnings.slice(0, kept), ...(left > 0 ? [`and ${left} more`] : [])])
    if (header.length <= warnings_chars) return header
  }
  return write([`${warnings.length} warnings, too long to be told here`])
}
