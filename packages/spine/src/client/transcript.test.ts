// Between messages and history nothing is torn apart, doubled or lost, whatever the messages are.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { historyEntry } from '../protocol/envelope.ts'
import { historyOf, type Turn, turnsOf } from './transcript.ts'

const call_id = fc.constantFrom('c1', 'c2', 'c3', 'c4')
const turn: fc.Arbitrary<Turn> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('message' as const),
      role: fc.constantFrom('user' as const, 'assistant' as const, 'system' as const),
      text: fc.string(),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      kind: fc.constant('call' as const),
      call_id,
      name: fc.constantFrom('search', 'read'),
      arguments: fc.jsonValue(),
    },
    { noNullPrototype: true },
  ),
  fc.record({ kind: fc.constant('result' as const), call_id, output: fc.jsonValue() }, { noNullPrototype: true }),
)
const turns = fc.array(turn, { maxLength: 20 })

test('every call is followed by its result, and no call id stands twice', () => {
  fc.assert(
    fc.property(turns, (given) => {
      const back = turnsOf(historyOf(given, 'coder'))
      const calls = back.flatMap((one) => (one.kind === 'call' ? [one.call_id] : []))
      assert.equal(new Set(calls).size, calls.length)
      for (const [index, one] of back.entries()) {
        if (one.kind === 'call')
          assert.deepEqual(
            [back[index + 1]?.kind, 'call_id' in one && one.call_id],
            ['result', (back[index + 1] as { call_id?: string }).call_id],
          )
        if (one.kind === 'result') assert.equal(back[index - 1]?.kind, 'call')
      }
    }),
  )
})

test('messages keep their words, their roles and their order', () => {
  fc.assert(
    fc.property(turns, (given) => {
      const messages = (of: readonly Turn[]) =>
        of.filter((one) => one.kind === 'message' && !/did not answer/.test(one.text))
      assert.deepEqual(messages(turnsOf(historyOf(given, 'coder'))), messages(given))
    }),
  )
})

test('what was answered comes back as it was', () => {
  const given: Turn[] = [
    { kind: 'message', role: 'user', text: 'Find it.' },
    { kind: 'call', call_id: 'c1', name: 'search', arguments: { q: 'it' } },
    { kind: 'result', call_id: 'c1', output: { hits: [1, 2] } },
    { kind: 'message', role: 'assistant', text: 'Found.' },
  ]
  assert.deepEqual(turnsOf(historyOf(given, 'coder')), given)
})

test('going there and back again changes nothing more', () => {
  fc.assert(
    fc.property(turns, (given) => {
      const once = turnsOf(historyOf(given, 'coder'))
      assert.deepEqual(turnsOf(historyOf(once, 'coder')), once)
    }),
  )
})

test('every entry is one that a handoff takes', () => {
  fc.assert(
    fc.property(turns, (given) => historyOf(given, 'coder').every((entry) => historyEntry.safeParse(entry).success)),
  )
})

test('an unanswered call and entries of other origin are told in words', () => {
  const history = historyOf([{ kind: 'call', call_id: 'c1', name: 'search', arguments: {} }], 'coder')
  assert.deepEqual(turnsOf([...history, { compacted: 7 }, { agent: 'analyst', action: 'chose', decision: 'jitter' }]), [
    { kind: 'message', role: 'assistant', text: 'coder: called search, which did not answer' },
    { kind: 'message', role: 'system', text: '7 earlier entries are left out here.' },
    { kind: 'message', role: 'assistant', text: 'analyst: chose; decided jitter' },
  ])
})
