// A PostgreSQL store that was dumped and read into another cluster, where the numbers of its transactions are yet to come.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Spine } from '../protocol/spine.ts'
import { openPostgres } from '../store/postgres.ts'
import { leaseOf, receivedOne, sent } from '../testing/conformance/subject.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { newDatabase } from '../testing/postgres/database.ts'
import { watched } from '../testing/watched.ts'
import { createSpine } from './spine.ts'

const { url, remove } = await newDatabase()
after(remove)
const store = await openPostgres({ url, connect_timeout_ms: 30_000, statement_timeout_ms: 60_000 })
after(() => store.close())
const { database, idle } = watched({ ...store, close: async () => {} })
const clock = manualClock({ idle })
const open = () => createSpine({ database, clock })
const ask = async (sql: string) => database.read({ sql, params: [] })

async function handedOver(spine: Spine): Promise<void> {
  await sent(spine, { previous: null })
  await spine.deliveries.complete(leaseOf(await receivedOne(spine)))
}

const typesOf = async (spine: Spine) =>
  (await spine.health.events({})).events.map(({ type, delivery_id }) => `${type} ${delivery_id}`)

test('events from elsewhere are seen before those from here, and what happens here is counted on top of what was', async () => {
  const before = await open()
  await handedOver(before)
  await handedOver(before)
  await clock.advance(3_000)
  const seen = await typesOf(before)
  assert.equal((await before.health.report({})).figures.completed, 2)
  await before.close()
  const ahead = 1_000_000_000
  for (const table of ['events', 'folds'])
    await database.write([{ sql: `update ${table} set tx = tx + ${ahead}`, params: [] }])

  const [one, other] = await Promise.all([open(), open()])
  assert.deepEqual(await typesOf(one), seen)
  await handedOver(other)
  await clock.advance(3_000)
  assert.deepEqual((await typesOf(one)).slice(0, seen.length), seen)
  assert.equal((await typesOf(one)).length, seen.length * 1.5)
  assert.equal((await one.health.report({})).figures.completed, 3)
  await Promise.all([one.close(), other.close()])
})

test('a store that was always here is left as it is', async () => {
  const transactions = 'select distinct tx from events order by tx'
  const before = await ask(transactions)
  assert.ok(before.some(({ tx }) => Number(tx) > 0))
  await (await open()).close()
  assert.deepEqual(await ask(transactions), before)
})
