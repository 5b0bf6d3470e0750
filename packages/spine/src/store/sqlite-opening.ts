/** Why a store's file cannot be opened, in words that say what to do: SQLite says no more than that it cannot. */

import { accessSync, closeSync, constants, existsSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { SpineError } from '../protocol/errors.ts'

const reasons: Readonly<Record<string, string>> = Object.freeze({
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOENT: 'no file can be made there',
  ENOTDIR: 'a part of the path is a file',
  ENOSPC: 'the disk is full',
})

/** STORE_NOT_OPENED with the path and the cause; what is said well already stays as it is. */
export function openingError(file: string, error: unknown): SpineError {
  if (error instanceof SpineError && error.code !== 'STORAGE_FAILED') return error
  const { message } = ((error as Error).cause ?? error) as Error
  return new SpineError(
    'STORE_NOT_OPENED',
    `The store ${resolve(file)} could not be opened: ${blockedBy(file, error) ?? message}.`,
    { file: resolve(file), cause: error },
  )
}

/** What the operating system has against it, if that is the cause. */
function blockedBy(file: string, error: unknown): string | undefined {
  const folder = dirname(resolve(file))
  try {
    if (String((error as NodeJS.ErrnoException).code) in reasons) throw error
    if (existsSync(file)) {
      if (statSync(file).isDirectory()) return 'it is a folder, not a file'
      closeSync(openSync(file, 'r+'))
    }
    accessSync(folder, constants.W_OK)
    closeSync(openSync(`${file}.guard`, 'a'))
    return undefined
  } catch (cause) {
    return pathFault(cause)
  }
}

/** What the operating system has against a path, by the error that it answered. */
export function pathFault(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return `${reasons[code] ?? message} (${code})`
}
