import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { hostileCases } from './hostile-corpus.ts'
import { anyNumber, anyText, anyValue, parse, refusal, textDecoder, verdict } from './json-values.test.ts'
import { limits } from './limits.ts'
import { checkValue } from './scan.ts'

/** Values of which many break a rule. */
const wildNumber = fc.double().filter((value) => Number.isFinite(value) && !Object.is(value, -0))
const wildText = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  anyText,
)
const wildKey = fc.oneof(wildText, fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString'))
const { value: wildValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    wildText,
    wildNumber,
    anyNumber,
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(wildKey, fc.oneof(tie('value'), fc.constant(undefined)), { maxKeys: 6 }),
  ),
}))

describe('checkValue', () => {
  test('agrees with parseJson on the text of any value', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.oneof(wildValue, anyValue), (value) => {
        const inProcess = verdict(() => checkValue(value))
        seen.add(inProcess)
        assert.equal(
          inProcess,
          verdict(() => parse(JSON.stringify(value))),
        )
      }),
      { numRuns: 3_000 },
    )
    assert.deepEqual([...seen].sort(), ['INVALID_JSON', 'INVALID_NUMBER', 'ok'])
  })

  test('agrees with parseJson on every hostile document that JSON.parse accepts without changing it', () => {
    let compared = 0
    for (const { name, bytes, expect } of hostileCases()) {
      let value: unknown
      let text: string
      try {
        text = textDecoder.decode(bytes)
        value = JSON.parse(text)
      } catch {
        continue
      }
      if (bytes.length > limits.body_bytes || JSON.stringify(value) !== text) continue
      compared++
      assert.equal(
        verdict(() => checkValue(value)),
        expect,
        name,
      )
    }
    assert.ok(compared > 25, `only ${compared}`)
  })

  test('refuses numbers that JSON cannot carry', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 2 ** 53, 0.1 + 0.2]) {
      assert.equal(
        verdict(() => checkValue({ a: [value] })),
        'INVALID_NUMBER',
        `${value}`,
      )
    }
  })

  test('refuses what JSON would drop, change or call', () => {
    class Point {
      x = 1
    }
    const hidden = Object.defineProperty({}, 'toJSON', { value: () => 'something else' })
    const withToJson = Object.assign([1], { toJSON: () => [] })
    const values = [() => 1, Symbol('a'), 1n, new Date(0), new Map(), new Set(), new Point(), /a/, new Uint8Array(2)]
    for (const value of [
      ...values,
      new String('a'),
      new Number(1),
      hidden,
      withToJson,
      Object.create({ inherited: 1 }),
    ]) {
      assert.equal(
        verdict(() => checkValue([value])),
        'INVALID_JSON',
        Object.prototype.toString.call(value),
      )
    }
  })

  test('ignores undefined members, and refuses undefined anywhere else', () => {
    checkValue({ a: undefined, b: { c: undefined }, constructor: undefined })
    for (const value of [undefined, [undefined], [1, undefined], new Array(3)]) {
      assert.equal(
        verdict(() => checkValue(value)),
        'INVALID_JSON',
      )
    }
  })

  test('accepts plain objects, those without a prototype, and those of another realm', () => {
    checkValue({ a: Object.assign(Object.create(null), { b: [1, 'x', null, true] }) })
    checkValue(runInNewContext('({ a: [{ b: 1 }] })'))
    assert.equal(
      verdict(() => checkValue(runInNewContext('({ a: new Date() })'))),
      'INVALID_JSON',
    )
  })

  test('refuses a value that contains itself, and accepts one that is shared', () => {
    const cycle: unknown[] = []
    cycle.push({ a: cycle })
    assert.match(refusal(() => checkValue(cycle)).message, /^At \/0\/a: the value contains itself/)
    const shared = { a: 1 }
    checkValue([shared, shared, { shared }])
  })

  test('stops at a small value that would be an endless text', () => {
    let value: unknown = 'x'
    for (let level = 0; level < 60; level++) value = [value, value]
    assert.equal(
      verdict(() => checkValue(value)),
      'TOO_LARGE',
    )
    let deep: unknown[] = []
    for (let level = 0; level < 1_000_000; level++) deep = [deep]
    assert.equal(
      verdict(() => checkValue(deep)),
      'TOO_DEEP',
    )
    assert.equal(
      verdict(() => checkValue(new Array(2 ** 32 - 1))),
      'TOO_LARGE',
    )
  })

  test('says where, as a JSON pointer', () => {
    assert.match(
      refusal(() => checkValue({ a: [0, { 'b/c': 1n }] })).message,
      /^At \/a\/1\/b~1c: bigint does not exist/,
    )
    assert.match(refusal(() => checkValue([Number.NaN])).message, /^At \/0: NaN and Infinity do not exist/)
    assert.match(refusal(() => checkValue(undefined)).message, /^At the top level: /)
  })
})
