// One seeded trace of calls on SQLite and on PostgreSQL, under clocks that the test moves and with the same chance:
// every answer is the same, the scores of searches included, and at the end every table is, row for row.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createSpine, openPostgres } from '../embedded.ts'
import { SpineError } from '../protocol/errors.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import type { Spine } from '../protocol/spine.ts'
import type { Database } from '../store/database.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { newDatabase } from './postgres/database.ts'
import { rowsOf } from './rows.ts'
import { seeded } from './seeded.ts'
import { watched } from './watched.ts'

const seeds = ['first', 'second', 'third', 'fourth']
const STEPS = 80

/** The text of memories and questions: few words, so that many of them meet, in several scripts. */
const words = `deploy window Tuesday release 06:00 UTC rollback staging payment-service retries timeout 4821 naïve Größe
  メモリ handoff budget tokens agent reviewer tester approved rejected because latency p99 240 ms never touch prod`
  .split(/\s+/)
  .filter(Boolean)

type World = { spine: Spine; clock: ManualClock; database: Database }

async function openWorld(t: TestContext, opened: Database, seed: string): Promise<World> {
  // Time waits for the database: what falls due is done before the next call, however slow this one is.
  const { database, idle } = watched(opened)
  const clock = manualClock({ idle })
  const spine = await createSpine({ database, clock, chance: seeded(seed, 'ids'), watch: false, push: false })
  t.after(() => spine.close())
  return { spine, clock, database }
}

/** What a call answers, or the code of its refusal. */
const outcome = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error) => {
    if (error instanceof SpineError) return { refused: error.code }
    throw error
  })

/** Plays the trace of a seed and notes every answer. What is called depends on the seed and on earlier answers alone. */
async function play({ spine, clock }: World, seed: string): Promise<unknown[]> {
  const { happens, int: below, pick: oneOf } = seeded(seed)
  const text = (length: number) => Array.from({ length: 1 + below(length) }, () => oneOf(words)).join(' ')
  const agents = ['planner', 'coder', 'tester']
  const answers: unknown[] = []
  const envelopes: string[] = []
  const deliveries: string[] = []
  let held: ReceivedDelivery[] = []

  const settle = async () => {
    const found = held.length > 0 ? oneOf(held) : undefined
    if (!found) return undefined
    const lease = { id: found.id, lease_token: found.lease_token }
    const nack = { ...lease, reason: text(5) }
    return oneOf([
      () => spine.deliveries.accept(lease),
      () => spine.deliveries.complete({ ...lease, output: { said: text(6) } }),
      () => spine.deliveries.heartbeat(lease),
      () => spine.deliveries.release(lease),
      () => spine.deliveries.nack({ ...nack, kind: 'retry' }),
      () => spine.deliveries.nack({ ...nack, kind: oneOf(['fatal', 'declined', 'needs_clarification'] as const) }),
      () => spine.deliveries.forward({ ...lease, handoff: { target_agent: oneOf(agents), task_summary: text(9) } }),
    ])()
  }
  const steps: (() => Promise<unknown>)[] = [
    () => spine.memories.store({ memories: [{ content: text(40) }, { content: text(12), pinned: happens(10) }] }),
    () => spine.memories.search({ query: text(4), limit: 20 }),
    async () => {
      const call = { source_agent: oneOf(agents), target_agent: oneOf(agents), previous: null, max_tokens: 600 }
      const envelope = await spine.handoffs.create({ ...call, task_summary: text(12), include_recent: 5 })
      envelopes.push(envelope.id)
      return envelope
    },
    async () => {
      if (envelopes.length === 0) return undefined
      const sent = await spine.deliveries.send({ envelope_id: oneOf(envelopes), target: oneOf(agents) })
      deliveries.push(sent.id)
      return sent
    },
    async () => {
      const received = await spine.deliveries.receive({ agent: oneOf(agents), max: 1 + below(4), wait_ms: 0 })
      held = [...held, ...received.deliveries]
      return received
    },
    settle,
    settle,
    () => spine.parked.redrive({ ids: deliveries.slice(0, 3) }),
    async () => (deliveries.length > 0 ? spine.deliveries.cancel({ id: oneOf(deliveries), reason: 'no' }) : undefined),
    () => spine.deliveries.list({ limit: 5 }),
    () => clock.jump(oneOf([10, 900, 61_000])),
  ]
  for (let step = 0; step < STEPS; step += 1) answers.push(await outcome(oneOf(steps)()))
  return answers
}

/** The numbers of transactions are PostgreSQL's own. */
const contents = (database: Database, tables: readonly string[]) =>
  rowsOf(database, tables, { without: ['tx', 'applied_at'] })

for (const seed of seeds)
  test(`the trace of seed "${seed}" answers the same on both databases, and ends in the same rows`, async (t) => {
    const { url: own, remove } = await newDatabase()
    t.after(remove)
    const [lite, post] = [
      await openWorld(t, openSqliteInline(), seed),
      await openWorld(t, await openPostgres({ url: own }), seed),
    ]
    const expected = await play(lite, seed)
    const found = await play(post, seed)
    for (const [step, answer] of expected.entries()) assert.deepEqual(found[step], answer, `step ${step}`)
    const names = `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name`
    const tables = (await lite.database.read({ sql: names, params: [] })).map(({ name }) => String(name))
    assert.ok(tables.length > 8)
    assert.deepEqual(await contents(post.database, tables), await contents(lite.database, tables))
  })
