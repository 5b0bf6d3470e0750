// Terms: the same words however they are written, identifiers whole and in parts, any script, whole numbers below 2^52.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nastyText } from '../testing/arbitraries.ts'
import { stemOf } from './stem.ts'
import { hashOf, termsOf, wordsOf } from './terms.ts'

test('a stem is that of the published algorithm', () => {
  const published = `caresses caress, ponies poni, ties ti, cats cat, feed feed, agreed agre, plastered plaster, bled bled,
    motoring motor, sing sing, conflated conflat, troubled troubl, sized size, hopping hop, tanned tan, falling fall,
    hissing hiss, fizzed fizz, failing fail, filing file, happy happi, sky sky, relational relat, conditional condit,
    rational ration, digitizer digit, operator oper, feudalism feudal, decisiveness decis, hopefulness hope,
    formality formal, sensitivity sensit, triplicate triplic, formalize formal, electrical electr, goodness good,
    revival reviv, allowance allow, inference infer, airliner airlin, adjustable adjust, replacement replac,
    adoption adopt, communism commun, activate activ, effective effect, probate probat, rate rate, cease ceas,
    controlling control, roll roll`
  for (const pair of published.split(',')) {
    const [word = '', stem] = pair.trim().split(' ')
    assert.equal(stemOf(word), stem, word)
  }
})

test('forms of a word are one term, and words that say nothing are none', () => {
  assert.deepEqual(termsOf('The certificates were renewed'), termsOf('renewing a certificate').toReversed())
  assert.deepEqual(termsOf("She went there, didn't she?"), termsOf('go'))
  assert.deepEqual(termsOf('of the and to'), [])
})

test('an identifier is found whole and in parts, and is known as exact', () => {
  const terms = (text: string) => new Set(termsOf(text))
  assert.deepEqual(terms('getUserName'), new Set(['getusername', 'get', 'user', 'name']))
  assert.ok(terms('src/store/ledger.ts').has('src/store/ledger.ts') && terms('src/store/ledger.ts').has('ledger'))
  assert.ok(terms('OPS-4127').has('ops-4127') && terms('OPS-4127').has('4127'))
  assert.deepEqual(termsOf('1,250,000'), ['1250000'])
  assert.deepEqual(
    wordsOf('see OPS-4127, getUserName or plain words').map(({ exact }) => exact),
    [false, true, true, false, false],
  )
  assert.ok(terms('a well-known host').has('host') && terms('a well-known host').has('know'))
})

test('a script without spaces is known by its pairs of characters', () => {
  assert.deepEqual(termsOf('数据库'), ['数据', '据库'])
  assert.deepEqual(termsOf('Redisの値'), ['redi', 'の値'])
  assert.deepEqual(termsOf('海'), ['海'])
})

test('accents, widths and case do not matter', () => {
  assert.deepEqual(termsOf('ＣＡＦÉ Über'), termsOf('café uber'))
})

test('any text gives terms, each a whole number below 2^52 that is its own', () => {
  const owners = new Map<number, string>()
  fc.assert(
    fc.property(fc.oneof(nastyText, fc.string({ unit: 'binary' })), (text) => {
      for (const term of termsOf(text)) {
        const hash = hashOf(term)
        assert.ok(Number.isSafeInteger(hash) && hash >= 0 && hash < 2 ** 52)
        assert.equal(owners.get(hash) ?? term, term)
        owners.set(hash, term)
      }
    }),
  )
  const many = new Set(Array.from({ length: 200_000 }, (_, at) => hashOf(`term${at.toString(36)}`)))
  assert.equal(many.size, 200_000)
})
