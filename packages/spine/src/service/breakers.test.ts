import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpineError } from '../protocol/errors.ts'
import type { Batch, Row } from '../store/database.ts'
import { migrate } from '../store/migrations.ts'
import { migrations } from '../store/schema.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { createBreakers } from './breakers.ts'
import { createSpine } from './spine.ts'

const exhausted = {
  row: { ns: 'default', target: 'coder', id: 'dlv-1', claims: 1 } as Row,
  outcome: 'exhausted',
} as const

test('what happens while the breakers of all nodes are read is not forgotten for them', async (t) => {
  const real = openSqliteInline()
  t.after(() => real.close())
  await migrate(real, migrations, 1)
  let during = async () => {}
  const database = {
    ...real,
    async read(statement: Parameters<typeof real.read>[0]) {
      const rows = await real.read(statement)
      await during()
      return rows
    },
  }
  const breakers = createBreakers({ database, clock: manualClock() })
  during = () => breakers.observe([exhausted, exhausted, exhausted])
  await breakers.refresh()
  assert.equal(breakers.openFor('default', 'coder'), 60_000)
  during = () => breakers.reset('default', 'coder')
  await breakers.refresh()
  assert.equal(breakers.openFor('default', 'coder'), undefined)
})

test('a settlement that is stored is answered, also when its breaker cannot be written', async (t) => {
  const real = openSqliteInline()
  const database = {
    ...real,
    async write(batch: Batch) {
      if (batch.some(({ sql }) => sql.includes('into breakers'))) throw new SpineError('STORE_UNAVAILABLE', 'cut')
      return real.write(batch)
    },
  }
  const clock = manualClock()
  const spine = await createSpine({ database, clock })
  t.after(() => spine.close())
  const { id: envelope_id } = await spine.handoffs.create({ target_agent: 'coder', task_summary: 'Try it.' })
  await spine.deliveries.send({ envelope_id })
  const states: string[] = []
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await clock.advance(60_000)
    const { deliveries } = await spine.deliveries.receive({ agent: 'coder', wait_ms: 0 })
    for (const { id, lease_token } of deliveries)
      states.push((await spine.deliveries.nack({ id, lease_token, reason: 'no' })).state)
  }
  assert.deepEqual(states, ['ready', 'ready', 'parked'])
})
