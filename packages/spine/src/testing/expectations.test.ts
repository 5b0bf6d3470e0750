import assert, { AssertionError } from 'node:assert/strict'
import { test } from 'node:test'
import type { Envelope } from '../protocol/envelope.ts'
import {
  effectLog,
  expectConstraintsSurvived,
  expectIntentPreserved,
  expectNoDuplicateEffects,
  runChain,
  testSpine,
} from '../testing.ts'

const INTENT = 'Ship the report.\nNever touch prod.'

async function chain(): Promise<readonly Envelope[]> {
  await using spine = await testSpine()
  const { envelopes } = await runChain(
    spine,
    [
      { agent: 'a', handler: () => 'planned' },
      {
        agent: 'b',
        handler: ({ forward }) =>
          forward({ target_agent: 'c', task_summary: 'Test it.', constraints: { max_cost: 5 } }),
      },
      { agent: 'c', handler: () => 'tested' },
    ],
    { intent: INTENT, constraints: { max_cost: 10, language: 'python' } },
  )
  return envelopes
}

const failsWith = (pattern: RegExp, check: () => void) =>
  assert.throws(check, (error) => error instanceof AssertionError && pattern.test(error.message))

/** As a broken chain would have it. */
const changed = (envelopes: readonly Envelope[], hop: number, changes: (envelope: Envelope) => Partial<Envelope>) =>
  envelopes.map((envelope) =>
    envelope.chain.hop === hop ? ({ ...envelope, ...changes(envelope) } as Envelope) : envelope,
  )

test('the intent of a good chain is preserved, and its constraints survive, also narrowed ones', async () => {
  const envelopes = await chain()
  assert.equal(envelopes.length, 3)
  expectIntentPreserved(envelopes)
  expectIntentPreserved({ envelopes }, INTENT)
  expectConstraintsSurvived(envelopes)
  expectConstraintsSurvived({ envelopes }, { language: 'python' })
})

test('an intent that is not the one that was meant, or was rewritten on the way, is seen', async () => {
  const envelopes = await chain()
  failsWith(/intent has changed at hop 1/, () => expectIntentPreserved(envelopes, 'Something else.'))
  const rewritten = changed(envelopes, 2, ({ task }) => ({ task: { ...task, intent: 'Ship it.' } }))
  failsWith(/intent has changed at hop 2 \(a to b\)/, () => expectIntentPreserved(rewritten))
  failsWith(/nothing was checked/, () => expectIntentPreserved([]))
})

test('a constraint that was lost, loosened, or is not as expected, is seen', async () => {
  const envelopes = await chain()
  const lost = changed(envelopes, 3, ({ constraints: { language: _lost, ...constraints } }) => ({ constraints }))
  failsWith(/language was lost at hop 3/, () => expectConstraintsSurvived(lost))
  const loosened = changed(envelopes, 2, ({ constraints }) => ({ constraints: { ...constraints, max_cost: 99 } }))
  failsWith(/max_cost was changed, and the ledger does not say why, at hop 2/, () =>
    expectConstraintsSurvived(loosened),
  )
  failsWith(/max_cost is not as expected at hop 3/, () => expectConstraintsSurvived(envelopes, { max_cost: 10 }))
})

test('a constraint that its own agent waived has survived as far as it should', async () => {
  await using spine = await testSpine()
  const { envelopes } = await runChain(
    spine,
    [
      {
        agent: 'a',
        handler: ({ forward }) =>
          forward({ target_agent: 'b', task_summary: 'Go on.', constraints: { style: 'short' } }),
      },
      { agent: 'b', handler: ({ forward }) => forward({ target_agent: 'a', task_summary: 'Look.' }) },
      {
        agent: 'a',
        handler: ({ forward }) =>
          forward({
            target_agent: 'b',
            task_summary: 'Longer, please.',
            constraints: { style: null },
            waive: { style: 'too short to be read' },
          }),
      },
      { agent: 'b', handler: () => 'long' },
    ],
    { intent: INTENT },
  )
  expectConstraintsSurvived(envelopes)
  failsWith(/style was lost/, () => expectConstraintsSurvived(changed(envelopes, 4, () => ({ constraint_ledger: {} }))))
})

test('an effect that was made twice for one envelope and receiver is seen, and named', () => {
  const effects = effectLog()
  effects.add({ envelope_id: 'env-1', target: 'mailer' }, 'mail')
  effects.add({ envelope_id: 'env-1', target: 'mailer' }, 'invoice')
  effects.add({ envelope_id: 'env-1', target: 'printer' }, 'mail')
  expectNoDuplicateEffects(effects)
  effects.add({ envelope_id: 'env-1', target: 'mailer' }, 'mail')
  assert.equal(effects.count, 4)
  failsWith(/mail of mailer for env-1: 2 times/, () => expectNoDuplicateEffects(effects))
})
