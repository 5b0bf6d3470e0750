/**
 * Which envelope versions can be read here. `"2"` means 2.0; an unknown minor parses, because minors only add; an
 * unknown major is refused and never retried, because it may mean something else by the same names.
 */

import type { z } from 'zod'
import { digestOf, freezeDeep } from './canonical.ts'
import { type Envelope, envelope } from './envelope.ts'
import { SpineError } from './errors.ts'
import { surelyFits } from './fits.ts'
import { downcast, type Envelope1, envelope1, upcast } from './version-1.ts'

export const CURRENT_VERSION = '2'

/** The majors that are known, and what each must look like. */
export const envelopeSchemas = Object.freeze({ 1: envelope1, 2: envelope })

/** The versions that envelopes are emitted in. */
export const emittedVersions = Object.freeze(['1', '2'] as const)

const form = /^(0|[1-9]\d{0,3})(?:\.(0|[1-9]\d{0,3}))?$/

/** Splits "MAJOR" or "MAJOR.MINOR"; null when it is neither. */
function parseVersion(version: unknown): { major: number; minor: number } | null {
  // An object may have no text at all: `{"toString": 1}` is well-formed JSON.
  const text = typeof version === 'string' || typeof version === 'number' ? String(version) : ''
  const match = form.exec(text)
  return match ? { major: Number(match[1]), minor: Number(match[2] ?? 0) } : null
}

const isKnown = (major: number | undefined): major is keyof typeof envelopeSchemas =>
  major !== undefined && Object.hasOwn(envelopeSchemas, major)

/** Whether a receiver that lists `accepts` can read `version`. A listed major covers all its minors. */
export function canRead(accepts: readonly string[] | undefined, version: string): boolean {
  const wanted = parseVersion(version)
  if (!wanted) return false
  return accepts === undefined || accepts.some((accepted) => parseVersion(accepted)?.major === wanted.major)
}

/** The newest version that a receiver reads and that can be made here; undefined when there is none. */
export const readableVersion = (accepts: readonly string[] | undefined): string | undefined =>
  emittedVersions.toReversed().find((version) => canRead(accepts, version))

/** The problems of a value against a schema, as `issues` of an INVALID_INPUT error. */
export const issuesOf = (error: z.ZodError) =>
  error.issues
    .flatMap((issue) => withinUnion(issue))
    .slice(0, 20)
    .map(({ path, message }) => ({ path: path.join('.'), message }))

type Issue = z.core.$ZodIssue

const isOfAnotherKind = (issues: readonly Issue[]) =>
  issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0)

/** Of a value that fits none of several shapes: what is wrong with the one it comes nearest to. */
function withinUnion(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  // A list that is too long is a list all the same: what it is not has nothing to say about it.
  const akin = issue.errors.filter((issues) => !isOfAnotherKind(issues))
  const nearest = (akin.length > 0 ? akin : issue.errors).reduce((best, other) =>
    other.length <= best.length ? other : best,
  )
  return nearest.flatMap((inner) => withinUnion({ ...inner, path: [...issue.path, ...inner.path] }))
}

/** What an envelope was made from, when it is a view for a receiver that reads another version: it has no digest. */
const isView = (document: object): boolean => 'derived_from' in document && !('digest' in document)

/**
 * Reads a sealed document as an envelope of the current version. Unknown fields stay. Throws UNSUPPORTED_VERSION,
 * INVALID_INPUT, or DIGEST_MISMATCH when the document is not what was sealed. `written` is what JSON.stringify makes of
 * it, where that is known.
 */
export function parseEnvelope(document: unknown, written?: string): Envelope {
  const sealed = checked(document)
  const digest = digestOf(sealed, written)
  if ((majorOf(sealed) !== 1 || sealed.digest !== undefined) && digest !== sealed.digest)
    throw new SpineError('DIGEST_MISMATCH', `The envelope says ${sealed.digest}, its bytes give ${digest}.`)
  return currentOf(sealed)
}

/** The same for what a receiver is given, which may be a view: the original is sealed, a view is only read. */
export const readEnvelope = (document: unknown): Envelope =>
  typeof document === 'object' && document !== null && isView(document)
    ? currentOf(checked(document, { view: true }))
    : parseEnvelope(document)

function checked(document: unknown, { view = false } = {}): Record<string, unknown> {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new SpineError('INVALID_INPUT', 'An envelope is a JSON object.')
  const { envelope_version } = document as Record<string, unknown>
  const major = majorOf(document)
  if (!isKnown(major))
    throw new SpineError(
      'UNSUPPORTED_VERSION',
      `envelope_version ${JSON.stringify(envelope_version)} cannot be read here.`,
      { known: Object.keys(envelopeSchemas) },
    )
  const schema = envelopeSchemas[major]
  const whole = view ? { digest: '', ...document } : document
  const refused = surelyFits(schema, whole) ? undefined : schema.safeParse(whole).error
  if (refused)
    throw new SpineError('INVALID_INPUT', `The document is not a version ${major} envelope.`, {
      issues: issuesOf(refused),
    })
  return document as Record<string, unknown>
}

const majorOf = (document: object) => parseVersion((document as { envelope_version?: unknown }).envelope_version)?.major

const upcasts = new WeakMap<object, Envelope>()
const originals = new WeakMap<Envelope, object>()

/** The document that an envelope was read from: itself, unless that had another version. */
export const sealedOf = (envelope: Envelope): Envelope => (originals.get(envelope) as Envelope | undefined) ?? envelope

/** A document of any known version, checked before, as the current one; of that version, the very same object. */
export function currentOf(document: object): Envelope {
  if (majorOf(document) !== 1) return document as Envelope
  const known = upcasts.get(document)
  if (known) return known
  const current = upcast(document as Envelope1)
  const digest = current.digest || digestOf(document as Record<string, unknown>)
  const made = freezeDeep({ ...current, digest })
  upcasts.set(document, made)
  originals.set(made, document)
  return made
}

/** An envelope in another version, not sealed: a form to seal, or a view. */
const inVersion = (envelope: Envelope, version: string): Envelope | Envelope1 =>
  version === '1' ? downcast(envelope) : envelope

/** Another sealed form of the same handoff, with a digest of its own. */
export function formOf(envelope: Envelope, version: string): Record<string, unknown> & { digest: string } {
  const { digest: _digest, signature: _signature, ...members } = inVersion(envelope, version)
  return { ...members, digest: digestOf(members) }
}

/** What a receiver is given that cannot read the version that was sealed: it says what it was made from. */
export function viewOf(envelope: Envelope, version: string): Record<string, unknown> {
  const { id, digest } = envelope
  const { digest: _digest, signature: _signature, ...members } = inVersion(envelope, version)
  return { ...members, derived_from: { id, digest } }
}
