// Calls about the dead-letter box that meet: each hears how the others left what it could not move.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqliteInline } from '../store/sqlite.ts'
import { sealed } from '../testing/conformance/subject.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { createSpine } from './spine.ts'

test('a redrive to a deadline that has passed says so, also when another one gives a new deadline right after it', async () => {
  const clock = manualClock()
  const spine = await createSpine({ database: openSqliteInline(), clock, watch: false })
  const later = (ms: number) => new Date(clock.now() + ms).toISOString()
  const envelope = await sealed(spine, { deadline: later(10_000) })
  await spine.deliveries.send({ envelope_id: envelope.id })
  const { id } = await spine.parked.park({ envelope_id: envelope.id, reason: 'enough' })
  await clock.jump(20_000)
  const [refused, redriven] = await Promise.all([
    spine.parked.redrive({ ids: [id] }),
    spine.parked.redrive({ ids: [id], deadline: later(60_000) }),
  ])
  assert.equal(refused.results[0]?.error?.code, 'DEADLINE_PASSED')
  assert.equal(refused.results[0]?.error?.detail, `Its deadline has passed: ${id} stays parked.`)
  assert.equal(redriven.results[0]?.delivery?.state, 'ready')
  await spine.close()
})

test('a redrive to a deadline that has passed already names that one, not the one of the delivery', async () => {
  const spine = await createSpine({ database: openSqliteInline(), clock: manualClock(), watch: false })
  const envelope = await sealed(spine)
  const { id } = await spine.parked.park({ envelope_id: envelope.id, reason: 'enough' })
  const { results } = await spine.parked.redrive({ ids: [id], deadline: '2020-01-01T00:00:00Z' })
  assert.deepEqual(results[0]?.error, {
    code: 'DEADLINE_PASSED',
    detail: `The deadline given, 2020-01-01T00:00:00Z, has passed: ${id} stays parked.`,
  })
  await spine.close()
})
