// A copy is the same store, whatever kind of database it goes to and however often it was ended on the way; and what
// cannot become one is refused before a row is written.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createSpine, openPostgres } from '../embedded.ts'
import { leaseOf, receivedOne, sent } from '../testing/conformance/subject.ts'
import { fillStore } from '../testing/full-store.ts'
import { newDatabase } from '../testing/postgres/database.ts'
import { rowsOf } from '../testing/rows.ts'
import { copyStore } from './copy.ts'
import { copiedTables } from './copy-tables.ts'
import type { Database, Statement } from './database.ts'
import { foldPlace, nextEvents } from './health.ts'
import { migrate } from './migrations.ts'
import { migrations } from './schema.ts'
import { openSqliteInline } from './sqlite.ts'

const plain = (sql: string): Statement => ({ sql, params: [] })

const opened: { close(): Promise<void> }[] = []
after(async () => {
  for (const { close } of opened) await close()
})

const empty = {
  sqlite: async (): Promise<Database> => openSqliteInline(),
  postgres: async (): Promise<Database> => {
    const { url, remove } = await newDatabase()
    const database = await openPostgres({ url })
    opened.push({ close: () => database.close().then(remove) })
    return database
  },
}
type Kind = keyof typeof empty
const kinds: readonly Kind[] = ['sqlite', 'postgres']

const sources = {} as Record<Kind, Database>
let now = 0
// Not in a hook, which is on the limited time of the first test.
for (const kind of kinds) {
  sources[kind] = await empty[kind]()
  ;({ now } = await fillStore(sources[kind]))
}

const views = copiedTables.map(({ name, source = name }) => source)
const contents = (database: Database, without: readonly string[] = []) => rowsOf(database, views, { without })

const triggerNames = {
  sqlite: `select name from sqlite_master where type = 'trigger' order by 1`,
  postgres: `select tgname as name from pg_trigger where not tgisinternal and tgenabled = 'O' order by 1`,
}
const triggersOf = (database: Database) => database.read(plain(triggerNames[database.dialect.name]))

test('every table of the ledger is copied, by the whole of its key', async () => {
  const tables = await sources.sqlite.read(
    plain(
      `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name <> 'spine_schema'`,
    ),
  )
  assert.deepEqual(copiedTables.map(({ name }) => name).sort(), tables.map(({ name }) => String(name)).sort())
  for (const { name, key } of copiedTables.filter((table) => table.name !== 'events')) {
    const columns = await sources.sqlite.read(
      plain(`select name from pragma_table_info('${name}') where pk > 0 order by pk`),
    )
    assert.deepEqual(
      columns.map((column) => column.name),
      key,
    )
    assert.notEqual((await sources.sqlite.read(plain(`select count(*) as n from ${name}`)))[0]?.n, 0, name)
  }
})

for (const kind of kinds)
  for (const other of kinds)
    test(`from ${kind} to ${other}: the same rows in every table, and the same triggers as in a store of its own`, async () => {
      const [from, to] = [sources[kind], await empty[other]()]
      const seen: number[] = []
      const { tables, resumed } = await copyStore(from, to, {
        now,
        page: 4,
        progress: ({ doing, done, total }) => {
          if (doing === 'copying') seen.push(done / total)
        },
      })
      assert.deepEqual([resumed, seen.at(-1)], [false, 1])
      // The numbers of transactions are those of one PostgreSQL.
      const without = kind === 'sqlite' ? [] : ['tx']
      const theirs = await contents(from, without)
      assert.deepEqual(await contents(to, without), theirs)
      assert.deepEqual(
        tables.map(({ rows }) => rows),
        views.map((view) => theirs[view]?.length),
      )
      assert.deepEqual(await triggersOf(to), await triggersOf(sources[other]))
      assert.deepEqual(
        await to.read(plain('select version from spine_schema')),
        migrations.map(({ version }) => ({ version })),
      )
      if (other === 'sqlite') return
      // What ended long ago has its day; what ended just now may be asked for again.
      const [split] = await to.read(
        plain(`select (select count(*) from archived_deliveries) as archived,
          (select count(*) from deliveries where settled_at is not null) as kept`),
      )
      assert.ok(Number(split?.archived) > 0 && Number(split?.kept) > 0, JSON.stringify(split))
    })

for (const kind of kinds)
  test(`from ${kind} to the other kind: leases, cursors, numbers and counts go on where they were`, async () => {
    const [from, to] = [sources[kind], await empty[kind === 'sqlite' ? 'postgres' : 'sqlite']()]
    await copyStore(from, to, { now })
    const at = { identity: { namespace: 'green' } }
    const clock = { now: () => now, after: () => () => {} }
    const [before, spine] = [
      await createSpine({ database: { ...from, close: async () => {} }, clock, watch: false }),
      await createSpine({ database: { ...to, close: async () => {} }, clock }),
    ]
    const asked = { query: 'payment-service retries', limit: 20 }
    assert.deepEqual(await spine.memories.search(asked, at), await before.memories.search(asked, at))
    const [held] = await from.read(plain(`select id, token from deliveries where state = 'leased'`))
    const lease = { id: String(held?.id), lease_token: String(held?.token) }
    const { next } = await spine.health.events({ after: 'now' }, at)
    assert.equal((await spine.deliveries.complete(lease, at)).state, 'completed')
    const { events } = await spine.health.events({ after: next }, at)
    assert.deepEqual(
      events.map(({ type, delivery_id }) => [type, delivery_id]),
      [['delivery.complete', lease.id]],
    )
    const [counter] = await from.read(plain(`select value from counters where ns = 'green'`))
    const { memories } = await spine.memories.store({ content: 'The next one.' }, at)
    assert.equal(memories[0]?.id, `ms-${Number(counter?.value) + 1}`)
    await Promise.all([before.close(), spine.close()])
  })

/** A database whose process is killed at its n-th write: before it is stored, or when it was stored but not answered. */
function dyingAt(database: Database, nth: number, when: 'before' | 'after'): Database {
  let writes = 0
  return {
    ...database,
    async write(batch) {
      writes += 1
      if (writes < nth) return database.write(batch)
      if (writes === nth && when === 'after') await database.write(batch)
      throw new Error('killed')
    },
  }
}

test('a copy that is killed at any of its writes goes on where it was, and ends the same', async () => {
  const expected = await contents(sources.sqlite)
  let whole = false
  for (let nth = 1; !whole; nth += 1)
    for (const when of ['before', 'after'] as const) {
      const to = openSqliteInline()
      const ended = copyStore(sources.sqlite, dyingAt(to, nth, when), { now, page: 20 })
      whole = await ended.then(
        () => true,
        (error) => {
          assert.equal(error.message, 'killed')
          return false
        },
      )
      const marked = await to.read(plain('select version from spine_schema where version = 0')).catch(() => [])
      if (marked.length > 0)
        await assert.rejects(createSpine({ database: { ...to, close: async () => {} } }), { code: 'STORE_INCOMPLETE' })
      if (!whole) await copyStore(sources.sqlite, to, { now, page: 3 }).catch(isWhole)
      assert.deepEqual(await contents(to), expected, `killed ${when} write ${nth}`)
      assert.deepEqual(await triggersOf(to), await triggersOf(sources.sqlite))
    }
})

/** Killed after its very last write, it was finished already. */
const isWhole = (error: Error) => assert.match(error.message, /target is in use/)

test('a killed copy goes on in PostgreSQL, too', async () => {
  const expected = await contents(sources.sqlite)
  // The table of migrations, each migration, and then the word that it is not finished.
  const begun = 1 + migrations.length + 1
  for (const nth of [begun, 12, 30]) {
    const to = await empty.postgres()
    await assert.rejects(copyStore(sources.sqlite, dyingAt(to, nth, 'after'), { now, page: 10 }), /killed/)
    await assert.rejects(createSpine({ database: { ...to, close: async () => {} } }), { code: 'STORE_INCOMPLETE' })
    assert.equal((await copyStore(sources.sqlite, to, { now })).resumed, true)
    assert.deepEqual(await contents(to), expected)
  }
})

test('a target that holds something is refused and left as it is; one on which a server was only started is taken', async () => {
  const used = openSqliteInline()
  const spine = await createSpine({ database: { ...used, close: async () => {} }, watch: false })
  await spine.tasks.put({ id: 'T-9', intent: 'Stay.' })
  const held = await contents(used)
  await assert.rejects(copyStore(sources.sqlite, used, { now }), /target is in use: it has tasks/)
  assert.deepEqual(await contents(used), held)
  await spine.close()

  const started = openSqliteInline()
  await migrate(started, migrations, 1)
  await started.write([plain(`insert into folds(name, tx, seq, at, holder) values ('health', 0, 0, 0, '')`)])
  await copyStore(sources.sqlite, started, { now })
  assert.deepEqual(await contents(started), await contents(sources.sqlite))
})

test('a copy of one store is not gone on with from another one', async () => {
  const [other, to] = [openSqliteInline(), openSqliteInline()]
  await migrate(other, migrations, 77)
  await assert.rejects(copyStore(sources.sqlite, dyingAt(to, 9, 'after'), { now }), /killed/)
  await assert.rejects(copyStore(other, to, { now }), /one of another store/)
})

test('a source is a finished store of this schema, or refused', async () => {
  const to = openSqliteInline()
  await assert.rejects(copyStore(openSqliteInline(), to, { now }), /holds no store/)

  const half = openSqliteInline()
  await assert.rejects(copyStore(sources.sqlite, dyingAt(half, 9, 'after'), { now }), /killed/)
  await assert.rejects(copyStore(half, to, { now }), /copy that was not finished/)

  const newer = openSqliteInline()
  await migrate(newer, migrations, 1)
  await newer.write([plain(`insert into spine_schema(version, name, applied_at) values (99, 'later', 1)`)])
  await assert.rejects(copyStore(newer, to, { now }), /schema version 99/)
  assert.deepEqual(await to.read(plain('select name from sqlite_master')), [])
})

test('a store that was written to meanwhile is found out, and the copy stays unfinished', async () => {
  const to = openSqliteInline()
  const spoil = plain(`update memories set content = content || '.' where ns = 'blue' and id = 'm-1'`)
  let spoilt = false
  const progress = ({ doing }: { doing: string }) => {
    if (doing === 'copying' || spoilt) return
    spoilt = true
    void to.write([spoil])
  }
  await assert.rejects(copyStore(sources.sqlite, to, { now, progress }), /memories: \d+ rows .* other contents/)
  await assert.rejects(createSpine({ database: to }), { code: 'STORE_INCOMPLETE' })
})

test('what was not counted before the copy is counted after it', async () => {
  const from = await empty.postgres()
  const clock = { now: () => now, after: () => () => {} }
  const spine = await createSpine({ database: { ...from, close: async () => {} }, clock, watch: false })
  await sent(spine)
  await spine.deliveries.complete(leaseOf(await receivedOne(spine)))
  const [middle] = await from.read(plain('select tx, seq from events order by tx, seq limit 1'))
  await from.write([
    {
      sql: `insert into folds(name, tx, seq, at, holder) values ('health', $1, $2, 0, '')`,
      params: [middle?.tx ?? 0, middle?.seq ?? 0],
    },
  ])
  await spine.close()
  for (const kind of kinds) {
    const to = await empty[kind]()
    await copyStore(from, to, { now })
    const [place] = await to.read(foldPlace(to.dialect, { name: 'health' }))
    const behind = { tx: Number(place?.tx), seq: Number(place?.seq), limit: 100 }
    const [last] = await to.read(nextEvents(to.dialect, behind))
    const [all] = await to.read(plain('select count(*) as n from events'))
    assert.equal(Number(last?.n), Number(all?.n) - 1, kind)
  }
})
