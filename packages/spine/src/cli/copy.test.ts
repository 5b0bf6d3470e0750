// `memory-spine copy` as it is typed: a file goes into PostgreSQL, is killed in the middle, and goes on.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openPostgres, openSqlite } from '../embedded.ts'
import { copiedTables } from '../store/copy-tables.ts'
import { answerOf, commandsOver, programFile, quietEnv } from '../testing/command.ts'
import { fillStore } from '../testing/full-store.ts'
import { newDatabase } from '../testing/postgres/database.ts'
import { rowsOf } from '../testing/rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'copy-'))
const { url, remove } = await newDatabase()
after(async () => {
  rmSync(folder, { recursive: true })
  await remove()
})
const file = join(folder, 'spine.db')
const run = commandsOver(join(folder, 'unused.db'), { cwd: folder })
const openFile = (path: string) => openSqlite({ file: path, ballast: { bytes: 0 } })
const views = copiedTables.map(({ name, source = name }) => source)

const source = await openFile(file)
await fillStore(source, { memories: 800 })
const expected = await rowsOf(source, views)
await source.close()

/** Kills a copy when it says that it has come so far. */
async function killedAt(words: RegExp): Promise<void> {
  const args = [programFile, 'copy', '--from', `sqlite:${file}`, '--to', url]
  const child = spawn(process.execPath, args, { cwd: folder, env: quietEnv, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
    if (words.test(said)) child.kill('SIGKILL')
  })
  const [code, signal] = await once(child, 'exit')
  assert.equal(signal, 'SIGKILL', `it ended by itself with ${code}: ${said}`)
}

test('a copy that is killed twice goes on each time, is served by nobody meanwhile, and ends row for row the same', async () => {
  await killedAt(/copying \[##/)
  const served = await run('--store', url, '--json', 'gc', '--dry-run')
  assert.deepEqual([served.code, answerOf(served).error.code], [1, 'STORE_INCOMPLETE'])
  assert.match(served.stderr, /Run the same `memory-spine copy` again/)
  await killedAt(/copying \[#######/)

  const done = await run('--json', 'copy', '--from', `sqlite:${file}`, '--to', url)
  assert.equal(done.code, 0, done.stderr)
  assert.match(done.stderr, /copying \[#{24}\] 100 %/)
  assert.match(done.stderr, /comparing \[#{24}\] 100 %/)
  const { resumed, rows, tables } = answerOf(done)
  const counted = Object.values(expected).reduce((sum, list) => sum + list.length, 0)
  assert.deepEqual([resumed, rows, tables.length], [true, counted, copiedTables.length])

  const database = await openPostgres({ url })
  const found = await rowsOf(database, views)
  await database.close()
  for (const view of views) assert.deepEqual(found[view], expected[view], view)
})

test('a store that is already there is not copied over, and the same file comes back from the database', async () => {
  const again = await run('copy', '--from', `sqlite:${file}`, '--to', url)
  assert.equal(again.code, 1)
  assert.match(again.stderr, /target is in use/)

  const back = join(folder, 'back.db')
  assert.equal((await run('copy', '--from', url, '--to', `sqlite:${back}`)).code, 0)
  const database = await openFile(back)
  const found = await rowsOf(database, views)
  await database.close()
  for (const view of views) assert.deepEqual(found[view], expected[view], view)
})

test('a source that is not there, and a store that is none, are wrong calls', async () => {
  for (const [from, to, words] of [
    ['sqlite:nowhere.db', 'sqlite:new.db', /--from: there is no store at nowhere.db/],
    ['mysql://x', 'sqlite:new.db', /--from: must be sqlite:PATH or postgres:/],
    [`sqlite:${file}`, 'file.db', /--to: must be sqlite:PATH or postgres:/],
  ] as const) {
    const { code, stderr } = await run('copy', '--from', from, '--to', to)
    assert.equal(code, 2)
    assert.match(stderr, words)
  }
})
