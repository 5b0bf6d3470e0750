/**
 * The power goes away after each acknowledged commit: the store is opened from what had reached the disk by then, cut
 * at every frame of the log and in the middle of each, because the rest may have got there in part. Everything that
 * was acknowledged is in every such image, nothing else is, and no image is damaged.
 */

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createSpine, openSqlite } from '../../embedded.ts'
import type { Database } from '../../store/database.ts'
import { manualClock } from '../manual-clock.ts'
import { seeded } from '../seeded.ts'
import type { FaultOptions } from './fault.ts'
import { createFindings, type Findings, type Outcome } from './outcome.ts'
import { sealed } from './sealing.ts'

/** https://sqlite.org/fileformat.html, the write-ahead log. */
const HEADER_BYTES = 32
const FRAME_BYTES = 24 + 4_096

/** Commits between two checkpoints, and between two new stores: images stay small. */
const PER_CHECKPOINT = 10
const PER_STORE = 100
/** Images of commits are all checked from end to end, of those in between one in so many. */
const CHECKED_ONE_IN = 16

/** `runs` counts the commits. */
export async function cutPower({ store, runs, seed, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  let images = 0
  for (let done = 0; done < runs; done += PER_STORE) {
    const placed = await store.place({ in_memory: true })
    try {
      const file = join(placed.folder, 'power.db')
      images += await oneStore(findings, {
        file,
        commits: Math.min(PER_STORE, runs - done),
        seed: seed + done,
        control,
      })
    } finally {
      await placed.remove()
    }
    if (done % (PER_STORE * 10) === 0) progress?.(`${done} of ${runs} commits, ${images} images`)
  }
  findings.figure('images', images)
  return findings.outcome(runs)
}

type Scene = { file: string; commits: number; seed: number; control: boolean }

async function oneStore(findings: Findings, { file, commits, seed, control }: Scene): Promise<number> {
  const synchronous = control ? 'normal' : 'full'
  const database = await openSqlite({ file, synchronous, ballast: { bytes: 0 } })
  const spine = await createSpine({ database, clock: manualClock(), chance: seeded(seed) })
  const syncs_commits = await readsBack(database, 'pragma synchronous', 2)
  await database.write([{ sql: 'pragma wal_autocheckpoint = 0', params: [] }])
  let images = 0
  for (let done = 0; done < commits; done += PER_CHECKPOINT) {
    checkpoint(file)
    const chance = seeded(seed + done)
    /** Of each commit, where the log ended when it was acknowledged. */
    const ends: number[] = []
    for (let index = 0; index < Math.min(PER_CHECKPOINT, commits - done); index += 1) {
      await spine.deliveries.send({ envelope: sealed({ id: `env-${done + index}`, target_agent: 'coder' }) })
      ends.push(readFileSync(`${file}-wal`).length)
    }
    images += checkImages(findings, { file, ends, before: done, syncs_commits, chance })
  }
  await spine.close()
  return images
}

const readsBack = async (database: Database, sql: string, value: number): Promise<boolean> =>
  (await database.write([{ sql, params: [] }])).flat().some((row) => Object.values(row).includes(value))

/** By a connection of its own: the store's writes are always inside of a transaction. */
function checkpoint(file: string): void {
  const db = new DatabaseSync(file)
  db.exec('pragma wal_checkpoint(truncate)')
  db.close()
}

type Images = {
  file: string
  ends: readonly number[]
  before: number
  syncs_commits: boolean
  chance: ReturnType<typeof seeded>
}

function checkImages(findings: Findings, { file, ends, before, syncs_commits, chance }: Images): number {
  const log = readFileSync(`${file}-wal`)
  const folder = `${file}.image`
  mkdirSync(folder)
  const image = join(folder, 'spine.db')
  copyFileSync(file, image)
  let images = 0
  for (let frame = 0; frame * FRAME_BYTES + HEADER_BYTES < log.length; frame += 1) {
    const boundary = HEADER_BYTES + frame * FRAME_BYTES
    for (const cut of [boundary, boundary + 1 + chance.int(FRAME_BYTES - 1)]) {
      images += 1
      writeFileSync(`${image}-wal`, log.subarray(0, cut))
      rmSync(`${image}-shm`, { force: true })
      // Without syncs nothing is certain to be on the disk but what the last checkpoint put there.
      const acknowledged = syncs_commits ? ends.filter((end) => end <= cut).length : ends.length
      checkImage(findings, image, {
        expected: before + acknowledged,
        thorough: ends.includes(cut) || chance.int(CHECKED_ONE_IN) === 0,
      })
    }
  }
  rmSync(folder, { recursive: true })
  return images
}

function checkImage(
  findings: Findings,
  file: string,
  { expected, thorough }: { expected: number; thorough: boolean },
): void {
  try {
    // Read only, so that closing it does not fold the log into the file.
    const db = new DatabaseSync(file, { readOnly: true })
    const row = db.prepare(`select count(*) as deliveries, count(envelopes.id) as envelopes from deliveries
      left join envelopes on envelopes.ns = deliveries.ns and envelopes.id = deliveries.envelope_id`)
    const { deliveries, envelopes } = row.get() as { deliveries: number; envelopes: number }
    if (deliveries < expected || envelopes < expected)
      findings.add('lost', `${expected} acknowledged, ${deliveries} there`)
    if (deliveries > expected) findings.add('phantom', `${expected} acknowledged, ${deliveries} there`)
    if (thorough) {
      const check = Object.values(db.prepare('pragma integrity_check').get() ?? {})[0]
      findings.expect(check === 'ok', `integrity_check: ${check}`)
    }
    db.close()
  } catch (error) {
    findings.add('broken', `an image cannot be opened: ${error}`)
  }
}
