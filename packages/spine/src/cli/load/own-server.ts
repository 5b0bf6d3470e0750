/**
 * A server for one load test, in a process of its own: in this one, the load and the server would share a thread, and
 * each would be measured as the slowness of the other.
 */

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export type OwnServer = { endpoint: string; close(): Promise<void> }

/** `folder` of its store: where the disk is that shall be measured. Default: the temporary folder. */
export async function startOwnServer(folder = tmpdir()): Promise<OwnServer> {
  const own = await mkdtemp(join(folder, 'memory-spine-load-'))
  const program = process.argv[1] as string
  const given = ['serve', '--port', '0', '--store', `sqlite:${join(own, 'spine.db')}`, '--log-level', 'error', '--json']
  const child = spawn(process.execPath, [...process.execArgv, program, ...given], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let said = ''
  child.stderr.on('data', (text: Buffer) => {
    said = `${said}${text}`.slice(-4_000)
  })
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
    await rm(own, { recursive: true, force: true })
  }
  for await (const line of createInterface({ input: child.stdout })) {
    // A server that could not start says so in its answer, too.
    const { endpoint } = JSON.parse(line) as { endpoint?: string }
    if (endpoint === undefined) break
    return { endpoint, close }
  }
  await close()
  throw new Error(`The server of the load test did not start: ${said.trim()}`)
}
