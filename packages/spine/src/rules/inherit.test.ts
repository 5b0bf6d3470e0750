// Any chain to hop 64, with joins: the user's words and the constraints of every ancestor arrive, open questions stay.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Constraints } from '../protocol/task.ts'
import { anyKey } from '../testing/arbitraries.ts'
import { narrows, sameValue } from './constraints.ts'
import { type InheritCall, type Inherited, inherit } from './inherit.ts'

const MAX_HOPS = 64
const intent = 'Refund order AB12, but never more than 100 EUR.'

const value = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom('a', 'b', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'),
  fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }),
) as fc.Arbitrary<NonNullable<Constraints[string]>>

/** A hand-over: how far back its one or two predecessors lie, and what it says of constraints and questions. */
const step = fc.record({
  back: fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 1, maxLength: 2 }),
  constraints: fc.dictionary(anyKey, fc.oneof(value, fc.constant(null)), { maxKeys: 2, noNullPrototype: true }),
  locked: fc.array(anyKey, { maxLength: 1 }),
  by: fc.constantFrom('a', 'b', 'c'),
  progress: fc.option(fc.constantFrom('begun', 'half way'), { nil: undefined }),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const callOf = (said: Partial<InheritCall>): InheritCall => ({
  id: 'task',
  intent: undefined,
  summary: 'Go on.',
  state: {},
  amendments: [],
  constraints: {},
  locked: [],
  waive: {},
  extensions: undefined,
  by: 'a',
  agent: undefined,
  hop: 1,
  ...said,
})

/** As much of an envelope as the next one looks at. */
const sealed = (id: number, hop: number, { task, constrained, history }: Inherited) =>
  ({
    id: `env_${id}`,
    source_agent: 'a',
    chain: { hop },
    task,
    constraints: constrained.constraints,
    constraint_ledger: constrained.ledger,
    execution_history: history.map(({ entry }) => entry),
  }) as unknown as Envelope

type Made = { envelope: Envelope; previous: Made[] }

function play(root: Constraints, steps: readonly Step[]): Made[] {
  const question = 'Which account?'
  const state = { open_questions: [question], decisions: [{ decision: 'carrier', status: 'open' as const }] }
  const first = inherit([], undefined, callOf({ intent, constraints: root, state, by: 'user' }))
  const made: Made[] = [{ envelope: sealed(0, 1, first), previous: [] }]
  for (const { back, progress, ...said } of steps) {
    const previous = [...new Set(back.map((far) => made.at(-1 - (far % made.length)) as Made))]
    const hop = Math.max(...previous.map(({ envelope }) => envelope.chain.hop)) + 1
    if (hop > MAX_HOPS) continue
    const call = callOf({ ...said, hop, ...(progress ? { state: { progress } } : {}) })
    try {
      const next = inherit(
        previous.map(({ envelope }) => envelope),
        undefined,
        call,
      )
      made.push({ envelope: sealed(made.length, hop, next), previous })
    } catch (error) {
      assert.ok(error instanceof SpineError && /^CONSTRAINT_(CHANGED|CONFLICT)$/.test(error.code), String(error))
    }
  }
  return made
}

const within = (key: string, now: Constraints[string], next: Constraints[string] | undefined) =>
  next !== undefined && (sameValue(now, next) || narrows(key, now, next))

test('intent, constraints, locks and open questions arrive at every hop up to 64, through joins', () => {
  let deepest = 0
  let joins = 0
  const chains = fc.array(step, { minLength: 150, maxLength: 250, size: 'max' })
  fc.assert(
    fc.property(fc.dictionary(anyKey, value, { maxKeys: 4, noNullPrototype: true }), chains, (root, steps) => {
      for (const { envelope, previous } of play(root, steps)) {
        deepest = Math.max(deepest, envelope.chain.hop)
        joins += previous.length > 1 ? 1 : 0
        assert.equal(envelope.task.intent, intent)
        assert.deepEqual(envelope.task.state.open_questions, ['Which account?'])
        assert.deepEqual(envelope.task.state.decisions, [{ decision: 'carrier', status: 'open' }])
        for (const { envelope: before } of previous)
          for (const [key, now] of Object.entries(before.constraints)) {
            const next = Object.hasOwn(envelope.constraints, key) ? envelope.constraints[key] : undefined
            assert.ok(within(key, now, next), `${key}: ${JSON.stringify([now, next])}`)
            if (before.constraint_ledger[key]?.locked) assert.equal(envelope.constraint_ledger[key]?.locked, true)
          }
      }
    }),
    { numRuns: 60 },
  )
  assert.equal(deepest, MAX_HOPS)
  assert.ok(joins > 100, `${joins} joins`)
})
