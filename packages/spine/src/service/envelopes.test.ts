import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Envelope } from '../protocol/envelope.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { manualClock } from '../testing/manual-clock.ts'
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
