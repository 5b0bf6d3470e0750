// Work in the background: that it failed is told, each time and with how often in a row, and it goes on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trouble } from '../protocol/trouble.ts'
import { dropEvents } from '../store/retention.ts'
import { openSqliteInline } from '../store/sqlite.ts'
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
