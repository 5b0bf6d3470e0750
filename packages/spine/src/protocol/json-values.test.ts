/** What the tests of the door for JSON share: its verdicts, and values of every kind. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type ErrorCode, SpineError } from './errors.ts'
import { type Limits, limits } from './limits.ts'
import { parseJson } from './scan.ts'

export const encoder = new TextEncoder()
export const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
export const parse = (text: string, given: Limits = limits) => parseJson(encoder.encode(text), given)
export const codes: ReadonlySet<ErrorCode> = new Set(['INVALID_JSON', 'INVALID_NUMBER', 'TOO_DEEP', 'TOO_LARGE'])

/** 'ok', or the code of the refusal; any other error is a fault of the scanner and goes through. */
export function verdict(run: () => unknown): ErrorCode | 'ok' {
  try {
    run()
    return 'ok'
  } catch (error) {
    if (error instanceof SpineError && codes.has(error.code)) return error.code
    throw error
  }
}

export const refusal = (run: () => unknown): SpineError => {
  try {
    run()
  } catch (error) {
    if (error instanceof SpineError) return error
    throw error
  }
  throw new assert.AssertionError({ message: 'it was accepted' })
}

/** Any value that JSON carries without loss, with keys and texts of every script and some that need escapes. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
  fc.string({ unit: 'grapheme' }),
)
export const anyKey = anyText.filter((key) => !['__proto__', 'constructor', 'prototype'].includes(key))
export const anyNumber = fc.oneof(
  fc.maxSafeInteger().map((value) => value + 0),
  fc
    .double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })
    .map((value) => Number(value.toPrecision(15)) + 0),
)
export const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyText,
    anyNumber,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 8 }),
    fc.dictionary(anyKey, tie('value'), { maxKeys: 8 }),
  ),
}))
