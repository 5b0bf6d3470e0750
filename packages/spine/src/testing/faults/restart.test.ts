// What a restart of the server must not change.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../index.ts'
import { startServer } from './processes.ts'
import { sqliteStore } from './stores.ts'

test('a lease survives the death of the server: its holder completes, and nobody else was given the work', async (t) => {
  const { url: store, remove } = await sqliteStore.place()
  t.after(remove)
  const first = await startServer(store)
  const before = connect({ endpoint: String(first.first.endpoint) })
  const { id: envelope_id } = await before.handoffs.create({ target_agent: 'coder', task_summary: 'Hold on.' })
  await before.deliveries.send({ envelope_id })
  const { deliveries } = await before.deliveries.receive({ agent: 'coder', wait_ms: 0 })
  const [held] = deliveries
  assert.ok(held)
  await first.kill()
  await before.close()

  const second = await startServer(store)
  const spine = connect({ endpoint: String(second.first.endpoint) })
  assert.deepEqual((await spine.deliveries.receive({ agent: 'coder', wait_ms: 0 })).deliveries, [])
  const { id, lease_token } = held
  const completed = await spine.deliveries.complete({ id, lease_token, output: 'held on' })
  assert.deepEqual([completed.state, completed.late, completed.output], ['completed', undefined, 'held on'])
  await spine.close()
  await second.kill()
})
