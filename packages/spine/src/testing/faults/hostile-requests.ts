/**
 * Requests that are wrong in one or two places: a good example of an operation of the contract, then a member of its
 * body, its path, its query, its headers or its very bytes replaced by what somebody will send one day.
 */

import { exampleOf } from '../../http/examples.ts'
import { digestOf } from '../../protocol/canonical.ts'
import { type Operation, operations } from '../../protocol/contract.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { hostileCases, hostileNames } from '../../protocol/hostile-corpus.ts'
import type { Seeded } from '../seeded.ts'
import { sealed } from './sealing.ts'

export type HostileRequest = {
  /** `deliveries.send`, and what was done to it. */
  what: string
  method: string
  path: string
  headers: Record<string, string>
  body: Uint8Array | undefined
}

/** Ids of things that are really there, so that a request gets past the first look. */
export type KnownIds = { readonly [member: string]: readonly string[] }

const MAX_CASE_BYTES = 32_768
const cases = [...hostileCases()].filter(({ bytes }) => bytes.byteLength <= MAX_CASE_BYTES)
const names = [...hostileNames()].map(({ text }) => text)
const texts = [...names, '\u0000', '\ud800', 'x'.repeat(140_000), '{{7*7}}', '$(id)', 'a,b', '0', '-1', 'null']
const allValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 53,
  1e21,
  '',
  [],
  {},
  [[[[]]]],
  { $ne: null },
  { toString: 1 },
  Array.from({ length: 2_000 }, () => 'x'),
  Object.fromEntries(Array.from({ length: 1_100 }, (_, index) => [`k${index}`, 0])),
]
/** A copy: the next change may go inside of it. */
const anyValue = (chance: Seeded): unknown => structuredClone(chance.pick(allValues))

/** As text, because JavaScript cannot hold them. */
const rawValues = [
  '1e400',
  '-0',
  '12345678901234567890',
  'NaN',
  '{"__proto__":{"a":1}}',
  '{"a":1,"a":2}',
  `${'['.repeat(70)}${']'.repeat(70)}`,
]
const RAW = '@@raw@@'

const pathPieces = [
  '..',
  '.',
  '%00',
  '%2e%2e%2f',
  '%',
  '%zz',
  '%ff',
  '//',
  ';a=b',
  '\\',
  '%0d%0aX-Injected:1',
  'a'.repeat(2_000),
]
const queryPieces = [
  'limit=-1',
  'limit=1e9',
  'limit=1&limit=2',
  'after=%ff',
  'after=x',
  '=',
  '&&',
  '__proto__=1',
  'pinned=maybe',
  'unknown=1',
  '%',
  'version=0',
  'version=abc',
  'a[b]=1',
]
const headerPieces: readonly [string, string][] = [
  ['content-type', 'text/plain'],
  ['content-type', 'application/x-www-form-urlencoded'],
  ['content-type', 'application/json; charset=utf-16'],
  ['content-type', ''],
  ['content-encoding', 'gzip'],
  ['content-encoding', 'br, gzip'],
  ['idempotency-key', ''],
  ['idempotency-key', 'x'.repeat(200)],
  ['idempotency-key', 'caf\u00e9'],
  ['if-match', '"-1"'],
  ['if-match', '*'],
  ['spine-namespace', ''],
  ['spine-namespace', '../other'],
  ['spine-namespace', 'x'.repeat(300)],
  ['authorization', 'Bearer x'],
  ['authorization', 'Basic Og=='],
  ['origin', 'http://evil.example'],
  ['host', 'evil.example'],
  ['accept', 'text/html'],
  ['expect', 'something'],
  ['transfer-encoding', 'identity'],
  ['x-http-method-override', 'DELETE'],
]
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND']

type Draft = {
  what: string
  method: string
  path: string
  query: string
  headers: Record<string, string>
  body: unknown
  bytes?: Uint8Array
  envelope?: Envelope
}
type Mutation = (draft: Draft, chance: Seeded) => void

const encoder = new TextEncoder()
const encoded = (body: unknown): Uint8Array => encoder.encode(JSON.stringify(body))
const lenient = (text: string): string => {
  try {
    return encodeURIComponent(text)
  } catch {
    return '%ff'
  }
}

/** A place inside of a document: the object or array, and the key in it. */
function placeIn(document: unknown, chance: Seeded): [Record<string, unknown>, string] | undefined {
  const places: [Record<string, unknown>, string][] = []
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const key of Object.keys(value)) {
      places.push([value as Record<string, unknown>, key])
      walk((value as Record<string, unknown>)[key])
    }
  }
  walk(document)
  return places.length > 0 ? chance.pick(places) : undefined
}

const inBody =
  (change: (holder: Record<string, unknown>, key: string, chance: Seeded) => void): Mutation =>
  (draft, chance) => {
    const [holder, key] = placeIn(draft.body, chance) ?? []
    if (holder && key !== undefined) change(holder, key, chance)
  }

const mutations: Readonly<Record<string, Mutation>> = {
  'another value': inBody((holder, key, chance) => {
    holder[key] = anyValue(chance)
  }),
  'another text': inBody((holder, key, chance) => {
    holder[key] = chance.pick(texts)
  }),
  'a member less': inBody((holder, key, chance) => {
    // Without its own words a call may wait for as long as it likes.
    if (!/wait|timeout/.test(key) || chance.int(20) === 0) delete holder[key]
  }),
  'a member more': inBody((holder, _key, chance) => {
    holder[chance.pick(texts).slice(0, 200)] = anyValue(chance)
  }),
  'a raw value': inBody((holder, key, chance) => {
    holder[key] = `${RAW}${chance.pick(rawValues)}${RAW}`
  }),
  'another document': (draft, chance) => {
    draft.body = chance.int(4) === 0 ? chance.pick(texts) : anyValue(chance)
  },
  'other bytes': (draft, chance) => {
    draft.bytes = chance.pick(cases).bytes
  },
  'damaged bytes': (draft, chance) => {
    const bytes = draft.body === undefined ? encoder.encode('{}') : encoded(draft.body)
    const at = chance.int(bytes.length)
    if (chance.int(2) === 0) draft.bytes = bytes.subarray(0, at)
    else draft.bytes = bytes.with(at, chance.int(256))
  },
  'another path': (draft, chance) => {
    const parts = draft.path.split('/')
    parts[1 + chance.int(parts.length - 1)] =
      chance.int(2) === 0 ? chance.pick(pathPieces) : lenient(chance.pick(texts))
    draft.path = parts.join('/')
  },
  'a query': (draft, chance) => {
    draft.query = [draft.query, chance.pick(queryPieces)].filter(Boolean).join('&')
  },
  'a header': (draft, chance) => {
    const [header, value] = chance.pick(headerPieces)
    draft.headers[header] = value
  },
  'another method': (draft, chance) => {
    draft.method = chance.pick(methods)
  },
}

const readsQuery = (operation: Operation) => operation.method === 'GET' || operation.method === 'DELETE'

function goodDraft(id: string, operation: Operation, known: KnownIds, chance: Seeded): Draft {
  const members: Record<string, unknown> = structuredClone({ ...exampleOf(id) })
  for (const member of Object.keys(members)) {
    const there = known[`${id.split('.')[0]}.${member}`] ?? known[member]
    if (there && chance.int(4) > 0)
      members[member] = Array.isArray(members[member]) ? [chance.pick(there)] : chance.pick(there)
  }
  if (operation.waits)
    Object.assign(members, id === 'deliveries.receive' ? { wait_ms: 0, lease_ms: 3_600_000 } : { timeout_ms: 0 })
  const path = operation.path.replace(/:(\w+)/g, (_, member: string) => {
    const value = members[member]
    delete members[member]
    return lenient(String(value))
  })
  const headers: Record<string, string> = {}
  for (const [member, header] of Object.entries(operation.headers ?? {})) {
    if (members[member] !== undefined) headers[header] = String(members[member])
    delete members[member]
  }
  if (readsQuery(operation)) {
    const query = new URLSearchParams(Object.entries(members).map(([key, value]) => [key, String(value)])).toString()
    return { what: id, method: operation.method, path, query, headers, body: undefined }
  }
  headers['content-type'] = 'application/json'
  const envelope = sealed({ id: `env-fuzz-${chance.int(1_000_000)}`, target_agent: 'coder' })
  if (operation.document === undefined && members.envelope_id !== undefined && chance.int(3) === 0) {
    delete members.envelope_id
    members.envelope = envelope
  }
  const body = operation.document ? envelope : members
  return { what: id, method: operation.method, path, query: '', headers, body, envelope }
}

/** So that what was changed in an envelope is looked at, and not only its seal. */
function sealAgain(envelope: Envelope): void {
  try {
    envelope.digest = digestOf(envelope)
  } catch {
    // It cannot be sealed any more: the seal that it had is wrong, too.
  }
}

/** One request in ten is good: what is refused has to be told from what is not. */
export function hostileRequest(known: KnownIds, chance: Seeded): HostileRequest {
  const { group, name, operation } = chance.pick(operations())
  const draft = goodDraft(`${group}.${name}`, operation, known, chance)
  const changes = chance.int(10) === 0 ? 0 : 1 + chance.int(2)
  for (let change = 0; change < changes; change += 1) {
    const [words, mutate] = chance.pick(Object.entries(mutations))
    mutate(draft, chance)
    draft.what += `, ${words}`
  }
  if (draft.envelope && chance.int(2) === 0) sealAgain(draft.envelope)
  const { what, method, path, query, headers, body } = draft
  const raw = new RegExp(`"${RAW}(.*?)${RAW}"`, 'g')
  const text =
    body === undefined ? undefined : JSON.stringify(body).replace(raw, (_, value) => JSON.parse(`"${value}"`))
  const bytes = draft.bytes ?? (text === undefined ? undefined : encoder.encode(text))
  return { what, method, path: query ? `${path}?${query}` : path, headers, body: bytes }
}
