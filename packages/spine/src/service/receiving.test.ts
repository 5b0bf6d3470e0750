import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpineError } from '../protocol/errors.ts'
import type { Database } from '../store/database.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { createSpine } from './spine.ts'

test('when one of several envelopes cannot be read now, all of them are given back at once', async (t) => {
  const real = openSqliteInline()
  const lasting = { ...real, close: async () => {} }
  const sender = await createSpine({ database: lasting })
  for (const task_summary of ['Do one thing.', 'Do another.', 'Do a third.']) {
    const { id } = await sender.handoffs.create({ target_agent: 'coder', task_summary, previous: null })
    await sender.deliveries.send({ envelope_id: id })
  }
  await sender.close()

  let refuse = 1
  const database: Database = {
    ...lasting,
    async read(statement) {
      if (!statement.sql.includes('body') || refuse === 0) return real.read(statement)
      refuse -= 1
      throw new SpineError('OVERLOADED', 'Too many calls wait.', { retry_after_ms: 1_000 })
    },
  }
  const receiver = await createSpine({ database })
  t.after(() => receiver.close())
  const wanted = { agent: 'coder', max: 3, wait_ms: 0 }
  await assert.rejects(receiver.deliveries.receive(wanted), { code: 'OVERLOADED' })
  const { deliveries } = await receiver.deliveries.receive(wanted)
  assert.deepEqual(
    deliveries.map(({ attempt }) => attempt),
    [1, 1, 1],
  )
})
