// A backup is one sound snapshot of a store in use, and never in the way of another file.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createSpine } from '../service/spine.ts'
import { migrations } from './schema.ts'
import { openSqlite } from './sqlite.ts'
import { backupSqlite } from './sqlite-backup.ts'

const folder = mkdtempSync(join(tmpdir(), 'backup-'))
after(() => rmSync(folder, { recursive: true }))

const opened = async (file: string) =>
  createSpine({ database: await openSqlite({ file: join(folder, file), ballast: { bytes: 0 } }) })

test('a store that is being written to is copied as it stood, and the copy is a store', async () => {
  const spine = await opened('live.db')
  await spine.memories.store({ id: 'before', content: 'Stored before the copy began.' })
  let writing = true
  const writer = (async () => {
    for (let index = 0; writing; index += 1) await spine.memories.store({ content: `Stored meanwhile, ${index}.` })
  })()
  const { bytes, schema_version } = await backupSqlite(join(folder, 'live.db'), join(folder, 'copy.db'))
  writing = false
  await writer
  await spine.close()
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('copy.')),
    ['copy.db'],
  )
  assert.ok(bytes > 0)
  assert.equal(schema_version, migrations.at(-1)?.version)
  const copy = await opened('copy.db')
  assert.equal((await copy.memories.get({ id: 'before' })).content, 'Stored before the copy began.')
  await copy.close()
})

test('a file that exists is left as it is', async () => {
  const spine = await opened('source.db')
  await spine.close()
  writeFileSync(join(folder, 'taken.db'), 'something else')
  await assert.rejects(backupSqlite(join(folder, 'source.db'), join(folder, 'taken.db')), /overwrites nothing/)
})

test('of two backups to one new name one is made, and the other is told that the name is taken', async () => {
  const spine = await opened('shared.db')
  await spine.close()
  const both = await Promise.allSettled(
    [1, 2].map(() => backupSqlite(join(folder, 'shared.db'), join(folder, 'one-name.db'))),
  )
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  assert.match(String(both.find((one) => one.status === 'rejected')?.reason), /exists already: give a new name/)
  const made = readdirSync(folder).filter((name) => name.startsWith('one-name'))
  assert.deepEqual(made, ['one-name.db'])
})

test('a place where no copy can be made is named, with what to do', async () => {
  const spine = await opened('kept.db')
  await spine.close()
  const file = join(folder, 'kept.db')
  await assert.rejects(backupSqlite(file, join(folder, 'none', 'x.db')), /There is no folder .*none: make it/)
  await assert.rejects(backupSqlite(file, join(file, 'x.db')), /a part of the path is a file \(ENOTDIR\)/)
})

test('what is no store is no backup, and nothing is left behind', async () => {
  writeFileSync(join(folder, 'notes.txt'), 'not a database, and longer than a header of one would be: '.repeat(20))
  await assert.rejects(backupSqlite(join(folder, 'notes.txt'), join(folder, 'notes.db')), { code: 'STORAGE_FAILED' })
  await assert.rejects(backupSqlite(join(folder, 'nowhere.db'), join(folder, 'notes.db')), /There is no store/)
  assert.equal(existsSync(join(folder, 'notes.db')), false)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('.part')),
    [],
  )
})
