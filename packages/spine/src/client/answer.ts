/**
 * The body of an answer, read. Every envelope in it remembers the exact bytes it came as: sealed envelopes are
 * canonical, but imported ones need not be, so the bytes are looked up in the answer and never made anew.
 */

import { z } from 'zod'
import { freezeDeep, rememberBytes } from '../protocol/canonical.ts'
import type { Operation } from '../protocol/contract.ts'
import { envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { EACH, type Located, locate, valuesAt } from './spans.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Where a schema has envelopes. The contract names the envelope by one schema, so it is found by identity. */
export function envelopePaths(schema: z.ZodType): string[][] {
  if (schema === envelope) return [[]]
  if (schema instanceof z.ZodArray) return envelopePaths(schema.element as z.ZodType).map((path) => [EACH, ...path])
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([member, inner]) =>
      envelopePaths(inner).map((path) => [member, ...path]),
    )
  return []
}

const pathsOf = new WeakMap<Operation, string[][]>()

function rememberEnvelopes(operation: Operation, document: object, text: string, bytes: Uint8Array): void {
  const paths = pathsOf.get(operation) ?? envelopePaths(operation.output)
  pathsOf.set(operation, paths)
  for (const path of paths) {
    // Most receivers never ask for the bytes: the text is searched for all of them when the first one does.
    let located: readonly Located[] | undefined
    for (const [index, value] of valuesAt(document, path).entries()) {
      if (typeof value !== 'object' || value === null) continue
      const exact = () => {
        located ??= locate(document, text, path)
        return encoder.encode(located[index]?.text)
      }
      freezeDeep(rememberBytes(value, path.length === 0 ? bytes : exact))
    }
  }
}

/** Reads the bytes of a good answer. Throws INTERNAL when they are not a JSON object. */
export function readAnswer(operation: Operation, bytes: Uint8Array): object {
  let text: string
  let document: unknown
  try {
    text = decoder.decode(bytes)
    document = JSON.parse(text)
  } catch (cause) {
    throw new SpineError('INTERNAL', `${operation.method} ${operation.path} was not answered with JSON.`, { cause })
  }
  if (typeof document !== 'object' || document === null)
    throw new SpineError('INTERNAL', `${operation.method} ${operation.path} was not answered with a JSON object.`)
  rememberEnvelopes(operation, document, text, bytes)
  return document
}

/** Reads the body of a refusal; undefined when it is not JSON. */
export function readProblem(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch {
    return undefined
  }
}

/** Milliseconds of a Retry-After header, which says seconds or a date. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
