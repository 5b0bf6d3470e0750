import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, exactBytes } from '../protocol/canonical.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { testSpine } from '../testing/test-spine.ts'
import { createEnvelopes } from './envelopes.ts'

test('an envelope that is kept again and again takes the room of one', async () => {
  const database = openSqliteInline()
  const { keep, find } = createEnvelopes({ database, clock: manualClock() })
  const envelope = (id: string) => ({ id, envelope_version: '2.0' }) as Envelope
  const megabyte = new Uint8Array(1_048_576)
  for (let times = 0; times < 100; times += 1) keep('default', envelope('sent-to-many'), megabyte)
  keep('default', envelope('another'), megabyte)
  // Neither is stored: what is found is what was kept.
  assert.equal((await find('default', 'sent-to-many'))?.id, 'sent-to-many')
  await database.close()
})

test('an envelope that is kept does not hold the memory that its bytes came in', async () => {
  const database = openSqliteInline()
  const { keep } = createEnvelopes({ database, clock: manualClock() })
  const came_in = new Uint8Array(65_536).fill(7)
  const envelope = { id: 'small', envelope_version: '2.0' } as Envelope
  const kept = exactBytes(keep('default', envelope, came_in.subarray(100, 1_100)))
  assert.equal(kept?.buffer.byteLength, 1_000)
  assert.deepEqual(kept, new Uint8Array(1_000).fill(7))
  await database.close()
})

test('an envelope that is given whole cannot be changed any more while it is sent', async () => {
  await using spine = await testSpine()
  const envelope = structuredClone(await spine.memory.agentHandoff({ target_agent: 'b', task_summary: 'Fix it.' }))
  const { id, digest: _digest, ...members } = envelope
  const other = { ...members, id: `${id}-2` }
  const given = { ...other, digest: digestOf(other) }
  const sending = spine.deliveries.send({ envelope: given })
  assert.throws(() => {
    given.task.summary = 'Leave it.'
  }, TypeError)
  await sending
  assert.equal((await spine.handoffs.get({ id: given.id })).task.summary, 'Fix it.')
  const refused = { ...other, digest: `${given.digest.slice(0, -1)}x` }
  await assert.rejects(spine.deliveries.send({ envelope: refused }), { code: 'DIGEST_MISMATCH' })
  assert.equal(Object.isFrozen(refused), false)
})
