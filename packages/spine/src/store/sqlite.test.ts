import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import type { SpineError } from '../protocol/errors.ts'
import type { Database, Param, Row, Statement } from './database.ts'
import { openSqlite, openSqliteInline, type SqliteOptions } from './sqlite.ts'
import { isDataFault } from './statement-error.ts'

const folder = mkdtempSync(join(tmpdir(), 'spine-sqlite-'))
after(() => rmSync(folder, { recursive: true }))

const newFile = () => join(mkdtempSync(join(folder, 'store-')), 'deep', 'spine.db')
const sql = (text: string, ...params: Param[]): Statement => ({ sql: text, params })
const create = sql('create table t(id text primary key, n integer, body blob) strict')
const insert = (id: string, n: number | null = null, body: Uint8Array | null = null) =>
  sql('insert into t(id, n, body) values ($1, $2, $3) returning id', id, n, body)
const ids = async (database: Database) =>
  (await database.read(sql('select id from t order by id'))).map((row) => row.id)

/** Every kind of SQLite store behaves the same. */
const kinds: Record<string, () => Promise<Database>> = {
  'a file': () => openSqlite({ file: newFile() }),
  'a store in memory': () => openSqlite({ file: ':memory:' }),
  'the inline store': async () => openSqliteInline(),
}

for (const [kind, open] of Object.entries(kinds)) {
  test(`${kind} answers plain rows per statement and keeps every type`, async () => {
    const database = await open()
    const body = Uint8Array.of(0, 1, 255)
    const [created, inserted] = await database.write([create, insert('a', 2 ** 53 - 1, body)])
    assert.deepEqual([created, inserted], [[], [{ id: 'a' }]])
    const rows: Row[] = await database.read(sql('select id, n, body, null as none from t where id = $1', 'a'))
    assert.deepEqual(rows, [{ id: 'a', n: 2 ** 53 - 1, body, none: null }])
    await database.close()
  })

  test(`${kind} undoes a write that fails as a whole, and only that one`, async () => {
    const database = await open()
    await database.write([create])
    const outcomes = await Promise.allSettled([
      database.write([insert('a')]),
      database.write([insert('b'), insert('a')]),
      database.write([insert('c'), sql('nonsense')]),
      database.write([insert('d'), sql('select $1', (2n ** 70n) as unknown as number)]),
      database.write([insert('e')]),
    ])
    const faults = outcomes.map((one) => (one.status === 'fulfilled' ? 'stored' : isDataFault(one.reason)))
    assert.deepEqual(faults, ['stored', true, false, true, 'stored'])
    assert.deepEqual(await ids(database), ['a', 'e'])
    await assert.rejects(database.read(sql('select missing')), /no such column/)
    await database.close()
  })

  test(`${kind} sends hints to those who listen, after the sender's own code`, async () => {
    const { hints, close } = await open()
    const heard: string[] = []
    const stop = hints.listen((topic) => heard.push(topic))
    hints.send(['a', 'b'])
    assert.deepEqual(heard, [])
    await null
    stop()
    hints.send(['c'])
    await null
    assert.deepEqual(heard, ['a', 'b'])
    await close()
  })
}

test('the log is synced at every commit, and the settings are in force', async () => {
  const database = await openSqlite({ file: newFile() })
  const answers = await database.write([sql('pragma journal_mode'), sql('pragma synchronous')])
  assert.deepEqual(answers, [[{ journal_mode: 'wal' }], [{ synchronous: 2 }]])
  await database.close()
})

test('writes of one turn are one transaction', async () => {
  const file = newFile()
  const database = await openSqlite({ file })
  await database.write([create, insert('a', 0)])
  const before = statSync(`${file}-wal`).size
  const bump = [sql('update t set n = n + 1 where id = $1', 'a')]
  await Promise.all(Array.from({ length: 50 }, () => database.write(bump)))
  // One transaction logs the changed page once, fifty would log it fifty times.
  assert.equal(statSync(`${file}-wal`).size - before, 4096 + 24)
  assert.deepEqual(await database.read(sql('select n from t')), [{ n: 50 }])
  await database.close()
})

test('a read sees what was answered before it, and a long one holds up no write', async () => {
  const database = await openSqlite({ file: newFile() })
  await database.write([create])
  assert.deepEqual(await ids(database), [])
  const order: string[] = []
  const count =
    'with recursive c(x) as (select 1 union all select x + 1 from c where x < 1000000) select max(x) as x from c'
  const long = database.read(sql(count)).then(() => order.push('long read'))
  await database.write([insert('a')]).then(() => order.push('write'))
  await long
  assert.deepEqual(order, ['write', 'long read'])
  assert.deepEqual(await ids(database), ['a'])
  await database.close()
})

test('a view of a large buffer is stored as what it shows, and stays usable', async () => {
  const database = await openSqlite({ file: newFile() })
  const view = new Uint8Array(new ArrayBuffer(1 << 20), 100, 3).fill(7)
  await database.write([create, insert('a', 1, view), insert('b', 1, Buffer.from('né'))])
  const rows = await database.read(sql('select body from t order by id'))
  assert.deepEqual(rows, [{ body: Uint8Array.of(7, 7, 7) }, { body: new TextEncoder().encode('né') }])
  assert.equal(view[0], 7)
  await database.close()
})

test('closing finishes what is under way, refuses what comes later, and leaves one file of data', async () => {
  const file = newFile()
  const database = await openSqlite({ file, ballast: { bytes: 4096, after_commits: 0 } })
  await database.write([create])
  const writes = Array.from({ length: 20 }, (_, index) => database.write([insert(`r${index}`)]))
  const closing = database.close()
  await assert.rejects(database.write([insert('late')]), { code: 'SHUTTING_DOWN' })
  await assert.rejects(database.read(sql('select 1')), { code: 'SHUTTING_DOWN' })
  await Promise.all([...writes, closing, database.close()])
  assert.deepEqual(readdirSync(dirname(file)).toSorted(), ['spine.db', 'spine.db.guard'])
  const again = await openSqlite({ file })
  assert.equal((await ids(again)).length, 20)
  await again.close()
})

test('a second opener is refused, and a folder that cannot be opened says so and holds no lock', async () => {
  const file = newFile()
  const database = await openSqlite({ file })
  database.announce('http://127.0.0.1:9')
  await assert.rejects(openSqlite({ file }), (error: SpineError) => {
    assert.deepEqual([error.code, error.extra.endpoint], ['STORE_LOCKED', 'http://127.0.0.1:9'])
    return true
  })
  await database.close()
  const not_a_file = mkdtempSync(join(folder, 'folder-'))
  for (const _ of [1, 2]) await assert.rejects(openSqlite({ file: not_a_file }), { code: 'STORE_NOT_OPENED' })
})

test('when the disk is full, what settles still passes; new rows wait until there is room', async () => {
  const file = newFile()
  const open = (ballast: SqliteOptions['ballast']) =>
    openSqlite({ file, ballast: { bytes: 4096, after_commits: 0, ...ballast } })
  const settle = (database: Database) => database.write([sql('update t set n = 1 where id = $1 returning n', 'a')])
  const big = insert('big', 0, new Uint8Array(1 << 20))
  const pages = (count: number) => [sql(`pragma max_page_count = ${count}`)]

  const database = await open({ retry_ms: Number.MAX_VALUE })
  await database.write([create, insert('a', 0)])
  await database.write(pages(10))
  assert.equal(existsSync(`${file}.ballast`), true)
  const [full, settled] = await Promise.allSettled([database.write([big]), settle(database)])
  assert.equal(full.status === 'rejected' && full.reason.code, 'STORAGE_FULL')
  assert.equal(settled.status, 'fulfilled')
  assert.equal(existsSync(`${file}.ballast`), false)
  await assert.rejects(database.write([insert('small')]), { code: 'STORAGE_FULL' })
  assert.deepEqual(await settle(database), [[{ n: 1 }]])
  await database.close()

  const recovering = await open({ retry_ms: 0 })
  await recovering.write(pages(10))
  await assert.rejects(recovering.write([big]), { code: 'STORAGE_FULL' })
  await recovering.write(pages(10_000))
  await recovering.write([big])
  assert.equal(existsSync(`${file}.ballast`), true)
  await recovering.close()
})

/** A process of its own with a store open; it ends by itself, or by a signal. */
const childCode = (file: string, code: string) => `
  import { openSqlite } from ${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)}
  import { writeSync } from 'node:fs'
  const file = ${JSON.stringify(file)}
  const create = { sql: 'create table if not exists t(id text primary key, n integer, body blob) strict', params: [] }
  const insert = (id, body) => ({ sql: 'insert into t(id, body) values ($1, $2)', params: [id, body] })
  ${code}`

test('an idle store does not keep its process alive, open or closed', () => {
  for (const last of ['', 'await database.close()']) {
    const code = childCode(
      newFile(),
      `const database = await openSqlite({ file }); await database.write([create]); ${last}`,
    )
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { timeout: 60_000 })
    assert.deepEqual([status, String(stderr)], [0, ''])
  }
})

test('after an I/O error nothing more is written, and the owner of the process is told once', async () => {
  const file = newFile()
  const code = childCode(
    file,
    `process.on('SIGXFSZ', () => {})
    let fatal = 0
    const database = await openSqlite({ file, ballast: { bytes: 0 }, on_fatal: () => { fatal += 1 } })
    await database.write([create])
    const codes = []
    for (let index = 0; index < 100; index += 1)
      await database.write([insert('r' + index, new Uint8Array(8192))]).then(() => codes.push('ok'), (error) => codes.push(error.code))
    await database.close().catch(() => {})
    console.log(JSON.stringify({ fatal, stored: codes.filter((code) => code === 'ok').length, codes: [...new Set(codes)] }))`,
  )
  // A limit on file sizes makes the write of the log fail: it is an I/O error to SQLite, not a full disk.
  const shell = 'ulimit -f 400; exec "$0" --input-type=module -e "$1"'
  const { stdout, stderr } = spawnSync('bash', ['-c', shell, process.execPath, code], { timeout: 60_000 })
  assert.equal(String(stderr), '')
  const report = JSON.parse(String(stdout)) as { fatal: number; stored: number; codes: string[] }
  assert.deepEqual([report.fatal, report.codes], [1, ['ok', 'STORAGE_FAILED']])
  const database = await openSqlite({ file })
  assert.equal((await ids(database)).length, report.stored)
  await database.close()
})

/** Writes from 16 callers, acknowledged on a pipe, killed in the middle; answers how many acknowledged rows are gone. */
async function lostAfterKill(file: string, acknowledge: 'after the commit' | 'before the commit'): Promise<number> {
  const early = acknowledge === 'before the commit'
  const code = childCode(
    file,
    `const database = await openSqlite({ file })
    await database.write([create])
    const acknowledge = (id) => {
      // Again, as long as the pipe is full: who reads it may be slow.
      for (;;) try { return writeSync(1, id + '\\n') } catch (error) { if (error.code !== 'EAGAIN') throw error }
    }
    const caller = async (name) => {
      for (let index = 0; ; index += 1) {
        const id = process.pid + '-' + name + '-' + index
        if (${early}) acknowledge(id)
        await database.write([insert(id, new Uint8Array(2000))])
        if (!${early}) acknowledge(id)
      }
    }
    await Promise.all(Array.from({ length: 16 }, (_, name) => caller(name)))`,
  )
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const kill_after = 100 + Math.random() * 1000
  let output = ''
  for await (const chunk of child.stdout) {
    output += chunk
    if (output.split('\n').length > kill_after) child.kill('SIGKILL')
  }
  await closed
  // What stands before the last line feed was acknowledged in full.
  const acknowledged = output.split('\n').slice(0, -1)
  assert.ok(acknowledged.length >= 100)
  const database = await openSqlite({ file })
  const present = new Set(await ids(database))
  assert.deepEqual(await database.read(sql('pragma integrity_check')), [{ integrity_check: 'ok' }])
  await database.close()
  return acknowledged.filter((id) => !present.has(id)).length
}

test('every row acknowledged before kill -9 is there afterwards', async () => {
  const file = newFile()
  for (let round = 0; round < 3; round += 1) assert.equal(await lostAfterKill(file, 'after the commit'), 0)
})

test('the same check finds the loss when rows are acknowledged before their commit', async () => {
  const file = newFile()
  let lost = 0
  for (let round = 0; round < 5 && lost === 0; round += 1) lost = await lostAfterKill(file, 'before the commit')
  assert.ok(lost > 0)
})

test('a thousand awaited writes of the inline store take no turn of the event loop', async () => {
  const database = openSqliteInline()
  await database.write([create])
  let turns = 0
  const counter = setImmediate(() => {
    turns += 1
  })
  for (let index = 0; index < 1000; index += 1) await database.write([insert(`r${index}`)])
  clearImmediate(counter)
  assert.equal(turns, 0)
})
