// The delivery engine under thousands of seeded schedules. `SPINE_SEED=<seed>` brings a failing one back, with its trace.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Database } from '../../store/database.ts'
import { openSqliteInline } from '../../store/sqlite.ts'
import type { OpenDatabase } from './schedule.ts'
import { type Simulated, type SimulatedViolation, simulate, simulateOne } from './simulate.ts'

const EVENTS = 60

const story = ({ guarantee, what, seed, trace }: SimulatedViolation) =>
  `${guarantee}: ${what}\nSPINE_SEED=${seed} shows it again, shortened to:\n${trace.join('\n')}`

const assertKept = ({ violations: [first] }: Pick<Simulated, 'violations'>) => {
  if (first) assert.fail(story(first))
}

const one = process.env.SPINE_SEED

const title = one ? `the schedule of ${one}` : '100 schedules of crashes, late calls and clocks that are set'

test(`every promise is kept in ${title}`, async () => {
  if (one !== undefined) {
    const { violation } = await simulateOne(one, { events: Number(process.env.SPINE_EVENTS ?? EVENTS) })
    return assertKept({ violations: violation ? [violation] : [] })
  }
  const simulated = await simulate({ schedules: 100, events: EVENTS, seed: 'short' })
  assertKept(simulated)
  assert.equal(simulated.schedules, 100)
  assert.ok(simulated.events >= 100 * EVENTS)
})

test('a long schedule is kept as well as a short one', async () => {
  assertKept(await simulate({ schedules: 1, events: 800, seed: 'long' }))
})

/** Schedules of 2,000 events that once found something: a forward that was overtaken by a repeat of it. */
for (const seed of ['20261126/5156', '20261126/5321', '20261127/1144', '20261127/1703'])
  test(`the schedule ${seed}, which once found something, finds nothing any more`, async () => {
    const { violation } = await simulateOne(seed, { events: 2_000 })
    assertKept({ violations: violation ? [violation] : [] })
  })

const folder = mkdtempSync(join(tmpdir(), 'simulation-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0

/** A file that is closed when the server dies and opened again by the next one. */
function onDisk(): OpenDatabase {
  files += 1
  const file = join(folder, `${files}.db`)
  let database: Database | undefined
  return async () => {
    await database?.close()
    database = openSqliteInline({ file })
    return database
  }
}

test('the same seed ends in the same rows, in memory and in a file that is opened again after every crash', async () => {
  const options = { schedules: 4, events: 120, seed: 'twin' }
  const memory = await simulate(options)
  const disk = await simulate({ ...options, openDatabase: onDisk })
  assertKept(memory)
  assertKept(disk)
  assert.deepEqual(disk.digests, memory.digests)
  assert.deepEqual((await simulate(options)).digests, memory.digests)
  assert.equal(new Set(memory.digests).size, 4)
})

test('schedules can be shared out: each has a seed of its own', async () => {
  const all = await simulate({ schedules: 4, events: 20, seed: 'shared' })
  const last = await simulate({ schedules: 2, from: 2, events: 20, seed: 'shared' })
  assert.deepEqual(last.digests, all.digests.slice(2))
})

test('a simulation that may not go on counts the schedules that there were', async () => {
  let asked = 0
  const goOn = () => ++asked < 3
  const { schedules, digests } = await simulate({ schedules: 4, events: 20, seed: 'shared', goOn })
  assert.deepEqual([schedules, digests.length], [2, 2])
})
