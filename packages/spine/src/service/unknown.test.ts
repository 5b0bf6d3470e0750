// A connection that is lost after the commit and before the answer: what was done is found, not done again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpineError } from '../protocol/errors.ts'
import type { Spine } from '../protocol/spine.ts'
import type { Batch, Database } from '../store/database.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { createSpine } from './spine.ts'

const lost = () => new SpineError('STORE_UNAVAILABLE', 'cut', { outcome: 'unknown', retry_after_ms: 1_000 })

/** A spine whose next write is cut off after its commit (or before it), for so many looks in a row. */
async function bench() {
  const real = openSqliteInline()
  const cut = { writes: 0, reads: 0, before: false }
  const database: Database = {
    ...real,
    async write(batch: Batch) {
      if (cut.writes === 0) return real.write(batch)
      cut.writes -= 1
      if (!cut.before) await real.write(batch)
      throw lost()
    },
    async read(statement) {
      if (cut.reads === 0) return real.read(statement)
      cut.reads -= 1
      throw lost()
    },
  }
  const clock = manualClock()
  const spine = await createSpine({ database, clock })
  /** Time goes on until the call is answered. */
  const passing = async <T>(call: Promise<T>): Promise<T> => {
    let open = true
    const answer = call.finally(() => {
      open = false
    })
    answer.catch(() => {})
    for (let step = 0; open && step < 200; step += 1) await clock.advance(20)
    return answer
  }
  return { spine, cut, passing }
}

const sealed = (spine: Spine) => spine.handoffs.create({ target_agent: 'coder', task_summary: 'Do the next step.' })

test('a send whose answer was lost answers with the delivery that it made', async () => {
  const { spine, cut, passing } = await bench()
  const envelope = await sealed(spine)
  cut.writes = 2
  const delivery = await passing(spine.deliveries.send({ envelope_id: envelope.id }))
  assert.deepEqual([delivery.state, delivery.history.length], ['ready', 1])
  assert.equal((await spine.deliveries.list({})).deliveries.length, 1)
  await spine.close()
})

test('a receiver that waits gets what was leased to it in a commit whose answer was lost', async () => {
  const { spine, cut, passing } = await bench()
  const envelope = await sealed(spine)
  const waiting = spine.deliveries.receive({ agent: 'coder', wait_ms: 5_000 })
  await new Promise(setImmediate)
  cut.writes = 1
  await passing(spine.deliveries.send({ envelope_id: envelope.id }))
  const { deliveries } = await passing(waiting)
  assert.deepEqual(
    deliveries.map(({ claims, state }) => [claims, state]),
    [[1, 'leased']],
  )
  await spine.close()
})

test('a claim whose answer was lost finds its deliveries by their tokens, and claims no others', async () => {
  const { spine, cut, passing } = await bench()
  for (let count = 0; count < 4; count += 1) await spine.deliveries.send({ envelope_id: (await sealed(spine)).id })
  // The first call also notes that the agent was seen.
  await spine.deliveries.receive({ agent: 'coder', max: 1, wait_ms: 0 })
  cut.writes = 1
  cut.reads = 2
  const { deliveries } = await passing(spine.deliveries.receive({ agent: 'coder', max: 2, wait_ms: 0 }))
  assert.equal(deliveries.length, 2)
  const states = (await spine.deliveries.list({})).deliveries.map(({ state }) => state)
  assert.deepEqual(states.toSorted(), ['leased', 'leased', 'leased', 'ready'])
  await spine.close()
})

test('a settlement whose answer was lost is done once, and one that never arrived is made', async () => {
  const { spine, cut, passing } = await bench()
  for (const before of [false, true]) {
    await spine.deliveries.send({ envelope_id: (await sealed(spine)).id })
    const [held] = (await spine.deliveries.receive({ agent: 'coder', wait_ms: 0 })).deliveries
    assert.ok(held)
    Object.assign(cut, { writes: 1, before })
    const done = await passing(spine.deliveries.complete({ id: held.id, lease_token: held.lease_token, output: 'ok' }))
    assert.deepEqual([done.state, done.history.filter(({ event }) => event === 'complete').length], ['completed', 1])
  }
  await spine.close()
})

test('a database that stays away is said to be away, with the time to wait', async () => {
  const { spine, cut, passing } = await bench()
  const envelope = await sealed(spine)
  Object.assign(cut, { writes: 100, before: true })
  await assert.rejects(passing(spine.deliveries.send({ envelope_id: envelope.id })), (error: SpineError) => {
    assert.deepEqual([error.code, error.status, error.extra.retry_after_ms], ['STORE_UNAVAILABLE', 503, 1_000])
    return true
  })
  cut.writes = 0
  await spine.close()
})
