/**
 * The short way through the door, for JSON as programs write it. What JSON.stringify writes again letter by letter has
 * nothing that only its bytes show (doubled keys, numbers that lose digits, spaces), and its value tells the rest. It
 * only ever says yes: what is not surely in order goes the long way through the scanner, which says what is wrong where.
 */

import { isObject, isPrototypeKey, numberFault, significantDigits } from './json-rules.ts'
import type { Limits } from './limits.ts'

/** `written`: its text, as JSON.stringify writes it. */
type Place = { start: number; end: number; written: string }
export type PlainJson = { value: unknown; places: Map<string, Place> }

/** The value of a text, and the places as `parseJson` gives them, in characters; nothing where the scanner has to look. */
export function readPlain(text: string, limits: Limits): PlainJson | undefined {
  // Such an escape may stand for NUL or for half a pair.
  if (text.includes('\\u')) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(value) || Array.isArray(value) || !isWithin(value, limits, limits.depth)) return undefined
  const places = new Map<string, Place>()
  return membersEnd(text, 0, value, '', places) === text.length ? { value, places } : undefined
}

/** The place behind an object whose members stand at `at` as JSON.stringify writes them; -1 if they do not. */
function membersEnd(text: string, from: number, value: object, path: string, places: Map<string, Place>): number {
  let at = from
  for (const [key, member] of Object.entries(value)) {
    const named = `${at === from ? '{' : ','}${JSON.stringify(key)}:`
    if (!text.startsWith(named, at)) return -1
    const start = at + named.length
    const is_list = path === '' && key === 'items' && Array.isArray(member) && member.length > 0
    at = is_list ? itemsEnd(text, start, member, `${key}/`, places) : writtenEnd(text, start, member)
    if (at < 0) return -1
    if (path === '' || (key === 'envelope' && isObject(member)))
      places.set(path + key, { start, end: at, written: text.slice(start, at) })
  }
  const close = at === from ? '{}' : '}'
  return text.startsWith(close, at) ? at + close.length : -1
}

function itemsEnd(text: string, from: number, items: unknown[], path: string, places: Map<string, Place>): number {
  let at = from
  for (const [index, item] of items.entries()) {
    if (!text.startsWith(at === from ? '[' : ',', at)) return -1
    const start = at + 1
    const is_sent = isObject(item) && 'envelope' in item && isObject(item.envelope)
    at = is_sent ? membersEnd(text, start, item, `${path}${index}/`, places) : writtenEnd(text, start, item)
    if (at < 0) return -1
  }
  return text.startsWith(']', at) ? at + 1 : -1
}

function writtenEnd(text: string, at: number, value: unknown): number {
  const written = JSON.stringify(value)
  return text.startsWith(written, at) ? at + written.length : -1
}

/** `depth`: how many objects and arrays may still stand inside each other. */
function isWithin(value: unknown, limits: Limits, depth: number): boolean {
  if (typeof value === 'string') return value.length <= limits.string_chars
  if (typeof value === 'number') return isExact(value, limits)
  if (!isObject(value)) return true
  if (depth === 0) return false
  if (Array.isArray(value))
    return value.length <= limits.array_items && value.every((item) => isWithin(item, limits, depth - 1))
  const keys = Object.keys(value)
  if (keys.length > limits.object_keys) return false
  for (const key of keys) {
    if (isPrototypeKey(key) || key.length > limits.string_chars) return false
    if (!isWithin((value as Record<string, unknown>)[key], limits, depth - 1)) return false
  }
  return true
}

const isExact = (value: number, limits: Limits): boolean =>
  Number.isSafeInteger(value) || numberFault(value, limits, significantDigits(String(value))) === undefined
