// Queries: what is asked for, by which words, when, by whom.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agreement, datesIn } from './dates.ts'
import { marks } from './marks.ts'
import { queryOf } from './query.ts'

const terms = (...call: Parameters<typeof queryOf>) => queryOf(...call).terms.map(({ term }) => term)

test('names of authors are no words of the query, but tell whose memories are meant', () => {
  const authors = ['Berta', 'Carlos', 'Project Manager']
  const query = queryOf("What did Berta's plan cost?", { authors })
  assert.deepEqual([...query.authors], ['Berta'])
  assert.ok(!query.terms.some(({ term }) => term.startsWith('berta')))
  assert.deepEqual([...queryOf('What did the project manager say?', { authors }).authors], ['Project Manager'])
  assert.deepEqual([...queryOf('Do Berta and Carlos agree with the Project Manager?', { authors }).authors], [])
  assert.deepEqual(terms('Berta', { authors }), ['berta'])
})

test('an identifier weighs more, a word that only frames the question less, the intent half', () => {
  const weight = Object.fromEntries(
    queryOf('Describe OPS-4127 briefly', { background: 'Move the database' }).terms.map(({ term, weight }) => [
      term,
      weight,
    ]),
  )
  assert.equal(weight['ops-4127'], 1.5)
  assert.equal(weight.briefli, 1)
  assert.equal(weight.describ, 0.6)
  assert.equal(weight.databas, 0.5)
})

test('a text of any length gives a bounded query that keeps its identifiers', () => {
  const long = `${Array.from({ length: 500 }, (_, at) => `word${'abcdefghij'[at % 10]}${'klmnopqrst'[at % 9]}`).join(' ')} OPS-4127`
  assert.ok(terms(long).length <= 48)
  assert.ok(terms(long).includes('ops-4127'))
})

test('dates are read as people write them', () => {
  assert.deepEqual(datesIn('on 11 May 2026'), [{ day: 11, month: 5, year: 2026 }])
  assert.deepEqual(
    datesIn('on May 11th, 2026'),
    [{ month: 5, day: 11, year: 2026 }].map(({ day, month, year }) => ({ day, month, year })),
  )
  assert.deepEqual(datesIn('2026-05-11'), [{ day: 11, month: 5, year: 2026 }])
  assert.deepEqual(datesIn('in Sept. 2026 and in March'), [{ month: 9, year: 2026 }, { month: 3 }])
  assert.deepEqual(datesIn('it may rain in 2026'), [{ year: 2026 }])
  assert.deepEqual(datesIn('port 8788, 12 of 20'), [])
})

test('a time agrees with its day, its month, and half with the month after', () => {
  const at = Date.parse('2026-05-11T23:00:00Z')
  assert.deepEqual(agreement(at, datesIn('11 May 2026')), { day: 1, month: 1 })
  assert.deepEqual(agreement(at, datesIn('12 May')), { day: 1, month: 1 })
  assert.deepEqual(agreement(at, datesIn('20 May 2026')), { day: 0, month: 1 })
  assert.deepEqual(agreement(at, datesIn('April 2026')), { day: 0, month: 0.3 })
  assert.deepEqual(agreement(at, datesIn('May 2025')), { day: 0, month: 0 })
  assert.deepEqual(agreement(at, datesIn('in 2026')), { day: 0, month: 0.3 })
})

test('the kind of answer is seen from the question', () => {
  assert.equal(queryOf('When did it start?').wants, marks.time)
  assert.equal(queryOf('How many were there?').wants, marks.number)
  assert.equal(queryOf('Where was it?').wants, marks.name)
  assert.equal(queryOf('Fix the build.').wants, 0)
})
