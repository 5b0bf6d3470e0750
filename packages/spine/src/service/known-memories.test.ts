// What is kept of memories between two envelopes: never more than is allowed, and never anything that is not so any more.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openSqlite } from '../store/sqlite.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { createKnownMemories, type KnownText } from './known-memories.ts'
import { createSpine } from './spine.ts'

const text = (content: string, stamp = 2): KnownText => ({ memory: { content } as KnownText['memory'], stamp })

test('what has another stamp now is not known, and of two that were kept the later one counts', () => {
  const known = createKnownMemories()
  known.keepText('a', 1, text('old', 2))
  assert.equal(known.text('a', 1, 3), undefined)
  assert.equal(known.text('b', 1, 2), undefined)
  known.keepText('a', 1, text('new', 3))
  assert.equal(known.text('a', 1, 3)?.memory.content, 'new')
  assert.equal(known.text('a', 1, 2), undefined)
})

test('what is asked for stays, and what nobody asks for goes when there is too much', () => {
  const known = createKnownMemories()
  const long = 'x'.repeat(100_000)
  known.keepText('a', 0, text('asked for again and again'))
  for (let seq = 1; seq <= 400; seq += 1) {
    known.keepText('a', seq, text(long))
    assert.ok(known.text('a', 0, 2), `it was forgotten at ${seq}`)
  }
  const held = Array.from({ length: 400 }, (_, at) => at + 1).filter((seq) => known.text('a', seq, 2))
  assert.ok(held.length <= 120, `${held.length} of 100,000 characters are held`)
  assert.ok(held.includes(400))
})

test('an envelope shows a memory as it is now, whoever changed it since the last envelope', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  const file = join(folder, 'spine.db')
  const clock = manualClock({ start: Date.parse('2026-03-01T10:00:00.000Z') })
  const open = async () =>
    createSpine({ database: await openSqlite({ file, lock: false, ballast: { bytes: 0 } }), clock, watch: false })
  const [here, there] = [await open(), await open()]
  try {
    const content = 'The vault opens at nine.'
    const memories = ['changed', 'pinned', 'deleted', 'replaced', 'expiring'].map((id) => ({
      id,
      content: `${content} (${id})`,
    }))
    await here.memories.store({ memories })
    const shown = async () => {
      const call = { target_agent: 'reader', task_summary: 'When does the vault open?', previous: null }
      const envelope = await here.handoffs.create(call)
      return new Map(envelope.memories.map((memory) => [memory.id, memory]))
    }
    assert.equal((await shown()).size, memories.length)
    await there.memories.update({ id: 'changed', content: 'The vault opens at ten.' })
    await there.memories.pin({ id: 'pinned' })
    await there.memories.delete({ id: 'deleted' })
    await there.memories.store({ id: 'newer', content: 'The vault never opens.', supersedes: 'replaced' })
    await there.memories.update({ id: 'expiring', expires_at: '2026-03-01T10:00:01.000Z' })
    const now = await shown()
    assert.equal(now.get('changed')?.content, 'The vault opens at ten.')
    assert.equal(now.get('changed')?.version, 2)
    assert.equal(now.get('pinned')?.pinned, true)
    assert.ok(now.has('expiring'))
    await clock.advance(2_000)
    const later = await shown()
    assert.deepEqual([...later.keys()].sort(), ['changed', 'newer', 'pinned'])
    await there.memories.unpin({ id: 'pinned' })
    await there.memories.store({ id: 'deleted', content: 'The vault is back.' })
    assert.equal((await shown()).get('pinned')?.pinned, false)
    assert.equal((await shown()).get('deleted')?.content, 'The vault is back.')
  } finally {
    await here.close()
    await there.close()
    await rm(folder, { recursive: true, force: true })
  }
})
