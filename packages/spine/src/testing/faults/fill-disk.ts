/**
 * A disk without room: sends are refused, what settles still passes, nothing is damaged, and when there is room again
 * the store takes sends again by itself. The disk is a small file system in memory, mounted for the server alone.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { connect } from '../../client/connect.ts'
import { SpineError } from '../../protocol/errors.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'
import { check } from './checker.ts'
import { type FaultOptions, pause } from './fault.ts'
import { createHistory } from './history.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { startServer, startWorker } from './processes.ts'
import { sealed } from './sealing.ts'

const AGENT = 'coder'
/** Enough for the whole of the store's reserve; most of it is then taken by others. */
const DISK_MB = 100
const LEFT_MB = 2
const HELD = 100
const RECOVERY_MS = 5_000
/** As long as an envelope may reasonably be: the disk is full soon. */
const intent = 'Payments must survive a short outage of the gateway. '.repeat(2_000)

/** Mounting needs a namespace of one's own, which not every machine gives. */
export const canFillDisks = (): boolean => spawnSync('unshare', ['-rm', 'true']).status === 0

/** `runs` counts how often the disk is filled. */
export async function fillDisk({ store, runs, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  for (let run = 0; run < runs; run += 1) {
    const placed = await store.place()
    try {
      findings.take(await oneDisk(placed.folder, control))
    } finally {
      await placed.remove()
    }
    progress?.(`${run + 1} of ${runs} disks`)
  }
  return findings.outcome(runs)
}

async function oneDisk(folder: string, control: boolean): Promise<Outcome> {
  const findings = createFindings()
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  const mount = `mount -t tmpfs -o size=${DISK_MB}m tmpfs ${disk}`
  const shell = `exec unshare -rm bash -c '${mount} && exec "$@"' bash "$@"`
  const url = `sqlite:${join(disk, 'spine.db')}`
  const server = await (control
    ? startWorker('server-worker.ts', [url, 'no_ballast'], { shell })
    : startServer(url, { shell }))
  const spine = connect({ endpoint: String(server.first.endpoint) })
  const history = createHistory(() => false)
  // The file system as only the server sees it.
  const inside = join(`/proc/${server.child.pid}/root`, disk)
  let sent = 0
  const send = async () => {
    sent += 1
    const envelope = sealed({ id: `env-${sent}`, target_agent: AGENT, intent })
    const told = { namespace: 'default', envelope_id: envelope.id, digest: envelope.digest, receivers: [AGENT] }
    await history.call({ op: 'send', ...told }, () => spine.deliveries.send({ envelope }))
  }
  const refusal = async (work: () => Promise<unknown>): Promise<string> =>
    work().then(
      () => 'done',
      (error: unknown) => (error instanceof SpineError ? error.code : String(error)),
    )

  try {
    for (let index = 0; index < HELD; index += 1) await send()
    const held: ReceivedDelivery[] = (await spine.deliveries.receive({ agent: AGENT, max: HELD })).deliveries
    const { bavail, bsize } = statfsSync(inside)
    writeFileSync(join(inside, 'filler'), Buffer.alloc(bavail * bsize - LEFT_MB * 1_048_576))
    let answer = 'done'
    while (answer === 'done') answer = await refusal(send)
    findings.expect(answer === 'STORAGE_FULL', `a send on a full disk was answered ${answer}`)

    for (const { id, lease_token } of held) {
      const settled = await refusal(() => spine.deliveries.complete({ id, lease_token, output: 'done' }))
      findings.expect(settled === 'done', `an acknowledgement on a full disk was answered ${settled}`)
      if (settled !== 'done' && control) break
    }
    answer = await refusal(send)
    findings.expect(answer === 'STORAGE_FULL', `a send between acknowledgements was answered ${answer}`)

    rmSync(join(inside, 'filler'))
    const began = performance.now()
    while (performance.now() - began < RECOVERY_MS && (await refusal(send)) !== 'done') await pause(100)
    const recovered_ms = performance.now() - began
    findings.figure('recovered_ms', recovered_ms)
    findings.expect((await refusal(send)) === 'done', 'sends were still refused after there was room')

    const ledger = (await ledgerOf(spine)).map((delivery) => ({ ...delivery, state: 'completed' as const }))
    findings.take(check({ events: history.events, ledger, effects: [] }))
    findings.expect(integrityOf(inside, folder) === 'ok', 'integrity_check')
    return findings.outcome(1)
  } finally {
    await spine.close()
    await server.kill()
  }
}

/** Of a copy: nothing is written any more. */
function integrityOf(disk: string, folder: string): unknown {
  const copy = join(folder, 'copy')
  mkdirSync(copy)
  for (const name of ['spine.db', 'spine.db-wal']) cpSync(join(disk, name), join(copy, name))
  const db = new DatabaseSync(join(copy, 'spine.db'))
  const answer = Object.values(db.prepare('pragma integrity_check').get() ?? {})[0]
  db.close()
  return answer
}
