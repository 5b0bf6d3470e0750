/**
 * A copy of a store's file while it is in use: one snapshot of everything that was answered before the copy began. It
 * reads the file beside whoever has it open, so a running server is not asked and not kept waiting.
 */

import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { SpineError } from '../protocol/errors.ts'
import { pathFault } from './sqlite-opening.ts'

export type BackupResult = { file: string; bytes: number; schema_version: number }

/** All pages in one step: a copy in several would begin again with every write that comes between. */
const ALL_PAGES = 2 ** 30

/** One of the two paths will not do, in words that say what would; nothing was copied. */
export class BackupPathError extends Error {
  override name = 'BackupPathError'
}

/**
 * Copies `file` to `destination`, which must not exist, and checks the copy before it gets its name. Throws a
 * BackupPathError when there is no source or no room for the copy there, STORAGE_FAILED when the source is no store or
 * the copy is not sound.
 */
export async function backupSqlite(file: string, destination: string): Promise<BackupResult> {
  if (!existsSync(file)) throw new BackupPathError(`There is no store at ${file}: name the one to copy with --store.`)
  if (existsSync(destination)) throw taken(destination)
  const draft = `${destination}.${randomUUID().slice(0, 8)}.part`
  makeDraft(draft)
  const source = new DatabaseSync(file, { readOnly: true, timeout: 5_000 })
  try {
    await backup(source, draft, { rate: ALL_PAGES })
    const schema_version = checked(draft)
    sync(draft)
    // Another backup may have had the same name in mind.
    if (existsSync(destination)) throw taken(destination)
    renameSync(draft, destination)
    sync(dirname(destination))
    return { file: destination, bytes: statSync(destination).size, schema_version }
  } catch (cause) {
    rmSync(draft, { force: true })
    if (cause instanceof BackupPathError) throw cause
    throw new SpineError('STORAGE_FAILED', `${file} could not be copied: ${(cause as Error).message}`, { cause })
  } finally {
    source.close()
  }
}

const taken = (destination: string) =>
  new BackupPathError(`${destination} exists already: give a new name, a backup overwrites nothing.`)

/** An empty file for the copy: SQLite would say no more than that it cannot open it. */
function makeDraft(draft: string): void {
  const folder = dirname(resolve(draft))
  if (!existsSync(folder)) throw new BackupPathError(`There is no folder ${folder}: make it, or give another path.`)
  try {
    rmSync(draft, { force: true })
    closeSync(openSync(draft, 'w'))
  } catch (error) {
    throw new BackupPathError(`${draft} cannot be written: ${pathFault(error)}. Give another path.`)
  }
}

/** The schema version of a copy that is sound. Nobody else has it: a reader that knows so leaves no files beside it. */
function checked(file: string): number {
  const copy = new DatabaseSync(new URL(`${pathToFileURL(file)}?immutable=1`), { readOnly: true })
  try {
    const { integrity_check } = copy.prepare('pragma integrity_check').get() as { integrity_check: string }
    if (integrity_check !== 'ok') throw new Error(`the copy is not sound: ${integrity_check}`)
    const { version } = copy.prepare('select max(version) as version from spine_schema').get() as { version: number }
    return version
  } finally {
    copy.close()
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
