/**
 * The input of an operation, put together from path, query, headers and body. Nothing is validated here: the spine
 * does that, the same for every way in. What can only be said of HTTP (two values for one name, an escape that is
 * none) is refused here.
 */

import type { IncomingHttpHeaders } from 'node:http'
import { rememberBytes, rememberWritten } from '../protocol/canonical.ts'
import type { Operation } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { parseJson } from '../protocol/scan.ts'

export type Incoming = {
  /** Decoded. */
  params: Readonly<Record<string, string>>
  /** What stands behind the question mark, as it was sent. */
  query: string
  headers: IncomingHttpHeaders
  body: Uint8Array | undefined
}

type Members = Record<string, unknown>

function refuse(path: string, message: string): never {
  throw new SpineError('INVALID_INPUT', `${path} ${message}.`, { issues: [{ path, message }] })
}

export const readsQuery = ({ method }: Operation): boolean => method === 'GET' || method === 'DELETE'

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return refuse('query', 'has a percent escape that is not UTF-8')
  }
}

function queryMembers(query: string): Members {
  const members = new Map<string, string>()
  for (const pair of query.split('&').filter(Boolean)) {
    const [key = '', ...value] = pair.split('=')
    const member = decoded(key)
    if (members.has(member)) refuse(member, 'stands twice in the query')
    members.set(member, decoded(value.join('=')))
  }
  return Object.fromEntries(members)
}

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function bodyMembers(operation: Operation, bytes: Uint8Array | undefined): Members {
  // An operation whose members are all optional needs no body; a document is never nothing.
  if (operation.document === undefined && !bytes?.byteLength) return {}
  const { value, spans } = parseJson(bytes ?? new Uint8Array())
  if (operation.document !== undefined) {
    if (bytes && isObject(value)) rememberBytes(value, bytes)
    return { [operation.document]: value }
  }
  if (!isObject(value)) return refuse('body', 'is not a JSON object')
  for (const { path, envelope } of envelopesIn(value)) {
    const span = spans.get(path)
    if (bytes && span) rememberBytes(envelope, bytes.subarray(span.start, span.end))
    if (span?.written !== undefined) rememberWritten(envelope, span.written)
  }
  return value
}

/** The envelopes that came whole: the one of a call, or those of its items. */
function envelopesIn({ envelope, items }: Members): { path: string; envelope: Members }[] {
  if (isObject(envelope)) return [{ path: 'envelope', envelope }]
  if (!Array.isArray(items)) return []
  return items.flatMap((item: unknown, index) =>
    isObject(item) && isObject(item.envelope) ? [{ path: `items/${index}/envelope`, envelope: item.envelope }] : [],
  )
}

function headerMembers(operation: Operation, headers: IncomingHttpHeaders): Members {
  const wanted = { ...operation.headers, ...(operation.idempotent && { idempotency_key: 'idempotency-key' }) }
  const members: Members = {}
  for (const [member, header] of Object.entries(wanted)) {
    const value = headers[header]
    if (value === undefined) continue
    if (!/^[\x20-\x7e]*$/.test(String(value))) refuse(header, 'has other than visible ASCII characters')
    // If-Match has its value in quotes.
    members[member] = header === 'if-match' ? String(value).replace(/^"(.*)"$/, '$1') : value
  }
  return members
}

/** Path wins over headers, headers win over the body. Throws INVALID_INPUT and what parseJson throws. */
export function inputOf(operation: Operation, { params, query, headers, body }: Incoming): Members {
  if (!readsQuery(operation) && query !== '')
    refuse('query', 'is not read by this operation: send the members in the body')
  const members = readsQuery(operation) ? queryMembers(query) : bodyMembers(operation, body)
  return { ...members, ...headerMembers(operation, headers), ...params }
}
