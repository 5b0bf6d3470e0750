/**
 * The door for JSON: every byte that comes in is scanned once before JSON.parse sees it, and every value given in
 * process is walked by the same rules. What the two databases, a later reader or a digest would treat differently
 * (deep nesting, doubled keys, numbers that lose digits, NUL, lone surrogates) never becomes a message. The shape of
 * documents is not judged here.
 */

import { SpineError } from './errors.ts'
import { fault, isPrototypeKey, numberFault, type Path, pointer, quoted, significantDigits } from './json-rules.ts'
import { limits as defaultLimits, type Limits } from './limits.ts'
import { readPlain } from './plain-json.ts'
import { isScanned, markScanned } from './scanned.ts'
import { decodeUtf8, utf8Bytes } from './utf8.ts'

/**
 * Where a value stands in the bytes it was read from; `end` is the first byte behind it. `written`: its text, where
 * JSON.stringify writes the very same.
 */
export type Span = { readonly start: number; readonly end: number; readonly written?: string }

export type ParsedJson = {
  readonly value: unknown
  /**
   * By key of the top-level object: the bytes of its value, without the space around it; and, as `items/0/envelope`,
   * those of the envelopes of its items: a body may hold a hundred thousand other members. Empty for other documents.
   */
  readonly spans: ReadonlyMap<string, Span>
}

type Scan = { readonly text: string; readonly limits: Limits; readonly path: Path; readonly spans: Map<string, Span> }
type ScanCode = 'INVALID_JSON' | 'INVALID_NUMBER' | 'TOO_DEEP' | 'TOO_LARGE'

const QUOTE = 0x22
const PLUS = 0x2b
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const BRACKET_OPEN = 0x5b
const BACKSLASH = 0x5c
const BRACKET_CLOSE = 0x5d
const LOWER_A = 0x61
const LOWER_F = 0x66
const LOWER_T = 0x74
const LOWER_U = 0x75
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d

/** Without an exponent, so few digits are kept whatever they are: no need to look at the value. */
const SURELY_EXACT_DIGITS = 15

/** Up to this many keys, looking through a list is faster than making a set. */
const FEW_KEYS = 8

function refuse(scan: Scan, code: ScanCode, at: number, what: string): never {
  throw new SpineError(code, `Byte ${utf8Bytes(scan.text, 0, at)}, at ${pointer(scan.path)}: ${what}`)
}

function unexpected(scan: Scan, at: number, wanted: string): never {
  const code = scan.text.codePointAt(at)
  if (code === undefined) refuse(scan, 'INVALID_JSON', at, `the text ends where ${wanted} should stand.`)
  if (code === 0) refuse(scan, 'INVALID_JSON', at, 'a NUL byte; remove it.')
  const found = quoted(String.fromCodePoint(code))
  return refuse(scan, 'INVALID_JSON', at, `${found} stands where ${wanted} should stand.`)
}

// --- the scanner: each function takes the place where its part begins and answers the place behind it ---

function spaceEnd(text: string, from: number): number {
  let at = from
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break
    at++
  }
  return at
}

/** The code unit of a \uXXXX at `at`; -1 if there is none. Some senders escape all that is not ASCII: it must be fast. */
function escapedUnit(text: string, at: number): number {
  if (at + 6 > text.length || text.charCodeAt(at) !== BACKSLASH || text.charCodeAt(at + 1) !== LOWER_U) return -1
  let unit = 0
  for (let place = at + 2; place < at + 6; place++) {
    const code = text.charCodeAt(place)
    const lower = code | 0x20
    if (code >= ZERO && code <= NINE) unit = unit * 16 + code - ZERO
    else if (lower >= LOWER_A && lower <= LOWER_F) unit = unit * 16 + lower - LOWER_A + 10
    else return -1
  }
  return unit
}

function escapeEnd(scan: Scan, at: number): number {
  const { text } = scan
  if (text.charCodeAt(at + 1) !== LOWER_U) {
    if (at + 1 >= text.length || !'"\\/bfnrt'.includes(text.charAt(at + 1))) unexpected(scan, at + 1, 'an escape')
    return at + 2
  }
  const unit = escapedUnit(text, at)
  if (unit < 0) refuse(scan, 'INVALID_JSON', at, '\\u without four hexadecimal digits.')
  if (unit === 0) refuse(scan, 'INVALID_JSON', at, fault.nul)
  if (unit < 0xd800 || unit > 0xdfff) return at + 6
  // Raw surrogates cannot stand here alone, the decoder saw to it: an escaped one needs an escaped partner.
  const partner = unit <= 0xdbff ? escapedUnit(text, at + 6) : -1
  if (partner < 0xdc00 || partner > 0xdfff) refuse(scan, 'INVALID_JSON', at, fault.loneSurrogate)
  return at + 12
}

function stringEnd(scan: Scan, open: number): number {
  const { text, limits } = scan
  const { length } = text
  let saved = 0
  let at = open + 1
  for (;;) {
    if (at >= length) unexpected(scan, length, 'the end of a string')
    const code = text.charCodeAt(at)
    if (code === QUOTE) break
    if (code === BACKSLASH) {
      const end = escapeEnd(scan, at)
      // What stands in 2 or 6 units is one unit of the value; a pair in 12 units is two.
      saved += end - at === 12 ? 10 : end - at - 1
      at = end
    } else {
      if (code < 0x20) unexpected(scan, at, 'an escaped control character')
      at++
    }
  }
  if (at - open - 1 - saved > limits.string_chars) refuse(scan, 'TOO_LARGE', open, fault.tooLong(limits))
  return at + 1
}

function digitsEnd(scan: Scan, from: number): number {
  const { text } = scan
  let at = from
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code < ZERO || code > NINE) break
    at++
  }
  if (at === from) unexpected(scan, at, 'a digit')
  return at
}

function numberEnd(scan: Scan, start: number): number {
  const { text } = scan
  const negative = text.charCodeAt(start) === MINUS
  const first = negative ? start + 1 : start
  if (negative && text.startsWith('Infinity', first)) refuse(scan, 'INVALID_NUMBER', start, fault.noNumber)
  const whole = digitsEnd(scan, first)
  const leadingZero = text.charCodeAt(first) === ZERO
  if (leadingZero && whole > first + 1)
    refuse(scan, 'INVALID_JSON', start, 'a number begins with 0; leave the zero out.')
  let end = whole
  if (end < text.length && text.charCodeAt(end) === DOT) end = digitsEnd(scan, end + 1)
  let plain = end - first <= Math.min(SURELY_EXACT_DIGITS, scan.limits.number_digits) && !(negative && leadingZero)
  if (end < text.length && (text.charCodeAt(end) | 0x20) === 0x65) {
    const sign = text.charCodeAt(end + 1)
    end = digitsEnd(scan, sign === PLUS || sign === MINUS ? end + 2 : end + 1)
    plain = false
  }
  if (!plain) {
    const decimal = text.slice(start, end)
    const broken = numberFault(Number(decimal), scan.limits, significantDigits(decimal))
    if (broken) refuse(scan, 'INVALID_NUMBER', start, broken)
  }
  return end
}

function arrayEnd(scan: Scan, open: number, depth: number): number {
  const { text, limits, path } = scan
  let at = spaceEnd(text, open + 1)
  if (text.charCodeAt(at) === BRACKET_CLOSE) return at + 1
  const level = path.length
  for (let count = 1; ; count++) {
    if (count > limits.array_items) refuse(scan, 'TOO_LARGE', at, fault.tooManyItems(limits))
    path[level] = count - 1
    at = spaceEnd(text, valueEnd(scan, at, depth))
    const code = text.charCodeAt(at)
    if (code === BRACKET_CLOSE) break
    if (code !== COMMA) unexpected(scan, at, 'a comma or ]')
    at = spaceEnd(text, at + 1)
  }
  path.length = level
  return at + 1
}

function keyOf(text: string, open: number, end: number): string {
  const raw = text.slice(open + 1, end - 1)
  return raw.includes('\\') ? (JSON.parse(text.slice(open, end)) as string) : raw
}

const isOpening = (code: number): boolean => code === BRACE_OPEN || code === BRACKET_OPEN

const isOfAnItem = ([key, index, member]: Path): boolean =>
  member === 'envelope' && typeof index === 'number' && key === 'items'

function objectEnd(scan: Scan, open: number, depth: number): number {
  const { text, limits, path } = scan
  let at = spaceEnd(text, open + 1)
  if (text.charCodeAt(at) === BRACE_CLOSE) return at + 1
  const few: string[] = []
  let many: Set<string> | undefined
  const level = path.length
  for (let count = 1; ; count++) {
    if (text.charCodeAt(at) !== QUOTE) unexpected(scan, at, 'a key in double quotes')
    const keyEnd = stringEnd(scan, at)
    const key = keyOf(text, at, keyEnd)
    path[level] = key
    if (isPrototypeKey(key)) refuse(scan, 'INVALID_JSON', at, fault.prototypeKey(key))
    if (many ? many.has(key) : few.includes(key)) {
      refuse(scan, 'INVALID_JSON', at, `the key ${quoted(key)} stands twice in one object; keep one of them.`)
    }
    if (count > limits.object_keys) refuse(scan, 'TOO_LARGE', at, fault.tooManyKeys(limits))
    if (many) many.add(key)
    else if (few.push(key) === FEW_KEYS) many = new Set(few)
    at = spaceEnd(text, keyEnd)
    if (text.charCodeAt(at) !== COLON) unexpected(scan, at, 'a colon')
    const start = spaceEnd(text, at + 1)
    const end = valueEnd(scan, start, depth)
    if (depth === 1) scan.spans.set(key, { start, end })
    else if (depth === 3 && isOfAnItem(path) && isOpening(text.charCodeAt(start)))
      scan.spans.set(path.join('/'), { start, end })
    at = spaceEnd(text, end)
    const code = text.charCodeAt(at)
    if (code === BRACE_CLOSE) break
    if (code !== COMMA) unexpected(scan, at, 'a comma or }')
    at = spaceEnd(text, at + 1)
  }
  path.length = level
  return at + 1
}

function literalEnd(scan: Scan, at: number): number {
  const code = scan.text.charCodeAt(at)
  const literal = code === LOWER_T ? 'true' : code === LOWER_F ? 'false' : 'null'
  if (scan.text.startsWith(literal, at)) return at + literal.length
  for (const word of ['NaN', 'Infinity']) {
    if (scan.text.startsWith(word, at)) refuse(scan, 'INVALID_NUMBER', at, fault.noNumber)
  }
  return unexpected(scan, at, 'a value')
}

/** `depth` counts the objects and arrays around the value; it bounds the recursion, too. */
function valueEnd(scan: Scan, at: number, depth: number): number {
  const code = scan.text.charCodeAt(at)
  if (code === QUOTE) return stringEnd(scan, at)
  if (isOpening(code)) {
    if (depth >= scan.limits.depth) refuse(scan, 'TOO_DEEP', at, fault.tooDeep(scan.limits))
    return code === BRACE_OPEN ? objectEnd(scan, at, depth + 1) : arrayEnd(scan, at, depth + 1)
  }
  if (code === MINUS || (code >= ZERO && code <= NINE)) return numberEnd(scan, at)
  return literalEnd(scan, at)
}

// --- bytes ---

/** Character offsets become byte offsets. */
function byteSpans(text: string, spans: ReadonlyMap<string, Span>): Map<string, Span> {
  const offsets = [...spans.values()].flatMap(({ start, end }) => [start, end])
  const bytes = new Map<number, number>()
  let before = 0
  let from = 0
  for (const at of offsets.sort((left, right) => left - right)) {
    before += utf8Bytes(text, from, at)
    from = at
    bytes.set(at, before)
  }
  const bytesTo = (at: number) => bytes.get(at) ?? 0
  return new Map(
    [...spans].map(([key, span]) => [key, { ...span, start: bytesTo(span.start), end: bytesTo(span.end) }]),
  )
}

/**
 * Reads a JSON document from its bytes. Throws SpineError INVALID_JSON (malformed, not UTF-8, byte order mark, doubled
 * or prototype key, lone surrogate, NUL), INVALID_NUMBER, TOO_DEEP or TOO_LARGE; the detail names byte and JSON pointer.
 */
export function parseJson(bytes: Uint8Array, limits: Limits = defaultLimits): ParsedJson {
  if (bytes.byteLength > limits.body_bytes) throw new SpineError('TOO_LARGE', fault.tooManyBytes(limits))
  const text = decodeUtf8(bytes)
  const plain = readPlain(text, limits)
  if (plain) return parsed(bytes, text, plain.value, plain.places)
  const scan: Scan = { text, limits, path: [], spans: new Map() }
  const end = spaceEnd(text, valueEnd(scan, spaceEnd(text, 0), 0))
  if (end < text.length) unexpected(scan, end, 'the end of the document')
  return parsed(bytes, text, JSON.parse(text), scan.spans)
}

function parsed(bytes: Uint8Array, text: string, value: unknown, places: ReadonlyMap<string, Span>): ParsedJson {
  markScanned(value)
  return { value, spans: text.length === bytes.byteLength ? places : byteSpans(text, places) }
}

// --- values given in process ---

type Walk = { readonly limits: Limits; readonly path: Path; readonly around: object[]; bytes: number }

function reject(walk: Walk, code: ScanCode, what: string): never {
  throw new SpineError(code, `At ${pointer(walk.path)}: ${what}`)
}

/** Counts at least what JSON text takes at least: a value that refers to one part many times is caught by it. */
function take(walk: Walk, bytes: number): void {
  walk.bytes += bytes
  if (walk.bytes > walk.limits.body_bytes) throw new SpineError('TOO_LARGE', fault.tooManyBytes(walk.limits))
}

function walkString(walk: Walk, text: string): void {
  take(walk, text.length + 2)
  if (text.length > walk.limits.string_chars) reject(walk, 'TOO_LARGE', fault.tooLong(walk.limits))
  if (text.includes('\0')) reject(walk, 'INVALID_JSON', fault.nul)
  if (!text.isWellFormed()) reject(walk, 'INVALID_JSON', fault.loneSurrogate)
}

function walkNumber(walk: Walk, value: number): void {
  take(walk, 1)
  if (Number.isNaN(value)) reject(walk, 'INVALID_NUMBER', fault.noNumber)
  if (Number.isSafeInteger(value) && value !== 0) return
  const broken = numberFault(value, walk.limits, significantDigits(String(value)))
  if (broken) reject(walk, 'INVALID_NUMBER', broken)
}

/** Also of another realm (a vm context, as test runners make them), whose Object is not ours. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
}

function walkArray(walk: Walk, items: readonly unknown[]): void {
  if (items.length > walk.limits.array_items) reject(walk, 'TOO_LARGE', fault.tooManyItems(walk.limits))
  const level = walk.path.length
  for (let index = 0; index < items.length; index++) {
    walk.path[level] = index
    walkValue(walk, items[index])
  }
  walk.path.length = level
}

function walkObject(walk: Walk, value: object): void {
  if (!isPlainObject(value)) reject(walk, 'INVALID_JSON', 'an object of a class; give a plain object.')
  const level = walk.path.length
  let count = 0
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key]
    if (member === undefined) continue
    walk.path[level] = key
    if (isPrototypeKey(key)) reject(walk, 'INVALID_JSON', fault.prototypeKey(key))
    if (++count > walk.limits.object_keys) reject(walk, 'TOO_LARGE', fault.tooManyKeys(walk.limits))
    walkString(walk, key)
    walkValue(walk, member)
  }
  walk.path.length = level
}

function walkContainer(walk: Walk, value: object): void {
  if (isScanned(value)) return
  const { around, limits } = walk
  take(walk, 2)
  if (around.includes(value)) reject(walk, 'INVALID_JSON', 'the value contains itself; refer to it by an id.')
  if (around.length >= limits.depth) reject(walk, 'TOO_DEEP', fault.tooDeep(limits))
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    reject(walk, 'INVALID_JSON', 'an object with toJSON (a Date, for example); give the value it stands for.')
  }
  around.push(value)
  if (Array.isArray(value)) walkArray(walk, value)
  else walkObject(walk, value)
  around.pop()
}

function walkValue(walk: Walk, value: unknown): void {
  if (typeof value === 'string') walkString(walk, value)
  else if (typeof value === 'number') walkNumber(walk, value)
  else if (typeof value === 'boolean' || value === null) take(walk, 4)
  else if (typeof value === 'object') walkContainer(walk, value)
  else reject(walk, 'INVALID_JSON', `${typeof value} does not exist in JSON; leave it out, or give null or a string.`)
}

/**
 * Judges a value given in process by the rules of parseJson, so that what works embedded works over HTTP and on every
 * database. Plain and null-prototype objects, arrays, strings, numbers, booleans and null; members that are undefined
 * count as absent, symbol keys are not seen. What parseJson read is not walked again. Throws SpineError with the codes of parseJson and a JSON pointer.
 */
export function checkValue(value: unknown, limits: Limits = defaultLimits): void {
  walkValue({ limits, path: [], around: [], bytes: 0 }, value)
}
