// A spine that refuses secrets keeps nothing of the call; one that only flags them keeps every word.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SecretPolicy } from '../../protocol/secrets.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { contents, refused } from '../../testing/conformance/subject.ts'
import { createSpine } from '../spine.ts'

async function spineWith(secrets: SecretPolicy) {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  const database = await openSqlite({ file: join(folder, 'spine.db'), ballast: { bytes: 0 } })
  const spine = await createSpine({ database, secrets })
  const close = async () => {
    await spine.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { spine, [Symbol.asyncDispose]: close }
}

const content = `Push with ghp_${randomBytes(18).toString('hex')}.`

test('under refuse nothing of the call is kept', async () => {
  await using opened = await spineWith('refuse')
  const { spine } = opened
  const before = await contents(spine)
  await refused(spine.memories.store({ memories: [{ content: 'fine' }, { content }] }), 'SECRET_FOUND')
  await refused(spine.handoffs.create({ target_agent: 'coder', task_summary: content }), 'SECRET_FOUND')
  assert.deepEqual(await contents(spine), before)
})

test('under flag every word is kept, with a note; under off without one', async () => {
  for (const [policy, warned] of [
    ['flag', 1],
    ['off', 0],
  ] as const) {
    await using opened = await spineWith(policy)
    const warnings: string[] = []
    const options = { onWarning: (warning: string) => void warnings.push(warning) }
    const { memories } = await opened.spine.memories.store({ content }, options)
    assert.equal(memories[0]?.content, content)
    assert.equal(warnings.length, warned)
    assert.equal('secrets' in (memories[0]?.metadata ?? {}), warned === 1)
  }
})
