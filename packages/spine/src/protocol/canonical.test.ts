// The canonical form of RFC 8785, the digest over it, and the exact bytes.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  canonicalBytes,
  digestOf,
  exactBytes,
  freezeDeep,
  rememberBytes,
  rememberWritten,
  sealed,
  takeWritten,
} from './canonical.ts'

const decoder = new TextDecoder()
const canonical = (value: unknown) => decoder.decode(canonicalBytes(value))
const document = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ noUnicodeString: false }), {
  noNullPrototype: true,
})

/** The same value with the keys of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reordered(member)]),
  )
}

test('the examples of RFC 8785', () => {
  assert.equal(
    canonical({
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  )
  // Keys are sorted by their UTF-16 units, not by code points.
  assert.equal(
    canonical({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, ö: 7 }),
    '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
  )
})

test('the order of keys does not matter, the value comes back', () => {
  fc.assert(
    fc.property(document, (value) => {
      assert.equal(canonical(reordered(value)), canonical(value))
      assert.equal(canonical(JSON.parse(canonical(value))), canonical(value))
    }),
  )
})

test('a sealed document has its digest, and its bytes are the canonical ones', () => {
  fc.assert(
    fc.property(document, ({ signature: _signature, ...value }) => {
      const { document: made, bytes } = sealed(value)
      assert.equal(made.digest, digestOf(value))
      assert.deepEqual({ ...made, digest: value.digest }, { ...value, digest: value.digest })
      assert.equal(decoder.decode(bytes), canonical(made))
    }),
  )
  assert.equal(decoder.decode(sealed({ zone: 1, at: undefined }).bytes), canonical(sealed({ zone: 1 }).document))
})

test('a digest covers everything but itself and the signature', () => {
  fc.assert(
    fc.property(document, (value) => {
      const { digest: _digest, signature: _signature, ...covered } = value
      const digest = digestOf(value)
      assert.equal(digest, `sha256:${createHash('sha256').update(canonical(covered)).digest('hex')}`)
      assert.equal(digestOf({ ...value, digest, signature: 'any' }), digest)
      assert.notEqual(digestOf({ ...value, 'a key that is new': 1 }), digest)
      // What is written of it in any order may be known already.
      for (const one of [value, sealed(value).document, JSON.parse(canonical(value))])
        assert.equal(digestOf(one, JSON.stringify(one)), digest)
    }),
  )
})

test('bytes are remembered for the very document they were read as', () => {
  const bytes = new TextEncoder().encode('{ "a" : 1 }')
  const value = rememberBytes(JSON.parse('{ "a" : 1 }'), bytes)
  assert.equal(exactBytes(value), bytes)
  assert.equal(exactBytes({ ...value }), undefined)
})

test('what is written of a document is told once, for that very document', () => {
  const value = { a: 1 }
  rememberWritten(value, '{"a":1}')
  assert.equal(takeWritten({ ...value }), undefined)
  assert.deepEqual([takeWritten(value), takeWritten(value)], ['{"a":1}', undefined])
})

test('a frozen document cannot be changed at any depth', () => {
  const value = freezeDeep({ a: [{ b: 1 }] })
  assert.throws(() => {
    ;(value.a[0] as { b: number }).b = 2
  }, TypeError)
})
