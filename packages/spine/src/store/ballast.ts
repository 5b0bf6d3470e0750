/**
 * 16 MB beside the store that are there to be given up. On a disk without room even an acknowledgement needs space for
 * the log; removing the ballast makes it, and while it is gone only writes that settle what exists are let through.
 */
import { randomFillSync } from 'node:crypto'
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Batch } from './database.ts'
import type { Connection, WriteOutcome } from './sqlite-connection.ts'

export type BallastOptions = {
  /** Bytes to hold back, or a quarter of what is free if that is less; default 16 MB. 0 goes without. */
  bytes?: number
  /** Commits before it is laid down, so that a store opened for a moment does not pay for it; default 64. */
  after_commits?: number
  /** How long to wait between two looks whether space has come back; default 1,000. */
  retry_ms?: number
}

const no_room: WriteOutcome = Object.freeze({
  failure: { kind: 'full', code: 'sqlite 13', message: 'the reserve is for acknowledgements' },
} as const)

/** Puts a ballast beside a connection: its `commit` lets acknowledgements through when the disk is full. */
export function withBallast(connection: Connection, file: string, options: BallastOptions = {}): Connection {
  const { bytes = 16 * 1024 * 1024, after_commits = 64, retry_ms = 1000 } = options
  if (file === ':memory:' || bytes === 0) return connection

  const path = `${file}.ballast`
  let size = sizeOf(path)
  let state: 'none' | 'held' | 'spent' = size > 0 ? 'held' : 'none'
  let commits = 0
  let next_look = 0

  const layDown = (): void => {
    if (state === 'held' || performance.now() < next_look) return
    if (state === 'none' && commits < after_commits) return
    next_look = performance.now() + retry_ms
    const free = freeBytes(file)
    // The space that a spent one made is still for acknowledgements: as much again must have come back.
    const wanted = state === 'spent' ? size : Math.min(bytes, Math.floor(free / 4))
    if (wanted === 0 || free < 2 * wanted || !fill(path, wanted)) return
    size = wanted
    state = 'held'
  }

  const spend = (): void => {
    if (state !== 'held') return
    rmSync(path, { force: true })
    state = 'spent'
    next_look = performance.now() + retry_ms
  }

  const commit = (writes: readonly Batch[]): WriteOutcome[] => {
    layDown()
    commits += 1
    if (state === 'spent') return onlySettling(writes)
    const outcomes = connection.commit(writes)
    if (!outcomes.some(isFull)) return outcomes
    spend()
    const again = onlySettling(writes.filter((_, index) => isFull(outcomes[index])))
    return outcomes.map((outcome) => (isFull(outcome) ? (again.shift() ?? outcome) : outcome))
  }

  const onlySettling = (writes: readonly Batch[]): WriteOutcome[] => {
    const settled = connection.commit(writes.filter((write) => !addsRows(write)))
    return writes.map((write) => (addsRows(write) ? no_room : (settled.shift() ?? no_room)))
  }

  const close = (): void => {
    // First, because on a full disk folding the log into the file needs the room.
    rmSync(path, { force: true })
    connection.close()
  }

  return Object.freeze({ ...connection, commit, close })
}

/** Whatever is new is inserted; what settles a delivery only updates its row. */
function addsRows(write: Batch): boolean {
  return write.some((statement) => /\binsert\b/i.test(statement.sql))
}

function isFull(outcome: WriteOutcome | undefined): boolean {
  return outcome !== undefined && 'failure' in outcome && outcome.failure.kind === 'full'
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function freeBytes(file: string): number {
  const { bavail, bsize } = statfsSync(dirname(file))
  return bavail * bsize
}

/** Random bytes, because a file system may store zeros in no space at all. */
function fill(path: string, bytes: number): boolean {
  try {
    writeFileSync(path, randomFillSync(new Uint8Array(bytes)))
    return true
  } catch {
    rmSync(path, { force: true })
    return false
  }
}
