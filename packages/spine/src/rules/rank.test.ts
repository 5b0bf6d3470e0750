// Ranking, budget and backoff: one order for one set of candidates, the least of the limits, and jitter within its cap.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nastyText, plainText } from '../testing/arbitraries.ts'
import { candidatesOf, indexOf, rankTexts, type Said } from '../testing/index-of.ts'
import { backoffMs } from './backoff.ts'
import { budgetOf } from './budget.ts'
import { queryOf } from './query.ts'
import { type RankCandidate, type Ranked, rank } from './rank.ts'

const said = fc.array(
  fc.record({
    text: fc.oneof(plainText(40), nastyText).filter((text) => text !== ''),
    session: fc.constantFrom('monday', 'tuesday'),
    author: fc.constantFrom('ann', 'bob'),
    priority: fc.constantFrom('low' as const, 'normal' as const, 'high' as const),
  }),
  { maxLength: 20 },
)

test('the order does not depend on the order of the input, and loses nobody', () => {
  fc.assert(
    fc.property(said, nastyText, (memories, question) => {
      const candidates = candidatesOf(memories)
      const query = queryOf(question, { authors: ['ann', 'bob'] })
      const index = indexOf(candidates, query)
      const facts = ({ memory, score, passages }: Ranked<RankCandidate>) => ({
        id: memory.id,
        score,
        passages: passages(),
      })
      const ranked = rank(query, index, candidates, { now: 0 })
      assert.deepEqual(rank(query, index, candidates.toReversed(), { now: 0 }).map(facts), ranked.map(facts))
      assert.equal(new Set(ranked.map(({ memory }) => memory.id)).size, memories.length)
      for (const { score } of ranked) assert.ok(Number.isFinite(score) && String(score).length < 12)
    }),
  )
})

/** The places of the texts in the order in which they rank. */
const order = (question: string, ...memories: Said[]) =>
  rankTexts(question, memories).map(({ memory }) => memories[memory.seq - 1]?.text)
const filler = Array.from({ length: 12 }, (_, at) => ({
  text: `Lunch was fine, number ${at}.`,
  session: `other ${at}`,
}))
/** Far from each other, so that only the text itself counts. */
const apart = (...texts: string[]): Said[] => texts.map((text, at) => ({ text, session: `apart ${at}` }))

test('of two that are alike the one with the words wins, then the one with the priority, then the newer', () => {
  assert.equal(
    order('database password', ...apart('the database password', 'lunch at noon'))[0],
    'the database password',
  )
  assert.deepEqual(order('database', { text: 'x', priority: 'high' }, { text: 'x' }, { text: 'y', priority: 'low' }), [
    'x',
    'x',
    'y',
  ])
  assert.equal(rankTexts('database', [{ text: 'x', priority: 'high' }, { text: 'x' }])[0]?.memory.seq, 1)
  assert.equal(rankTexts('database', apart('x', 'x'))[0]?.memory.seq, 2)
})

test('what stands next to a match comes before what stands nowhere near it, and a session before the others', () => {
  const [first, second] = order(
    'the staging certificate',
    ...filler,
    { text: 'The staging certificate ran out.' },
    { text: 'It was renewed by hand.' },
  )
  assert.deepEqual([first, second], ['The staging certificate ran out.', 'It was renewed by hand.'])
})

test('an author who is named comes before another one with the same words', () => {
  const memories = [
    { text: 'I would take the night train.', author: 'Berta', session: 'a' },
    { text: 'I would take the night train.', author: 'Carlos', session: 'b' },
  ]
  assert.equal(rankTexts('What would Berta take?', memories)[0]?.memory.author, 'Berta')
  assert.equal(rankTexts('What would Carlos take?', memories)[0]?.memory.author, 'Carlos')
})

test('an answer comes before a remark at the same distance', () => {
  const talk = ['Such weather again today.', 'Which port does the gateway use?', 'Eight thousand or so, today.']
  const ranked = order('Which port does the gateway use?', ...filler, ...talk.map((text) => ({ text })))
  assert.ok(ranked.indexOf('Eight thousand or so, today.') < ranked.indexOf('Such weather again today.'))
})

test('the day and the month that are named count', () => {
  const on = (day: string, text: string) => ({ text, session: day, created_at: Date.parse(day) })
  const memories = [on('2026-03-02', 'We met again.'), on('2026-05-11', 'We met.'), on('2026-05-20', 'We met, too.')]
  assert.equal(order('Who met in March 2026?', ...memories)[0], 'We met again.')
  assert.equal(order('Who met on 11 May 2026?', ...memories)[0], 'We met.')
  assert.equal(order('Who met on May 20th?', ...memories)[0], 'We met, too.')
})

test('a question for a time, a number or a name prefers what has one', () => {
  assert.equal(
    order(
      'When was the freezer cleaned?',
      ...apart('The freezer was cleaned yesterday.', 'The freezer was cleaned well.'),
    )[0],
    'The freezer was cleaned yesterday.',
  )
  assert.equal(
    order('How many boxes arrived?', ...apart('Three boxes arrived.', 'Some boxes arrived.'))[0],
    'Three boxes arrived.',
  )
  assert.equal(
    order('Where is the depot?', ...apart('The depot is in Lisbon.', 'The depot is in there.'))[0],
    'The depot is in Lisbon.',
  )
})

test('a long memory ranks by its best passage and says which that is', () => {
  const long = `${'Nothing of interest happened that day at all. '.repeat(40)}The vault code is 7741. ${'And nothing after it. '.repeat(60)}`
  const [best] = rankTexts('vault code', [...filler, { text: long, session: 'x' }])
  assert.equal(best?.memory.seq, 13)
  const top = best?.passages().toSorted((left, right) => right.score - left.score)[0]
  assert.match(long.slice(top?.start, top?.end), /vault code is 7741/)
  assert.equal(best?.passages().at(-1)?.end, long.length)
})

test('short beats long where both say it', () => {
  const long = `The key is under the mat. ${'We also talked about many other things. '.repeat(12)}`
  assert.equal(
    order('Where is the key?', ...filler, ...apart(long, 'The key is under the mat.'))[0],
    'The key is under the mat.',
  )
})

test('what was just said comes before what was said long ago, all else being equal', () => {
  const memories = [
    { text: 'same', session: 'a', created_at: 0 },
    { text: 'same', session: 'b', created_at: 9e12 },
    { text: 'same', session: 'c', created_at: 0 },
  ]
  assert.equal(rankTexts('anything', memories, 9e12)[0]?.memory.session, 'b')
})

test('what was said last in the task at hand comes before what has some of the words, whenever that was', () => {
  const last = { text: 'The page lists three trails.', session: 'trip', task_id: 'trip' }
  const memories: Said[] = [...apart('Which trails are there?', 'The trails are closed.'), last]
  const candidates = candidatesOf(memories)
  const query = queryOf('Which trails are open?', {})
  const first = (task_id?: string) =>
    rank(query, indexOf(candidates, query), candidates, { now: 1e13, task_id })[0]?.memory.text
  assert.equal(first('trip'), last.text)
  assert.notEqual(first('another'), last.text)
  assert.notEqual(first(), last.text)
})

test('a memory says why it ranks', () => {
  const [best] = rankTexts('When did Berta renew the certificate?', [
    ...filler,
    { text: 'I renewed the certificate yesterday.', author: 'Berta', session: 'x' },
  ])
  assert.deepEqual(best?.explain()[0], 'has renew, certificate')
  assert.ok(
    best?.explain().includes('Berta, who is named, wrote it') ||
      best?.explain().includes('it tells a time, which is asked for'),
    String(best?.explain()),
  )
})

test('a budget is the least of what is given', () => {
  const limit = fc.option(fc.integer({ min: 1, max: 9_000 }), { nil: undefined })
  fc.assert(
    fc.property(limit, limit, limit, (said, ceiling, window) => {
      const profile = { context_window: window, reserved_tokens: 0, tokenizer: 'o200k_base' as const }
      const { max_tokens } = budgetOf(said, ceiling === undefined ? {} : { max_tokens: ceiling }, profile, 4_000)
      const given = [said, ceiling, window].filter((one) => one !== undefined)
      assert.equal(max_tokens, given.length ? Math.min(...given) : 4_000)
    }),
  )
})

test('a backoff lies between nothing and its cap', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, chance) => {
      const wait = backoffMs(attempt, 30_000, chance)
      assert.ok(Number.isInteger(wait) && wait >= 0 && wait < Math.min(30_000, 1_000 * 2 ** attempt))
    }),
  )
})
