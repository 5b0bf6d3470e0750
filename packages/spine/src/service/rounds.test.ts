// Work in the background: that it failed is told, each time and with how often in a row, and it goes on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trouble } from '../protocol/trouble.ts'
import type { Row, Statement } from '../store/database.ts'
import { dropEvents } from '../store/retention.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { expireDeliveries } from '../store/sweeps.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { startRounds } from './rounds.ts'
import { createSpine } from './spine.ts'

const MINUTE = 60_000

test('each failure is told with how many there were in a row, and the next round comes all the same', async () => {
  const clock = manualClock()
  const told: Trouble[] = []
  const outcomes = ['fails', 'fails', 'works', 'fails']
  const round = async () => {
    if (outcomes.shift() === 'fails') throw new Error('The disk is full.')
  }
  const rounds = startRounds(
    { clock, onTrouble: (trouble) => told.push(trouble) },
    { work: 'sweep', every_ms: 500 },
    round,
  )
  await clock.advance(2_000)
  await rounds.stop()
  assert.deepEqual(
    told.map(({ work, failures }) => [work, failures]),
    [1, 2, 1].map((failures) => ['sweep', failures]),
  )
})

test('who opens a spine hears that its retention fails, and one who cannot listen stops nothing', async () => {
  const database = openSqliteInline()
  const clock = manualClock()
  const told: string[] = []
  const doomed = dropEvents(database.dialect, { ns: null, before: 0, limit: 1 }).sql
  const spine = await createSpine({
    database: {
      ...database,
      write: async (statements) => {
        if (statements.some(({ sql }) => sql === doomed)) throw new Error('The disk is full.')
        return database.write(statements)
      },
    },
    clock,
    onTrouble({ work, error }) {
      told.push(`${work}: ${(error as Error).message}`)
      throw new Error('Nobody listens.')
    },
  })
  await clock.advance(21 * MINUTE)
  assert.deepEqual(told, ['retention: The disk is full.', 'retention: The disk is full.'])
  await spine.close()
})

test('a spine that closes in the middle of a long backlog leaves the rest of it to the next one', async () => {
  const inner = openSqliteInline()
  const { dialect } = inner
  const endless: Record<string, [wait_ms: number, statement: Statement, row: Row]> = {
    retention: [10 * MINUTE, dropEvents(dialect, { ns: null, before: 0, limit: 1 }), {}],
    sweep: [MINUTE, expireDeliveries(dialect, { now: 0, limit: 1 }), { ns: 'default', id: 'dlv-1', target: 'coder' }],
  }
  for (const [work, [wait_ms, { sql: doomed }, row]] of Object.entries(endless)) {
    const database = openSqliteInline()
    const clock = manualClock()
    const busy = Promise.withResolvers<void>()
    let batches = 0
    const spine = await createSpine({
      database: {
        ...database,
        async write(statements) {
          if (!statements.some(({ sql }) => sql === doomed)) return database.write(statements)
          batches += 1
          if (batches === 3) busy.resolve()
          await new Promise(setImmediate)
          return [Array(500).fill(row)]
        },
      },
      clock,
      watch: false,
    })
    void clock.advance(wait_ms)
    await busy.promise
    await spine.close()
    assert.ok(batches <= 4, `${work} went on for ${batches} batches`)
  }
  await inner.close()
})
