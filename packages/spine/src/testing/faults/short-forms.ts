/** The short form of each fault as two tests: with its protection everything holds, without it something is found. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Outcome } from './outcome.ts'
import { violationsOf } from './outcome.ts'
import { type FaultStore, sqliteStore } from './stores.ts'
import { type Fault, faults } from './table.ts'

const SEED = 20_260_105

const told = ({ counts, examples }: Outcome) => JSON.stringify({ counts, examples }, null, 1)

/** `concurrency`: faults of processes mostly wait for each other; those in this process take turns. */
export function shortForms(
  group: Fault['group'],
  { concurrency, store = sqliteStore }: { concurrency: number; store?: FaultStore },
): void {
  describe(`faults on ${store.name}`, { concurrency }, () => {
    for (const { fault, control, run, runs, possible, ...rest } of faults) {
      if (rest.group !== group || (store.name === 'postgres' && rest.postgres !== 'tests')) continue
      const skip = (possible?.() ?? true) ? false : 'this machine does not let it be made'
      test(`${fault}: all holds`, { skip }, async () => {
        const outcome = await run({ store, runs: runs.short, seed: SEED })
        assert.equal(violationsOf(outcome), 0, told(outcome))
      })
      test(`negative control: with ${control}, that is found`, { skip }, async () => {
        const outcome = await run({ store, runs: runs.control, seed: SEED, control: true })
        assert.ok(violationsOf(outcome) > 0, `nothing was found: ${told(outcome)}`)
      })
    }
  })
}
