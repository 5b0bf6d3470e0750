/**
 * What a chain must have kept, as checks that throw an AssertionError: they work under every test runner. A chain is
 * a list of envelopes, or what has one: the answer of `runChain`, or of `handoffs.lineage`.
 */

import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import type { Envelope } from '../protocol/envelope.ts'
import { render } from '../protocol/render.ts'
import type { Effect } from './effects.ts'

type Chain = readonly Envelope[] | { readonly envelopes: readonly Envelope[] }

const inOrder = (chain: Chain): Envelope[] => {
  const envelopes = 'envelopes' in chain ? chain.envelopes : chain
  if (envelopes.length === 0) fail('The chain has no envelopes: nothing was checked.')
  return [...envelopes].sort((left, right) => left.chain.hop - right.chain.hop)
}

function fail(message: string, actual?: unknown, expected?: unknown): never {
  throw new AssertionError({ message, actual, expected, operator: 'expect' })
}

const at = ({ chain, source_agent, target_agent }: Envelope) =>
  `at hop ${chain.hop} (${source_agent} to ${target_agent})`

/** Every envelope has the user's own words, and shows them. `intent`: what they must be; default: those of the root. */
export function expectIntentPreserved(chain: Chain, intent?: string): void {
  const envelopes = inOrder(chain)
  const expected = intent ?? envelopes[0]?.task.intent ?? ''
  for (const envelope of envelopes) {
    const actual = envelope.task.intent
    if (actual !== expected) fail(`The intent has changed ${at(envelope)}.`, actual, expected)
    const shortened = envelope.receipts.shortened?.some(({ part }) => part === 'intent')
    const shown = render(envelope)
    const missing = expected.split('\n').find((line) => !shown.includes(line.trim()))
    if (!shortened && missing !== undefined)
      fail(
        `The intent is sealed and not shown ${at(envelope)}: ${JSON.stringify(missing)} is missing.`,
        shown,
        expected,
      )
  }
}

/**
 * No envelope has lost or loosened a constraint of the ones that it continues: each is the same, or narrowed or waived
 * with an entry in the ledger that says so. `constraints`: what every envelope must have, exactly.
 */
export function expectConstraintsSurvived(chain: Chain, constraints: Readonly<Record<string, unknown>> = {}): void {
  const envelopes = inOrder(chain)
  const byId = new Map(envelopes.map((envelope) => [envelope.id, envelope]))
  for (const envelope of envelopes) {
    for (const [key, expected] of Object.entries(constraints)) {
      const actual = envelope.constraints[key]
      if (!isDeepStrictEqual(actual, expected))
        fail(`Constraint ${key} is not as expected ${at(envelope)}.`, actual, expected)
    }
    for (const { id } of envelope.chain.previous) {
      const before = byId.get(id)
      if (before) compare(before, envelope)
    }
  }
}

function compare(before: Envelope, after: Envelope): void {
  for (const [key, expected] of Object.entries(before.constraints)) {
    const actual = after.constraints[key]
    if (isDeepStrictEqual(actual, expected)) continue
    const entry = after.constraint_ledger[key]
    const was_narrowed = (entry?.narrowed ?? []).length > (before.constraint_ledger[key]?.narrowed ?? []).length
    const was_waived = entry?.waiver !== undefined && entry.waiver.hop === after.chain.hop
    if (was_waived || (was_narrowed && actual !== undefined)) continue
    const how = actual === undefined ? 'was lost' : 'was changed, and the ledger does not say why,'
    fail(`Constraint ${key} ${how} ${at(after)}.`, actual, expected)
  }
}

/** No effect was made twice for the same envelope and receiver, however often it was delivered. */
export function expectNoDuplicateEffects(effects: Iterable<Effect>): void {
  const counts = new Map<string, number>()
  for (const { envelope_id, target, name } of effects) {
    const key = `${name} of ${target} for ${envelope_id}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const twice = [...counts].filter(([, count]) => count > 1)
  if (twice.length === 0) return
  const said = twice.map(([key, count]) => `${key}: ${count} times`)
  fail(`Effects were made more than once: ${said.join('; ')}. Make them with \`inbox.once(delivery, fn)\`.`, said, [])
}
