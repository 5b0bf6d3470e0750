/**
 * The lock beside a store's file. The kernel holds it (an exclusive SQLite lock on `<file>.guard`), so it ends with its
 * process however that dies, needs no judging of process ids, and works between containers that share a volume. Beside
 * it, `<file>.lock` says in JSON who the owner is and where it serves the store.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SpineError } from '../protocol/errors.ts'

export type StoreOwner = {
  pid: number
  host: string
  /** Milliseconds since 1970. */
  started_at: number
  /** Where the owner serves the store, once it does. */
  endpoint?: string
}

export type StoreLock = {
  update(change: { endpoint: string }): void
  release(): void
}

/** A client that looks whether the lock is held holds it shared for an instant; an opener waits that long. */
const wait_for_lookers_ms = 100
const sqlite_busy = 5

/** Keeps the guards from the garbage collector, which would close them and so give up the locks. */
const held = new Set<DatabaseSync>()

/** Makes this process the store's only one; any other opener, this process too, gets STORE_LOCKED. */
export function acquireLock(file: string, { endpoint }: { endpoint?: string } = {}): StoreLock {
  mkdirSync(dirname(file), { recursive: true })
  const paths = pathsOf(file)
  const guard = hold(paths.guard)
  if (!guard) throw lockedError(file, readOwner(paths.lock))
  held.add(guard)
  let owner: StoreOwner = { pid: process.pid, host: hostname(), started_at: Date.now(), ...(endpoint && { endpoint }) }
  writeOwner(paths.lock, owner)
  return Object.freeze({
    update: (change: { endpoint: string }) => {
      if (!guard.isOpen) return
      owner = { ...owner, ...change }
      writeOwner(paths.lock, owner)
    },
    release: () => {
      if (!guard.isOpen) return
      // In this order: the file of a successor must not be the one that is removed.
      rmSync(paths.lock, { force: true })
      guard.close()
      held.delete(guard)
    },
  })
}

/** The process that has the store open now; what a dead one left behind counts for nothing. */
export function readLock(file: string): StoreOwner | undefined {
  const paths = pathsOf(file)
  return isHeld(paths.guard) ? readOwner(paths.lock) : undefined
}

function hold(guard: string): DatabaseSync | undefined {
  const db = new DatabaseSync(guard, { timeout: wait_for_lookers_ms })
  try {
    // Nothing is ever stored in it, and a journal beside it would only be litter.
    db.exec('pragma journal_mode = memory; begin exclusive')
    return db
  } catch (error) {
    db.close()
    if (isBusy(error)) return undefined
    throw error
  }
}

function isHeld(guard: string): boolean {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(guard, { readOnly: true })
    db.prepare('select 1 from sqlite_schema').all()
    return false
  } catch (error) {
    return isBusy(error)
  } finally {
    db?.close()
  }
}

function isBusy(error: unknown): boolean {
  return (error as { errcode?: number }).errcode === sqlite_busy
}

/** Two names of one folder or file must meet at one lock. */
function pathsOf(file: string): { lock: string; guard: string } {
  const resolved = resolveLinks(file) ?? join(resolveLinks(dirname(file)) ?? dirname(file), basename(file))
  return { lock: `${resolved}.lock`, guard: `${resolved}.guard` }
}

function resolveLinks(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function readOwner(lock: string): StoreOwner | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as StoreOwner
  } catch {
    return undefined
  }
}

/** By renaming, so that a reader never sees half of it. */
function writeOwner(lock: string, owner: StoreOwner): void {
  const draft = `${lock}.new`
  const descriptor = openSync(draft, 'w')
  writeSync(descriptor, `${JSON.stringify(owner)}\n`)
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(draft, lock)
}

function lockedError(file: string, owner: StoreOwner | undefined): SpineError {
  const own = owner?.pid === process.pid && owner.host === hostname()
  const other = owner ? `process ${owner.pid} on ${owner.host}` : 'another process'
  const who = own ? 'this very process' : other
  const where = owner?.endpoint ? `, which serves it at ${owner.endpoint}` : ''
  return new SpineError('STORE_LOCKED', `The store ${file} is open in ${who}${where}.`, { ...owner })
}
