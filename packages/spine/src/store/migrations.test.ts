import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpineError } from '../protocol/errors.ts'
import type { Database } from './database.ts'
import { type Migration, migrate } from './migrations.ts'
import { openSqliteInline } from './sqlite.ts'

const first: Migration = {
  version: 1,
  name: 'first',
  up: ({ ddl }) => [`create table a(id ${ddl.text} primary key)${ddl.tail}`],
}
const second: Migration = {
  version: 2,
  name: 'second',
  up: () => ['create index a_by_id on a(id)', "insert into a values ('x')"],
}

const versions = async (database: Database) =>
  (await database.read({ sql: 'select version, name, applied_at from spine_schema order by version', params: [] })).map(
    (row) => Object.values(row).join(' '),
  )

test('a new store gets every migration, a known one only those that are missing', async () => {
  const database = openSqliteInline()
  assert.deepEqual(await migrate(database, [first], 10), [1])
  assert.deepEqual(await migrate(database, [second, first], 20), [2])
  assert.deepEqual(await migrate(database, [first, second], 30), [])
  assert.deepEqual(await versions(database), ['1 first 10', '2 second 20'])
})

test('a migration that fails leaves nothing behind, neither its tables nor its row', async () => {
  const database = openSqliteInline()
  const broken: Migration = {
    version: 2,
    name: 'broken',
    up: () => ['create table b(id text)', 'create tabel c(id text)'],
  }
  await assert.rejects(migrate(database, [first, broken], 10), /syntax error/)
  assert.deepEqual(await versions(database), ['1 first 10'])
  assert.deepEqual(await migrate(database, [first, second], 20), [2])
})

test('a store that a newer program wrote is refused with both versions', async () => {
  const database = openSqliteInline()
  await migrate(database, [first, second], 10)
  await assert.rejects(migrate(database, [first], 20), (error: SpineError) => {
    assert.equal(error.code, 'SCHEMA_TOO_NEW')
    assert.match(error.message, /schema version 2.*versions up to 1/)
    return true
  })
})

test('several starters apply each migration once between them', async () => {
  const database = openSqliteInline()
  const starters = await Promise.all([1, 2, 3, 4].map((now) => migrate(database, [first, second], now)))
  assert.deepEqual(starters.flat().toSorted(), [1, 2])
  assert.equal((await versions(database)).length, 2)
})

test('two migrations with one number are a mistake of the program', async () => {
  await assert.rejects(migrate(openSqliteInline(), [first, { ...second, version: 1 }], 10), /version 1/)
})
