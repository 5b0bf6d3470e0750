/**
 * The order of system calls, as the kernel saw them: between two answers of a server to a sender there is a sync of the
 * log that succeeded. Needs strace, and the right to use it.
 */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../../client/connect.ts'
import type { FaultOptions } from './fault.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { startServer, startWorker } from './processes.ts'
import { sealed } from './sealing.ts'

export const canWatchSyncs = (): boolean => spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0

/** A sync of the log; one that another thread interrupted in the trace ends on a line of its own. */
const SYNCED = /f(?:data)?sync\(\d+<[^>]*-wal>\)\s*= 0|f(?:data)?sync resumed>\)\s*= 0/
const ANSWERED = /"HTTP\/1\.1 201/

/** `runs` counts the sends. */
export async function watchSyncs({ store, runs, control = false }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const placed = await store.place()
  const trace = join(placed.folder, 'trace')
  const shell = `exec strace -f -y -s 16 -e trace=fsync,fdatasync,write,writev,sendto,sendmsg -o ${trace} "$@"`
  const server = await (control
    ? startWorker('server-worker.ts', [placed.url, 'unsynced'], { shell })
    : startServer(placed.url, { shell }))
  const spine = connect({ endpoint: String(server.first.endpoint) })
  try {
    for (let index = 0; index < runs; index += 1)
      await spine.deliveries.send({ envelope: sealed({ id: `env-${index}`, target_agent: 'coder' }) })
  } finally {
    await spine.close()
    // strace ends with the server, when the trace is complete.
    process.kill(Number(server.first.pid), 'SIGTERM')
    await server.exited
  }
  let synced = false
  let answers = 0
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    if (SYNCED.test(line)) synced = true
    if (!ANSWERED.test(line)) continue
    answers += 1
    if (!synced) findings.add('lost', `answer ${answers} was written before its commit was synced`)
    synced = false
  }
  findings.expect(answers === runs, `${answers} answers were seen for ${runs} sends`)
  await placed.remove()
  return findings.outcome(runs)
}
