/**
 * A PostgreSQL with a synchronous standby, under load: the primary is lost, the standby takes over, and a new standby
 * follows it. Every other time, the first among them, the standby is cut off first, and the primary crashes and comes back in between: then
 * it holds commits that nobody was answered and the standby never saw.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PostgresServer, startPostgresServer } from '../postgres/server.ts'
import { startStandby, waitForStandby } from '../postgres/standby.ts'
import { seeded } from '../seeded.ts'
import { openEffects } from './effects.ts'
import { type FaultOptions, pause } from './fault.ts'
import { startMeter } from './meter.ts'
import { type Node, startNode } from './nodes.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { startServer } from './processes.ts'
import { reckon } from './reckoning.ts'
import { startRelay } from './relay.ts'
import { startTraffic } from './traffic.ts'

const NODES = 2
/** Callers repeat what was not answered within 4 s. */
const CUT_MS = 1_500
const BACK_MS = 5_000
const SETTLED_MS = 4_000
const DRAIN_MS = 90_000
const load = { senders: 32, receivers: 16, pace_ms: 300, lease_ms: 2_000 }

/** The standby's files are copied by `cp`. */
export const canReplicate = (): boolean => process.platform !== 'win32'

/** `runs` counts the promotions. */
export async function failOver({ runs, seed, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const chance = seeded(seed)
  const folder = await mkdtemp(join(tmpdir(), 'spine-fail-over-'))
  let primary = await startPostgresServer()
  const servers: PostgresServer[] = [primary]
  const address = await startRelay(() => [primary.port])
  const nodes: Node[] = []
  const balancer = await startRelay(() => nodes.map(({ port }) => port))
  const effects = openEffects(join(folder, 'effects.db'))
  try {
    const store = primary.url().replace(`:${primary.port}`, `:${address.port}`)
    for (let index = 0; index < NODES; index += 1) nodes.push(await startNode((port) => startServer(store, { port })))
    const endpoint = `http://127.0.0.1:${balancer.port}`
    const traffic = startTraffic({ endpoint, chance, effects, run: `fail-over-${seed}`, ...load })
    await pause(1_000)
    const meter = startMeter(traffic)
    await pause(3_000)
    meter.settle()
    for (let round = 0; round < runs; round += 1) {
      const lost = primary
      const link = await startRelay(() => [lost.port])
      const standby = await startStandby(lost, { port: link.port })
      servers.push(standby)
      // The negative control does not wait for it: what was answered within its lag is lost.
      if (!control) await waitForStandby(lost)
      await pause(1_000 + chance.int(1_000))
      const cut_off = control || round % 2 === 0
      if (cut_off) {
        link.cut()
        await pause(CUT_MS)
      }
      await lost.halt('kill')
      if (cut_off && !control) {
        await lost.start()
        await pause(BACK_MS)
        await lost.halt('kill')
      }
      await standby.promote()
      primary = standby
      meter.back()
      await link.close()
      await pause(SETTLED_MS)
      progress?.(`${round + 1} of ${runs} promotions, ${traffic.acknowledged()} sends acknowledged`)
    }
    await reckon(findings, { traffic, meter, nodes, drain_ms: control ? 5_000 : DRAIN_MS })
    return findings.outcome(runs)
  } finally {
    await Promise.all(nodes.map(({ end }) => end()))
    await Promise.all([address.close(), balancer.close()])
    effects.close()
    for (const server of servers.reverse()) await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
