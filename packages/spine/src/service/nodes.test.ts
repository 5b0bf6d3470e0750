// Several nodes on one PostgreSQL. Their clocks stand still unless a test moves them, so what one node hears of another
// it hears by a hint, not by a look that it would have taken anyway.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { SpineError } from '../protocol/errors.ts'
import type { Spine } from '../protocol/spine.ts'
import type { Database } from '../store/database.ts'
import { openPostgres } from '../store/postgres.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { newDatabase } from '../testing/postgres/database.ts'
import { createSpine } from './spine.ts'

const { url, remove } = await newDatabase()
const clock = manualClock()
/** Each node says when it has heard the others. */
async function node(change: (database: Database) => Database = (same) => same) {
  const database = await openPostgres({ url })
  const spine = await createSpine({ database: change(database), clock })
  return { spine, database }
}
const [one, other] = [await node(), await node()]
after(async () => {
  await Promise.all([one.spine.close(), other.spine.close()])
  await remove()
})

/** Until a hint of one node has arrived at the other, hints may be lost. */
const heard = Promise.withResolvers<void>()
other.database.hints.listen((topic) => topic === 'knock' && heard.resolve())
one.database.hints.listen((topic) => topic === 'knock back' && back.resolve())
const back = Promise.withResolvers<void>()
const knocking = setInterval(() => {
  one.database.hints.send(['knock'])
  other.database.hints.send(['knock back'])
}, 5)
await Promise.all([heard.promise, back.promise])
clearInterval(knocking)

const sealed = (spine: Spine, target_agent: string) => spine.handoffs.create({ target_agent, task_summary: 'Go on.' })

/** Until the condition holds; the test's own time limit ends it. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}

test('a receiver that waits on one node is woken by a send on another', async () => {
  const waiting = other.spine.deliveries.receive({ agent: 'far', wait_ms: 60_000 })
  // It has looked and found nothing once its agent is known.
  await until(async () => (await one.spine.agents.list({})).agents.some(({ name }) => name === 'far'))
  await one.spine.deliveries.send({ envelope_id: (await sealed(one.spine, 'far')).id })
  const { deliveries } = await waiting
  assert.equal(deliveries.length, 1)
})

test('a sender that waits on one node hears of the acceptance on another', async () => {
  const envelope = await sealed(one.spine, 'near')
  const waiting = one.spine.deliveries.send({ envelope_id: envelope.id, wait: 'accepted', timeout_ms: 60_000 })
  await until(async () => (await other.spine.deliveries.list({ envelope_id: envelope.id })).deliveries.length > 0)
  const [held] = (await other.spine.deliveries.receive({ agent: 'near', wait_ms: 0 })).deliveries
  assert.ok(held)
  await other.spine.deliveries.accept({ id: held.id, lease_token: held.lease_token })
  assert.equal((await waiting).state, 'accepted')
})

test('many claimers on both nodes never get the same delivery', async () => {
  const envelopes = await Promise.all(Array.from({ length: 60 }, () => sealed(one.spine, 'crowd')))
  await Promise.all(envelopes.map(({ id }) => one.spine.deliveries.send({ envelope_id: id })))
  const claims = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      [one, other][index % 2]?.spine.deliveries.receive({ agent: 'crowd', max: 3, wait_ms: 0 }),
    ),
  )
  const ids = claims.flatMap((claim) => claim?.deliveries.map(({ id }) => id) ?? [])
  assert.equal(new Set(ids).size, ids.length)
  assert.equal(ids.length, 60)
})

test('both nodes end leases at once, and each lease ends once', async () => {
  const envelopes = await Promise.all(Array.from({ length: 20 }, () => sealed(one.spine, 'dead')))
  await Promise.all(envelopes.map(({ id }) => one.spine.deliveries.send({ envelope_id: id })))
  await one.spine.deliveries.receive({ agent: 'dead', max: 20, wait_ms: 0, lease_ms: 1_000 })
  const ended = async () => (await one.spine.deliveries.list({ target: 'dead', state: 'ready' })).deliveries
  await until(async () => {
    await clock.advance(500)
    return (await ended()).length === 20
  })
  for (const { history, claims } of await ended())
    assert.deepEqual([claims, history.map(({ event }) => event)], [1, ['send', 'claim', 'lease_end']])
})

test('a breaker that one node opens is open on the other after its next look', async () => {
  for (let handoff = 0; handoff < 3; handoff += 1) {
    const { id } = await one.spine.deliveries.send({ envelope_id: (await sealed(one.spine, 'ill')).id })
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const [held] = (await one.spine.deliveries.receive({ agent: 'ill', wait_ms: 0 })).deliveries
      assert.equal(held?.id, id)
      await one.spine.deliveries.nack({
        id,
        lease_token: held?.lease_token ?? '',
        kind: 'retry',
        reason: 'no',
        delay_ms: 0,
      })
    }
  }
  await until(async () => {
    await clock.advance(500)
    return (await other.spine.agents.get({ name: 'ill' })).breaker?.state === 'open'
  })
  const refused = await other.spine.deliveries.receive({ agent: 'ill', wait_ms: 0 })
  assert.ok((refused.retry_after_ms ?? 0) > 0)
})

test('a node that does not know the time gives no leases and takes none back, and says so', async () => {
  const uncertain = (database: Database): Database => ({
    ...database,
    clock: {
      now: () => clock.now(),
      check: () => {
        throw new SpineError('STORE_UNAVAILABLE', 'The time is not known.', { retry_after_ms: 1_000 })
      },
    },
  })
  const { spine } = await node(uncertain)
  await spine.deliveries.send({ envelope_id: (await sealed(spine, 'late')).id })
  await assert.rejects(spine.deliveries.receive({ agent: 'late', wait_ms: 0 }), { code: 'STORE_UNAVAILABLE' })
  assert.equal((await one.spine.deliveries.receive({ agent: 'late', wait_ms: 0 })).deliveries.length, 1)
  await spine.close()
})
