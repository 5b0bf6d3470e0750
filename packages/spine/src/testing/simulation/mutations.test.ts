// Negative control: bugs that are put back into the engine's statements, and what the simulation says to each.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqliteInline } from '../../store/sqlite.ts'
import { mutations } from './mutations.ts'
import { simulate } from './simulate.ts'

/** Each is seen within so many, from the first or from any other. */
const SCHEDULES = 150

/** Where to begin for those that are seen late, to spare the wait. */
const begin_at: Readonly<Record<string, number>> = {}

for (const { name, ...mutation } of mutations())
  test(`it is seen when ${name}`, async () => {
    const { open: openDatabase } = mutation
    const { violations } = await simulate({
      schedules: SCHEDULES,
      from: begin_at[name] ?? 0,
      events: 60,
      seed: 'known bugs',
      tamper: mutation.wrap,
      shorten: false,
      ...(openDatabase ? { openDatabase } : {}),
    })
    assert.equal(violations.length, 1)
    assert.notEqual(mutation.changed(), 0)
  })

test('a violation names its seed, and the few steps that show it', async () => {
  const [mutation] = mutations().filter(({ name }) => name === 'claims are not counted')
  assert.ok(mutation)
  const { violations } = await simulate({ schedules: 5, events: 60, seed: 'known bugs', tamper: mutation.wrap })
  const [violation] = violations
  assert.ok(violation)
  assert.match(violation.seed, /^known bugs\/\d$/)
  assert.ok(violation.steps <= 4, `${violation.steps} steps`)
  assert.ok(violation.trace.some((line) => line.startsWith('  receive')))
})

test('a bug whose statement has changed cannot be put back unnoticed', async () => {
  const [mutation] = mutations()
  const database = mutation?.wrap(openSqliteInline())
  const changed = { sql: 'update deliveries set state = case i_action when 1 then 2 end', params: [] }
  assert.throws(() => database?.write([changed]), /is not in the statement any more/)
})
