import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqliteInline } from '../store/sqlite.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { watched } from '../testing/watched.ts'
import { createSpine } from './spine.ts'

test('who waited for any receiver waits for nobody any more once one is there', async (t) => {
  const { database, idle } = watched(openSqliteInline())
  const clock = manualClock({ idle })
  const spine = await createSpine({ database, clock })
  t.after(() => spine.close())
  const { id: envelope_id } = await spine.handoffs.create({ target_agent: 'broadcast', task_summary: 'Look.' })
  const receivers = ['first', 'second']
  const waiting = spine.channels.publish({ channel: 'c', envelope_id, receivers, wait: 'any', timeout_ms: 5_000 })
  await clock.advance(1_000)
  const { deliveries } = await spine.deliveries.receive({ agent: 'first', wait_ms: 0 })
  for (const { id, lease_token } of deliveries) await spine.deliveries.accept({ id, lease_token })
  const publication = await waiting
  await clock.advance(60_000)
  const second = publication.deliveries.find(({ target }) => target === 'second')
  const { history } = await spine.deliveries.get({ id: String(second?.id) })
  assert.deepEqual(
    history.map(({ event }) => event),
    ['send'],
  )
})
