/**
 * Sealed envelopes: kept as their exact bytes, checked when they are read, and held in memory for a while, since they
 * never change. What came through a door as bytes and leaves as bytes is not kept as a document in between.
 */

import { exactBytes, freezeDeep, rememberBytes, sha256, takeWritten } from '../protocol/canonical.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { limits } from '../protocol/limits.ts'
import { toMs } from '../protocol/scalars.ts'
import { parseJson } from '../protocol/scan.ts'
import { canRead, currentOf, parseEnvelope, readableVersion, sealedOf, viewOf } from '../protocol/versions.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/envelopes.ts'
import type { Service } from './context.ts'
import type { KeyClaim } from './idempotency.ts'

/** Of envelopes held in memory, all that they take there. */
const CACHED_BYTES = 64 * 1_048_576
/** The document, whose texts are there once more beside its bytes, is counted before somebody looks into it. */
const DOCUMENT_BYTES = 2_048
const heldBytes = ({ bytes }: Held): number => 2 * bytes.byteLength + DOCUMENT_BYTES
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** In the version in which it was sealed. The document is made when somebody first looks into it. */
type Held = { readonly bytes: Uint8Array; readonly version: string; document?: Envelope | undefined }

export type Envelopes = ReturnType<typeof createEnvelopes>

export function createEnvelopes({ database, clock }: Pick<Service, 'database' | 'clock'>) {
  const { dialect } = database
  const cache = new Map<string, Held>()
  let cached_bytes = 0
  const keyOf = (ns: string, id: string) => `${ns}\n${id}`

  const put = (ns: string, id: string, held: Held): void => {
    forget(ns, id)
    cached_bytes += heldBytes(held)
    cache.set(keyOf(ns, id), held)
    for (const [key, oldest] of cache) {
      if (cached_bytes <= CACHED_BYTES) break
      cache.delete(key)
      cached_bytes -= heldBytes(oldest)
    }
  }

  /** Holds an envelope that is known to be stored, in the version in which it was sealed. */
  const keep = (ns: string, envelope: Envelope, bytes: Uint8Array): Envelope => {
    const own = ofTheirOwn(bytes)
    const document = fixed(sealedOf(envelope), own)
    put(ns, envelope.id, { bytes: own, version: versionOf(document), document })
    return document
  }

  /** The same for one that was sent: where it was read from bytes that nobody else has, they are all that is held. */
  const keepSent = (ns: string, envelope: Envelope, bytes: Uint8Array): void => {
    const sealed = sealedOf(envelope)
    if (Object.isFrozen(sealed) || exactBytes(sealed) === undefined) keep(ns, envelope, bytes)
    else put(ns, envelope.id, { bytes: ofTheirOwn(bytes), version: versionOf(sealed) })
  }

  /** It is no longer stored. */
  const forget = (ns: string, id: string): void => {
    const held = cache.get(keyOf(ns, id))
    if (!held) return
    cache.delete(keyOf(ns, id))
    cached_bytes -= heldBytes(held)
  }

  const read = (row: Row): Envelope => {
    const id = String(row.id)
    const body = row.body as Uint8Array
    const damaged = (why: string) =>
      new SpineError('INTEGRITY', `The stored bytes of envelope ${id} are damaged: ${why}.`, { envelope_id: id })
    try {
      // These very bytes were checked against their seal before they were stored.
      if (sha256(body) !== row.checksum) throw damaged('they are not those that were stored')
      const document = parseJson(body, { ...limits, body_bytes: limits.envelope_bytes }).value as Envelope
      // Version 1 did not ask for a digest; the record has one.
      if ((document.digest ?? row.digest) !== row.digest) throw damaged('they belong to another record')
      return document
    } catch (error) {
      throw error instanceof SpineError && error.code === 'INTEGRITY' ? error : damaged(String(error))
    }
  }

  /** By id, in the current version, whatever version they were sealed in. */
  const findMany = async (ns: string, ids: readonly string[]): Promise<Map<string, Envelope>> => {
    const found = new Map<string, Envelope>()
    const missing = new Set<string>()
    for (const id of ids) {
      const held = cache.get(keyOf(ns, id))
      if (held) found.set(id, currentOf(documentOf(held)))
      else missing.add(id)
    }
    const statements = sql.envelopeBodies(
      dialect,
      [...missing].map((id) => ({ ns, id })),
    )
    for (const row of (await Promise.all(statements.map((statement) => database.read(statement)))).flat())
      found.set(String(row.id), currentOf(keep(ns, read(row), row.body as Uint8Array)))
    return found
  }

  const find = async (ns: string, id: string): Promise<Envelope | undefined> => (await findMany(ns, [id])).get(id)

  const mustFind = async (ns: string, id: string): Promise<Envelope> => {
    const envelope = await find(ns, id)
    if (!envelope)
      throw new SpineError('ENVELOPE_NOT_FOUND', `There is no envelope ${id} in namespace ${ns}.`, { envelope_id: id })
    return envelope
  }

  /** The other sealed forms of an envelope. */
  const formsOf = async (ns: string, id: string): Promise<Envelope[]> => {
    const rows = await database.read(sql.envelopeForms(dialect, { ns, id }))
    return rows.map((row) => fixed(read(row), row.body as Uint8Array))
  }

  /**
   * What somebody is given who reads only these versions: as it was sealed, else another form, else a view of it.
   * `opaque`: it may be an object that only stands for its exact bytes.
   */
  const forReader = async (
    ns: string,
    id: string,
    accepts: readonly string[] | undefined,
    opaque = false,
  ): Promise<Envelope> => {
    const held = opaque ? cache.get(keyOf(ns, id)) : undefined
    if (held && canRead(accepts, held.version)) return rememberBytes(Object.freeze({}) as Envelope, held.bytes)
    const envelope = await mustFind(ns, id)
    const sealed = sealedOf(envelope)
    const fits = (form: Envelope) => canRead(accepts, versionOf(form))
    if (fits(sealed)) return sealed
    const form = (await formsOf(ns, id)).find(fits)
    const version = readableVersion(accepts)
    if (form || version === undefined) return form ?? sealed
    return freezeDeep(viewOf(envelope, version)) as Envelope
  }

  /** The columns beside the bytes. `trail` tells the rule against circles where the chain has been. */
  const rowOf = (
    ns: string,
    envelope: Envelope,
    bytes: Uint8Array,
    extra: {
      verified: boolean
      trail: string
      budget_by?: string
      linked?: string
      claim?: KeyClaim | undefined
      after?: string | undefined
    },
  ) => ({
    ns,
    id: envelope.id,
    digest: envelope.digest,
    version: versionOf(sealedOf(envelope)),
    source_agent: envelope.source_agent,
    target_agent: envelope.target_agent,
    task_id: envelope.task.id ?? null,
    root_id: envelope.chain.root_id,
    hop: envelope.chain.hop,
    summary: envelope.task.summary.slice(0, 500).toWellFormed(),
    token_count: envelope.token_count,
    max_tokens: envelope.budget.max_tokens,
    completeness: Math.round(envelope.completeness.score * 10_000),
    verified: extra.verified ? 1 : 0,
    size: bytes.byteLength,
    trail: extra.trail,
    budget_by: extra.budget_by ?? null,
    gaps: envelope.completeness.gaps.length,
    trimmed: envelope.receipts.trimmed.length + envelope.receipts.omitted_count,
    linked: extra.linked ?? envelope.chain.linked,
    created_at: Number.isNaN(toMs(envelope.created_at)) ? clock.now() : toMs(envelope.created_at),
    stored_at: clock.now(),
    checksum: sha256(bytes),
    body: bytes,
    key: extra.claim?.key ?? null,
    owner: extra.claim?.owner ?? null,
    after: extra.after ?? null,
  })

  /** Checks an envelope made elsewhere: version, shape, digest, size. Its bytes stay as they came. */
  const checkForeign = (document: object): { envelope: Envelope; bytes: Uint8Array } => {
    const exact = exactBytes(document)
    const written = exact ? takeWritten(document) : JSON.stringify(document)
    const bytes = exact ? withoutOuterSpace(exact) : encoder.encode(written)
    if (bytes.byteLength > limits.envelope_bytes)
      throw new SpineError(
        'TOO_LARGE',
        `The envelope has ${bytes.byteLength} bytes, allowed are ${limits.envelope_bytes}.`,
      )
    const envelope = parseEnvelope(document, written)
    // Its owner may still have it in hand, and it is known by these bytes from now on.
    if (!exact) freezeDeep(document)
    return { envelope, bytes }
  }

  return Object.freeze({ find, findMany, mustFind, formsOf, forReader, keep, keepSent, forget, rowOf, checkForeign })
}

const versionOf = (document: Envelope): string => String(document.envelope_version)

/** What came in over a connection lies in a larger piece of memory, all of which it would hold. */
const ofTheirOwn = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)

/** Nobody changes it any more, and its bytes are found again. */
const fixed = (document: Envelope, bytes: Uint8Array): Envelope => freezeDeep(rememberBytes(document, bytes))

function documentOf(held: Held): Envelope {
  held.document ??= fixed(JSON.parse(decoder.decode(held.bytes)) as Envelope, held.bytes)
  return held.document
}

/** White space around a document is not part of it: inside an answer there is no place for it. */
function withoutOuterSpace(bytes: Uint8Array): Uint8Array {
  const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
  let start = 0
  let end = bytes.byteLength
  while (start < end && isSpace(bytes[start])) start += 1
  while (end > start && isSpace(bytes[end - 1])) end -= 1
  return bytes.subarray(start, end)
}
