/**
 * The disk fails under the store: the sync of the log, by a failpoint, or the write of it, at a limit on the size of
 * files. The server takes nothing more and ends; what it had acknowledged is there afterwards.
 */

import { connect } from '../../client/connect.ts'
import { SpineError } from '../../protocol/errors.ts'
import { type Seeded, seeded } from '../seeded.ts'
import { check } from './checker.ts'
import { type FaultOptions, pause } from './fault.ts'
import { createHistory } from './history.ts'
import { ledgerOf } from './ledger.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { startServer, startWorker } from './processes.ts'
import { sealed } from './sealing.ts'
import type { FaultStore } from './stores.ts'

const AGENT = 'coder'
const SENDERS = 16
/** A server that does not end by itself within this time, or under callers within the longer one, is not going to. */
const END_MS = 10_000
const UNDER_LOAD_MS = 120_000

/** In blocks of 1,024 bytes, as bash counts. */
const FILE_LIMIT = 1_500

/** `runs` counts the failures: of syncs and of writes, in turn. */
export async function failSync({ store, runs, seed, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const chance = seeded(seed)
  for (let run = 0; run < runs; run += 1) {
    findings.take(await oneFailure(store, chance, { control, of_sync: run % 2 === 0 }))
    progress?.(`${run + 1} of ${runs} failures`)
  }
  return findings.outcome(runs)
}

type Kind = { control: boolean; of_sync: boolean }

async function oneFailure(store: FaultStore, chance: Seeded, { control, of_sync }: Kind): Promise<Outcome> {
  const findings = createFindings()
  const placed = await store.place()
  const options = of_sync
    ? { env: { SPINE_FAILPOINT: `eio_on_sync:${20 + chance.int(100)}` } }
    : { shell: `ulimit -f ${FILE_LIMIT}; exec "$@"` }
  const server = await (control
    ? startWorker('server-worker.ts', [placed.url, 'undying'], options)
    : startServer(placed.url, options))
  const spine = connect({ endpoint: String(server.first.endpoint), timeout_ms: 2_000 })
  const history = createHistory((error) => !(error instanceof SpineError && error.code === 'STORAGE_FAILED'))
  let ended = false
  try {
    const sender = async (name: number) => {
      for (let index = 0; !ended; index += 1) {
        const envelope = sealed({ id: `env-${name}-${index}`, target_agent: AGENT })
        const told = { namespace: 'default', envelope_id: envelope.id, digest: envelope.digest, receivers: [AGENT] }
        // A call that took too long says nothing: the machine may be busy.
        const stop = (error: unknown) => {
          ended ||= !(error instanceof SpineError && error.code === 'CALL_TIMEOUT')
        }
        await history.call({ op: 'send', ...told }, () => spine.deliveries.send({ envelope })).catch(stop)
      }
    }
    const sending = Promise.all(Array.from({ length: SENDERS }, (_, name) => sender(name)))
    const silent = sending.then(() => pause(control ? 1_000 : END_MS))
    const too_long = new Promise<void>((resolve) => void setTimeout(resolve, UNDER_LOAD_MS).unref())
    const code = await Promise.race([server.exited, silent, too_long])
    ended = true
    findings.expect(code === 1, `the server ended with ${code ?? 'nothing: it went on'}`)
    await sending
  } finally {
    await spine.close()
    await server.kill()
  }

  const again = await startServer(placed.url)
  const reader = connect({ endpoint: String(again.first.endpoint) })
  try {
    const ledger = (await ledgerOf(reader)).map((delivery) => ({ ...delivery, state: 'completed' as const }))
    findings.take(check({ events: history.events, ledger, effects: [] }))
    findings.figure('acknowledged_sends', history.events.filter(({ kind }) => kind === 'ok').length)
    return findings.outcome(1)
  } finally {
    await reader.close()
    await again.kill()
    await placed.remove()
  }
}
