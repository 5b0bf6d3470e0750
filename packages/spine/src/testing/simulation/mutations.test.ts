// Negative control: bugs that are put back into the engine's statements, and what the simulation says to each.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqliteInline } from '../../store/sqlite.ts'
import { mutations } from './mutations.ts'
import { simulate, simulateOne } from './simulate.ts'

/** Each is seen within so many, from the first or from any other. */
const SCHEDULES = 250
const EVENTS = 60

/** Where to begin for those that are seen late, to spare the wait. */
const begin_at: Readonly<Record<string, number>> = {
  'a claim ignores the deadline': 55,
  'a nack ignores that the attempts are spent': 178,
  'a heartbeat extends past the deadline': 55,
  'a sender takes back what was accepted': 88,
  'a breaker hands out a probe to everybody': 56,
  'the next delivery is sent in a commit of its own': 73,
}

for (const { name, ...mutation } of mutations())
  test(`it is seen when ${name}`, async () => {
    const { open: openDatabase } = mutation
    const { violations } = await simulate({
      schedules: SCHEDULES,
      from: begin_at[name] ?? 0,
      events: EVENTS,
      seed: 'known bugs',
      tamper: mutation.wrap,
      shorten: false,
      ...(openDatabase ? { openDatabase } : {}),
    })
    assert.notEqual(mutation.changed(), 0, 'the engine never came by the bug')
    const [violation] = violations
    assert.ok(violation, `not seen in ${SCHEDULES} schedules`)
    const { violation: without } = await simulateOne(violation.seed, { events: EVENTS })
    assert.equal(without, undefined, 'it fails without the bug too')
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
