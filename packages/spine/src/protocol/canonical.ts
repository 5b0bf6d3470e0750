/**
 * The canonical form of an envelope (RFC 8785) and its digest (sha-256 over that form without `digest` and
 * `signature`). What was sealed is kept as its exact bytes; `exactBytes` finds them again for an envelope that was
 * read from bytes, so that nothing is ever re-serialised on its way.
 */

import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'

const encoder = new TextEncoder()

export function canonicalBytes(document: unknown): Uint8Array {
  return encoder.encode(canonicalize(document))
}

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

/** `sha256:<hex>` of an envelope, leaving out the members that cannot be part of what they cover. */
export function digestOf(document: Readonly<Record<string, unknown>>): string {
  const { digest: _digest, signature: _signature, ...covered } = document
  return `sha256:${sha256(canonicalize(covered) ?? '')}`
}

const sources = new WeakMap<object, Uint8Array>()

/** Remembers the bytes that a document was read from or sealed as. */
export function rememberBytes<T extends object>(document: T, bytes: Uint8Array): T {
  sources.set(document, bytes)
  return document
}

/** The exact bytes of a document that came from bytes, if it is known here. */
export const exactBytes = (document: object): Uint8Array | undefined => sources.get(document)

/** Freezes a document and all that is in it. */
export function freezeDeep<T>(document: T): T {
  if (typeof document !== 'object' || document === null || Object.isFrozen(document)) return document
  for (const member of Object.values(document)) freezeDeep(member)
  return Object.freeze(document)
}
