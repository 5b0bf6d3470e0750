/** An operation of the contract and its input, as the HTTP request that carries it. Nothing is sent here. */

import { exactBytes } from '../protocol/canonical.ts'
import type { Operation } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { isObject } from '../protocol/json-rules.ts'

export type WireRequest = {
  method: Operation['method']
  /** The path with its query, behind the endpoint. */
  path: string
  headers: Record<string, string>
  body?: Body
}

/** Text where it can be: it becomes bytes once, when it is sent. */
export type Body = string | Uint8Array<ArrayBuffer>

type Members = Map<string, unknown>

const headerText = /^[\x20-\x7e]*$/

/** Refuses a header value that HTTP would not carry as it is. */
export function headerValue(member: string, value: unknown): string {
  const text = String(value)
  if (headerText.test(text)) return text
  throw new SpineError('INVALID_INPUT', `${member} travels as a header: only visible ASCII characters can be sent.`)
}

function pathSegment(member: string, value: unknown): string {
  // URLs resolve "." and ".." even when they are escaped: the call would reach another route.
  if (typeof value !== 'string' || value === '' || value === '.' || value === '..' || !value.isWellFormed())
    throw new SpineError('INVALID_INPUT', `${member} must be a text that can be part of a path.`, {
      issues: [{ path: member, message: 'cannot be part of a path' }],
    })
  return encodeURIComponent(value)
}

const take = (members: Members, member: string): unknown => {
  const value = members.get(member)
  members.delete(member)
  return value
}

/** One of many that has a document whose exact bytes are known. */
const holdsExact = (item: unknown) =>
  isObject(item) && Object.values(item).some((member) => isObject(member) && exactBytes(member) !== undefined)

/** The exact bytes where they are known, JSON where they are not. */
function partsOf(value: unknown): (string | Uint8Array)[] {
  const exact = isObject(value) ? exactBytes(value) : undefined
  if (exact) return [exact]
  if (Array.isArray(value) && value.some(holdsExact))
    return listParts(value.map((item) => (holdsExact(item) ? objectParts(membersOf(item)) : partsOf(item))))
  try {
    return [JSON.stringify(value) ?? 'null']
  } catch (cause) {
    throw new SpineError('INVALID_INPUT', `The input cannot be written as JSON: ${String(cause)}`, { cause })
  }
}

const listParts = (items: readonly (string | Uint8Array)[][]) => [
  '[',
  ...items.flatMap((item, index) => (index === 0 ? item : [',', ...item])),
  ']',
]

/** What is left out counts as absent. */
const membersOf = (value: object): Members =>
  new Map(Object.entries(value).filter(([, member]) => member !== undefined))

/** A JSON object whose members are spliced in as bytes, so that an envelope among them stays as it is. */
const objectParts = (members: Members) => [
  '{',
  ...[...members].flatMap(([member, value], index) => [
    `${index ? ',' : ''}${JSON.stringify(member)}:`,
    ...partsOf(value),
  ]),
  '}',
]

const isText = (part: string | Uint8Array) => typeof part === 'string'

const joined = (parts: readonly (string | Uint8Array)[]): Body =>
  parts.every(isText) ? parts.join('') : Buffer.concat(parts.map((part) => (isText(part) ? Buffer.from(part) : part)))

/** The request that carries the bodies of many, as the `items` of this operation. */
export const requestOfMany = ({ method, path }: Operation, requests: readonly WireRequest[]): WireRequest => ({
  method,
  path,
  headers: { accept: 'application/json', 'content-type': 'application/json' },
  body: joined(['{"items":', ...listParts(requests.map(({ body }) => [body ?? '{}'])), '}']),
})

export function requestOf(operation: Operation, input: unknown): WireRequest {
  if (!isObject(input)) throw new SpineError('INVALID_INPUT', 'The input is an object.')
  const members = membersOf(input)
  const { method } = operation
  const headers: Record<string, string> = { accept: 'application/json' }
  let path = operation.path.replace(/:(\w+)/g, (_, member: string) => pathSegment(member, take(members, member)))

  for (const [member, header] of Object.entries(operation.headers ?? {}))
    if (members.has(member)) headers[header] = headerValue(member, take(members, member))

  if (method === 'GET' || method === 'DELETE') {
    const query = new URLSearchParams([...members].map(([member, value]) => [member, String(value)])).toString()
    if (query) path += `?${query}`
    return { method, path, headers }
  }
  headers['content-type'] = 'application/json'
  const body = joined(operation.document ? partsOf(members.get(operation.document)) : objectParts(members))
  return { method, path, headers, body }
}
