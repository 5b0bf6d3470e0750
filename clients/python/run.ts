/** Runs Python programs of this repository with its client on their path. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const OLDEST_MINOR = 10

/** A Python 3.10 or newer, if the machine has one. */
function findPython(): string | undefined {
  for (const name of ['python3', 'python']) {
    const { status, stdout } = spawnSync(name, ['-c', 'import sys; print(*sys.version_info[:2])'], { encoding: 'utf8' })
    const [major = 0, minor = 0] = status === 0 ? stdout.split(' ').map(Number) : []
    if (major > 3 || (major === 3 && minor >= OLDEST_MINOR)) return name
  }
  return undefined
}

const python = findPython()

/** For `skip` of a test: why it cannot run here. */
export const noPython: string | false = python ? false : 'there is no Python 3.10 here'

export type PythonRun = {
  child: ChildProcess
  /** How it ended, with all that it said. */
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

/** Starts a program over the server at `endpoint`. */
export function startPython(args: readonly string[], endpoint: string): PythonRun {
  const env = { ...process.env, SPINE_ENDPOINT: endpoint, PYTHONPATH: join(here, 'src'), PYTHONDONTWRITEBYTECODE: '1' }
  const child = spawn(python ?? 'python3', args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text
    })
  const ended = new Promise<{ code: number | null } & typeof said>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...said }))
  })
  return { child, ended }
}
