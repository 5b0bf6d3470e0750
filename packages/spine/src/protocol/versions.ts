/**
 * Which envelope versions can be read here. `"2"` means 2.0; an unknown minor parses, because minors only add; an
 * unknown major is refused and never retried, because it may mean something else by the same names.
 */

import type { z } from 'zod'
import { digestOf } from './canonical.ts'
import { type Envelope, envelope } from './envelope.ts'
import { SpineError } from './errors.ts'

export const CURRENT_VERSION = '2'
const KNOWN_MAJORS: readonly number[] = [2]

const form = /^(\d{1,4})(?:\.(\d{1,4}))?$/

/** Splits "MAJOR" or "MAJOR.MINOR"; null when it is neither. */
function parseVersion(version: unknown): { major: number; minor: number } | null {
  // An object may have no text at all: `{"toString": 1}` is well-formed JSON.
  const text = typeof version === 'string' || typeof version === 'number' ? String(version) : ''
  const match = form.exec(text)
  return match ? { major: Number(match[1]), minor: Number(match[2] ?? 0) } : null
}

/** Whether a receiver that lists `accepts` can read `version`. A listed major covers all its minors. */
export function canRead(accepts: readonly string[] | undefined, version: string): boolean {
  const wanted = parseVersion(version)
  if (!wanted) return false
  return accepts === undefined || accepts.some((accepted) => parseVersion(accepted)?.major === wanted.major)
}

/** The problems of a value against a schema, as `issues` of an INVALID_INPUT error. */
export const issuesOf = (error: z.ZodError) =>
  error.issues.slice(0, 20).map(({ path, message }) => ({ path: path.join('.'), message }))

/**
 * Reads a document as an envelope. Unknown fields stay. Throws UNSUPPORTED_VERSION, INVALID_INPUT, or
 * DIGEST_MISMATCH when the document is not what was sealed.
 */
export function parseEnvelope(document: unknown): Envelope {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new SpineError('INVALID_INPUT', 'An envelope is a JSON object.')
  const version = parseVersion((document as Record<string, unknown>).envelope_version)
  if (!version || !KNOWN_MAJORS.includes(version.major))
    throw new SpineError(
      'UNSUPPORTED_VERSION',
      `envelope_version ${JSON.stringify((document as Record<string, unknown>).envelope_version)} cannot be read here.`,
      { known: KNOWN_MAJORS.map(String) },
    )
  const parsed = envelope.safeParse(document)
  if (!parsed.success)
    throw new SpineError('INVALID_INPUT', 'The document is not a version 2 envelope.', {
      issues: issuesOf(parsed.error),
    })
  const digest = digestOf(document as Record<string, unknown>)
  if (digest !== parsed.data.digest)
    throw new SpineError('DIGEST_MISMATCH', `The envelope says ${parsed.data.digest}, its bytes give ${digest}.`)
  return parsed.data
}
