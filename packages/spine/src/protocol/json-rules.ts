/**
 * The rules that JSON keeps here, whether it comes as bytes or as a value, and the words of their refusals. What walks
 * the bytes and the values is in scan.ts.
 */

import type { Limits } from './limits.ts'

/** An object or an array. */
export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Keys and indexes from the top of a document to a place in it. */
export type Path = (string | number)[]

const MAX_QUOTED_CHARS = 40
const MAX_POINTER_CHARS = 200
const ZERO = 0x30

const hex = (char: string) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`

/** Foreign text goes into logs and terminals with the detail: short, and nothing in it acts or hides. */
export function quoted(text: string): string {
  const shown = text.length > MAX_QUOTED_CHARS ? `${text.slice(0, MAX_QUOTED_CHARS)}...` : text
  return `"${shown.replace(/[\p{C}\p{Zl}\p{Zp}"\\]/gu, hex)}"`
}

/** The JSON pointer of a place, for a detail. */
export function pointer(path: Path): string {
  if (path.length === 0) return 'the top level'
  const whole = path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
  const shown = whole.length > MAX_POINTER_CHARS ? `${whole.slice(0, MAX_POINTER_CHARS)}...` : whole
  return shown.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, hex)
}

/** Keys through which a careless merge reaches the prototype of all objects. */
export const isPrototypeKey = (key: string) => key === '__proto__' || key === 'constructor' || key === 'prototype'

/** What is wrong and what to do, in the words of a detail. */
export const fault = Object.freeze({
  prototypeKey: (key: string) => `the key "${key}" can reach a prototype; use another name.`,
  tooManyKeys: (limits: Limits) =>
    `an object has more than ${limits.object_keys} keys; use an array, or store the parts as memories.`,
  tooManyItems: (limits: Limits) => `an array has more than ${limits.array_items} items; send it in parts.`,
  tooDeep: (limits: Limits) => `nested more than ${limits.depth} levels deep; flatten it.`,
  tooLong: (limits: Limits) =>
    `a string is longer than ${limits.string_chars} characters; store it as several memories and refer to them by id.`,
  tooManyBytes: (limits: Limits) =>
    `The document is larger than ${limits.body_bytes} bytes; send it in parts, or store long text as memories.`,
  loneSurrogate: 'half of a surrogate pair stands alone; repair the text, it was cut inside a character.',
  nul: 'a NUL character (\\u0000), which not every database can store; remove it.',
  noNumber: 'NaN and Infinity do not exist in JSON; send null or a string.',
})

/** The digits of a decimal without sign, point, exponent and the zeros that carry no value. */
export function significantDigits(decimal: string): string {
  const exponent = decimal.search(/[eE]/)
  const digits = (exponent < 0 ? decimal : decimal.slice(0, exponent)).replace(/[-.]/g, '')
  let start = 0
  let end = digits.length
  while (start < end && digits.charCodeAt(start) === ZERO) start++
  while (end > start && digits.charCodeAt(end - 1) === ZERO) end--
  return digits.slice(start, end)
}

/**
 * Why a number would not survive a trip through JSON, a database and other languages; undefined if it would. Judged by
 * the value, so that 1e20 and 100000000000000000000 get one answer, in bytes and in process.
 */
export function numberFault(value: number, limits: Limits, digits: string): string | undefined {
  if (!Number.isFinite(value)) return 'a number beyond what a double can hold; send it as a string.'
  if (Object.is(value, -0)) return '-0 turns into 0 on the way; send 0.'
  const kept = significantDigits(String(value))
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return 'an integer beyond 2^53-1, which loses digits; send it as a string.'
  }
  if (digits !== kept) return 'a number with more digits than a double keeps; shorten it, or send it as a string.'
  if (!Number.isInteger(value) && kept.length > limits.number_digits) {
    return `a decimal with more than ${limits.number_digits} significant digits; round it, or send it as a string.`
  }
  return undefined
}
