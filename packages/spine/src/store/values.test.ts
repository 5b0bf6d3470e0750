import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Dialect } from './database.ts'
import { openSqliteInline, sqliteDialect } from './sqlite.ts'
import { namedStatement, setStatement } from './values.ts'

const postgres = { name: 'postgres', bytes: 'bytea', skip_locked: ' for update skip locked' } as Dialect

const touch = setStatement({
  columns: { id: 'text', body: 'bytes' },
  parameters: { now: 'int' },
  body: 'with $input update t set seen = $now from input where t.id = i_id returning t.id',
})

const rows = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `r${index}`, body: null }))

test('the text names its inputs, casts the first row only, and numbers parameters behind the list', () => {
  const [statement] = touch(sqliteDialect, rows(2), { now: 7 })
  assert.equal(
    statement?.sql,
    'with input(i_id,i_body) as (values (cast($1 as text),cast($2 as blob)),($3,$4)) ' +
      'update t set seen = cast($5 as bigint) from input where t.id = i_id returning t.id',
  )
  assert.deepEqual(statement.params, ['r0', null, 'r1', null, 7])
})

test('the other dialect differs in its own words only', () => {
  const [ours] = touch(sqliteDialect, rows(1), { now: 7 })
  const [theirs] = touch(postgres, rows(1), { now: 7 })
  assert.equal(theirs?.sql, ours?.sql.replace('blob', 'bytea'))
  const pick = namedStatement({ parameters: { limit: 'int' }, body: 'select id from t limit $limit $skip_locked' })
  assert.equal(pick(sqliteDialect, { limit: 1 }).sql.trim(), 'select id from t limit cast($1 as bigint)')
  assert.match(pick(postgres, { limit: 1 }).sql, /limit cast\(\$1 as bigint\) for update skip locked$/)
})

test('lists are padded with nulls to six sizes and cut at 32 rows', () => {
  const lengths = [0, 1, 2, 3, 5, 9, 17, 32, 33, 70].map((count) =>
    touch(sqliteDialect, rows(count), { now: 7 }).map(({ params }) => (params.length - 1) / 2),
  )
  assert.deepEqual(lengths, [[], [1], [2], [4], [8], [16], [32], [32], [32, 1], [32, 32, 8]])
  const [padded] = touch(sqliteDialect, rows(3), { now: 7 })
  assert.deepEqual(padded?.params.slice(-5), ['r2', null, null, null, 7])
})

test('one size of one statement is one text, so that it is prepared once', () => {
  const texts = new Set(
    Array.from({ length: 100 }, (_, index) => touch(sqliteDialect, rows(index), { now: index }))
      .flat()
      .map((one) => one.sql),
  )
  assert.equal(texts.size, 6)
})

test('a name that is no parameter is found when the text is first made', () => {
  const wrong = namedStatement({ parameters: { now: 'int' }, body: 'select $nwo' })
  assert.throws(() => wrong(sqliteDialect, { now: 1 }), /names \$nwo/)
})

test('the database sees exactly the rows given, with their types', async () => {
  const database = openSqliteInline()
  await database.write([{ sql: 'create table t(id text primary key, n int, body blob) strict', params: [] }])
  const insert = setStatement({
    columns: { id: 'text', n: 'int', body: 'bytes' },
    body: 'with $input insert into t(id, n, body) select i_id, i_n, i_body from input where i_id is not null',
  })
  const given = Array.from({ length: 37 }, (_, index) => ({
    id: `r${String(index).padStart(2, '0')}`,
    n: index === 3 ? null : 2 ** 40 + index,
    body: index === 4 ? null : Uint8Array.of(0, index, 255),
  }))
  await database.write(insert(database.dialect, given))
  assert.deepEqual(await database.read({ sql: 'select id, n, body from t order by id', params: [] }), given)
})
