/**
 * The canonical form of an envelope (RFC 8785) and its digest (sha-256 over that form without `digest` and
 * `signature`). What was sealed is kept as its exact bytes; `exactBytes` finds them again for an envelope that was
 * read from bytes, so that nothing is ever re-serialised on its way.
 */

import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'

const encoder = new TextEncoder()

const NINE = 0x39

/** Deeper than what the door lets in. What goes deeper may also contain itself. */
const MAX_DEPTH = 100

/** Stands for a value that only the library is asked about. */
const IRREGULAR = Symbol('irregular')

const isOrdered = (keys: readonly string[]) => keys.every((key, index) => index === 0 || (keys[index - 1] ?? '') < key)

/** By UTF-16 units, as the canonical form wants it. */
const byUnits = (left: string, right: string) => (left < right ? -1 : 1)

/** JSON.stringify puts keys that look like numbers first, whatever their order; and `__proto__` cannot be copied. */
const isIrregularKey = (key: string) => key.charCodeAt(0) <= NINE || key === '__proto__'

/** The same value with its keys in canonical order: itself if they are, as in every document that was sealed. */
function inOrder(value: unknown, depth = 0): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : IRREGULAR
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH || typeof (value as { toJSON?: unknown }).toJSON === 'function') return IRREGULAR
  if (Array.isArray(value)) {
    let items: unknown[] = value
    for (let index = 0; index < value.length; index += 1) {
      const item = inOrder(value[index], depth + 1)
      if (item === value[index]) continue
      if (item === IRREGULAR) return IRREGULAR
      if (items === value) items = [...value]
      items[index] = item
    }
    return items
  }
  const members = value as Record<string, unknown>
  const keys = Object.keys(members)
  if (keys.some(isIrregularKey)) return IRREGULAR
  let ordered = isOrdered(keys) ? members : pick(members, keys.sort(byUnits))
  for (const key of keys) {
    const member = inOrder(members[key], depth + 1)
    if (member === members[key]) continue
    if (member === IRREGULAR) return IRREGULAR
    if (ordered === members) ordered = pick(members, keys)
    ordered[key] = member
  }
  return ordered
}

/** These members, in this order. */
const pick = (members: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(keys.map((key) => [key, members[key]]))

/**
 * RFC 8785 is JSON.stringify with sorted keys, which is several times as fast as walking the document; where it is
 * not, and for what must be refused, the library decides.
 */
function canonicalText(document: unknown, written?: string): string | undefined {
  const ordered = inOrder(document)
  if (ordered === IRREGULAR) return canonicalize(document)
  const text = (ordered === document ? written : undefined) ?? JSON.stringify(ordered)
  // It may be half of a surrogate pair, which JSON.stringify escapes and the library refuses.
  return text?.includes('\\ud') ? canonicalize(document) : text
}

export function canonicalBytes(document: unknown): Uint8Array {
  return encoder.encode(canonicalText(document))
}

export const sha256 = (bytes: Uint8Array | string): string => hash('sha256', bytes, 'hex')

/** Members that cannot be part of what they cover. */
const notCovered = ['digest', 'signature'] as const

/**
 * `sha256:<hex>` of an envelope, leaving out the members that cannot be part of what they cover. `written` is what
 * JSON.stringify makes of it, where that is known.
 */
export function digestOf(document: Readonly<Record<string, unknown>>, written?: string): string {
  return `sha256:${sha256(coveredText(document, written) ?? canonicalText(without(document)) ?? '')}`
}

function without(document: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(document).filter(([key]) => key !== 'digest' && key !== 'signature'))
}

/**
 * The canonical text with these members cut out, which spares a copy of the document. Nothing where a member inside
 * looks the same, so that it is not certain which of them is meant.
 */
function coveredText(document: Readonly<Record<string, unknown>>, written?: string): string | undefined {
  let text = canonicalText(document, written)
  for (const key of notCovered) {
    if (document[key] === undefined) continue
    // A quote inside a text is escaped: this can only be a member of this name.
    const member = `"${key}":${canonicalText(document[key])}`
    const at = text?.indexOf(member) ?? -1
    if (text === undefined || at < 0 || text.includes(member, at + 1)) return undefined
    const before = text.slice(0, at)
    const after = text.slice(at + member.length)
    text = before.endsWith(',') ? before.slice(0, -1) + after : before + after.replace(/^,/, '')
  }
  return text
}

/** A document with its digest, and its canonical bytes: both from one look at what it holds. */
export function sealed<T extends Readonly<Record<string, unknown>>>(
  document: T,
): { document: T & { digest: string }; bytes: Uint8Array } {
  const members = membersOf(document)
  const digest = members ? `sha256:${sha256(`{${members.map(([, text]) => text).join(',')}}`)}` : digestOf(document)
  const made = { ...document, digest }
  if (!members) return { document: made, bytes: canonicalBytes(made) }
  const at = members.findIndex(([key]) => key > 'digest')
  const texts = members.map(([, text]) => text)
  texts.splice(at < 0 ? texts.length : at, 0, `"digest":"${digest}"`)
  return { document: made, bytes: encoder.encode(`{${texts.join(',')}}`) }
}

/** The canonical texts of the members that a digest covers, in their order; nothing where only the library knows. */
function membersOf(document: Readonly<Record<string, unknown>>): [key: string, text: string][] | undefined {
  const ordered = inOrder(without(document))
  if (ordered === IRREGULAR) return undefined
  const members: [string, string][] = []
  for (const [key, value] of Object.entries(ordered as Record<string, unknown>)) {
    const text = JSON.stringify(value)
    if (text !== undefined) members.push([key, `${JSON.stringify(key)}:${text}`])
  }
  return members.some(([, text]) => text.includes('\\ud')) ? undefined : members
}

const sources = new WeakMap<object, Uint8Array | (() => Uint8Array)>()

/** Remembers the bytes that a document was read from or sealed as, or how to find them when they are asked for. */
export function rememberBytes<T extends object>(document: T, bytes: Uint8Array | (() => Uint8Array)): T {
  sources.set(document, bytes)
  return document
}

/** The exact bytes of a document that came from bytes, if it is known here. */
export function exactBytes(document: object): Uint8Array | undefined {
  const source = sources.get(document)
  if (typeof source !== 'function') return source
  const bytes = source()
  sources.set(document, bytes)
  return bytes
}

const texts = new WeakMap<object, string>()

/** Remembers what JSON.stringify makes of a document, for the one who will ask for its digest. */
export function rememberWritten(document: object, text: string): void {
  texts.set(document, text)
}

/** What JSON.stringify makes of a document, if it is known here: told once, for the text is part of a larger one. */
export function takeWritten(document: object): string | undefined {
  const text = texts.get(document)
  texts.delete(document)
  return text
}

/** Freezes a document and all that is in it. */
export function freezeDeep<T>(document: T): T {
  if (typeof document !== 'object' || document === null || Object.isFrozen(document)) return document
  for (const member of Object.values(document)) if (typeof member === 'object') freezeDeep(member)
  return Object.freeze(document)
}
