// Nodes of this version and of the next one side by side: the next one adds to the schema while this one is at work.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Spine } from '../protocol/spine.ts'
import { type Migration, migrate } from '../store/migrations.ts'
import { openPostgres } from '../store/postgres.ts'
import { migrations } from '../store/schema.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { newDatabase } from '../testing/postgres/database.ts'
import { createArchive } from './archive.ts'
import { createSpine } from './spine.ts'

const HOUR_MS = 3_600_000

const { url, remove } = await newDatabase()
after(remove)
const opened: Spine[] = []
after(async () => {
  for (const spine of opened) await spine.close()
})

/** A busy machine is no database that is away. */
const patient = { url, connect_timeout_ms: 30_000, statement_timeout_ms: 60_000 }

async function node(): Promise<Spine> {
  const spine = await createSpine({ database: await openPostgres(patient) })
  opened.push(spine)
  return spine
}

/** However many there are: on a slow machine a migration takes long, and the senders go on. */
async function countCompleted(spine: Spine): Promise<number> {
  let count = 0
  let after: string | undefined
  do {
    const page = await spine.deliveries.list({ state: 'completed', limit: 1_000, ...(after && { after }) })
    count += page.deliveries.length
    after = page.next
  } while (after !== undefined)
  return count
}

/** What a next version may do beside this one: it adds, with defaults, and takes nothing away. */
const next: Migration = {
  version: migrations.length + 1,
  name: 'the next version',
  up: ({ ddl }) => [
    `alter table deliveries add column colour ${ddl.text} not null default 'none'`,
    `alter table archived_deliveries add column colour ${ddl.text} not null default 'none'`,
    `alter table envelopes add column weight ${ddl.int}`,
    `alter table events add column origin ${ddl.text}`,
    `create index deliveries_by_colour on deliveries (ns, colour, id)`,
    `create table colours (ns ${ddl.text} not null, name ${ddl.text} not null, primary key (ns, name))`,
  ],
}

test('nodes at work go on without one failed call when a newer one migrates the store, and start anew only as newer ones', async () => {
  const older = await node()
  const nodes = [older, await node()]
  const failures: unknown[] = []
  const completed = new Set<string>()
  let sending = true
  let sent = 0
  const send = async (spine: Spine) => {
    for (; sending; sent += 1) {
      const envelope = await spine.handoffs.create({ target_agent: 'worker', task_summary: 'Go on.', previous: null })
      await spine.deliveries.send({ envelope_id: envelope.id })
    }
  }
  const receive = async (spine: Spine) => {
    while (sending || completed.size < sent) {
      const { deliveries } = await spine.deliveries.receive({ agent: 'worker', max: 8, wait_ms: 100 })
      for (const { id, lease_token } of deliveries) {
        await spine.deliveries.accept({ id, lease_token })
        await spine.deliveries.complete({ id, lease_token })
        completed.add(id)
      }
    }
  }
  const work = nodes.flatMap((spine) => [send(spine), send(spine), receive(spine)])
  for (const one of work) one.catch((error) => failures.push(error))
  const reached = async (count: number) => {
    while (completed.size < count && failures.length === 0) await new Promise((soon) => setTimeout(soon, 5))
  }

  await reached(50)
  const newer = await openPostgres(patient)
  assert.deepEqual(await migrate(newer, [...migrations, next], Date.now()), [next.version])
  await reached(completed.size + 50)
  sending = false
  await Promise.all(work)
  assert.deepEqual(failures, [])
  assert.equal(completed.size, sent)

  // What ended is moved to its day by whichever node comes first.
  const archive = createArchive({
    database: newer,
    clock: manualClock({ start: Date.now() + HOUR_MS }),
    onTrouble: ({ error }) => assert.fail(error as Error),
  })
  assert.equal(await archive.move(), sent)
  await archive.stop()
  assert.equal(await countCompleted(older), sent)
  await newer.close()
  await assert.rejects(node(), { code: 'SCHEMA_TOO_NEW' })
})
