/**
 * Three nodes on one PostgreSQL, behind a balancer, under load: a node is killed, connections to the database are
 * ended, the database is restarted in order or by a crash, and a node is cut off from it. Receivers leave work behind
 * all the time, as by a crash of theirs.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type PostgresServer, startPostgresServer } from '../postgres/server.ts'
import { seeded } from '../seeded.ts'
import { openEffects } from './effects.ts'
import { type FaultOptions, pause } from './fault.ts'
import { type Meter, startMeter } from './meter.ts'
import { type Node, startNode } from './nodes.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { compileServer, startServer, startWorker } from './processes.ts'
import { reckon } from './reckoning.ts'
import { type Relay, startRelay } from './relay.ts'
import { startTraffic } from './traffic.ts'

const NODES = 3
const ROUND_MS = 10_000
const DRAIN_MS = 90_000
const LEASE_MS = 2_000
/** Less than the machine can do: what comes back is then not slowed by what was left lying. */
const load = { senders: 64, receivers: 32, pace_ms: 1_000, lease_ms: LEASE_MS }
const USUAL_MS = 5_000
/** So many restarts are worth a server that does nothing but compile. */
const MANY = 10

export async function breakCluster({ runs, seed, control = false, progress }: FaultOptions): Promise<Outcome> {
  const findings = createFindings()
  const chance = seeded(seed)
  if (runs >= MANY) await compileServer()
  const folder = await mkdtemp(join(tmpdir(), 'spine-cluster-'))
  const database = await startPostgresServer()
  const cable = await startRelay(() => [database.port])
  const nodes: Node[] = []
  const balancer = await startRelay(() => nodes.map(({ port }) => port))
  const effects = openEffects(join(folder, 'effects.db'))
  try {
    for (let index = 0; index < NODES; index += 1) {
      const store = index === 0 ? database.url().replace(`:${database.port}`, `:${cable.port}`) : database.url()
      // A node of the negative control keeps its answers to itself.
      const start = (port: string) =>
        control
          ? startWorker('server-worker.ts', [`sqlite:${join(folder, `node-${index}.db`)}`, 'write_behind'])
          : startServer(store, { port })
      nodes.push(await startNode(start))
    }
    const traffic = startTraffic({
      endpoint: `http://127.0.0.1:${balancer.port}`,
      chance,
      effects,
      run: `cluster-${seed}`,
      ...load,
    })
    await pause(1_000)
    const meter = startMeter(traffic)
    if (!control) await pause(USUAL_MS)
    if (!control) {
      meter.settle()
      for (let round = 0; round < runs; round += 1) {
        await oneRound({ round, nodes, database, cable, meter, int: chance.int })
        progress?.(`${round + 1} of ${runs} rounds, ${traffic.acknowledged()} sends acknowledged`)
      }
    }
    await reckon(findings, { traffic, meter, nodes, drain_ms: control ? 3_000 : DRAIN_MS })
    return findings.outcome(runs)
  } finally {
    await Promise.all(nodes.map(({ end }) => end()))
    await Promise.all([cable.close(), balancer.close()])
    effects.close()
    await database.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

type Round = {
  round: number
  nodes: readonly Node[]
  database: PostgresServer
  cable: Relay
  meter: Meter
  int(below: number): number
}

/** Ten seconds: a node dies, connections are ended, the database is restarted; in every third one cable is pulled. */
async function oneRound({ round, nodes, database, cable, meter, int }: Round): Promise<void> {
  const ends = performance.now() + ROUND_MS
  const cut_off = round % 3 === 0
  if (cut_off) cable.cut()
  await Promise.all([
    nodes[1 + int(NODES - 1)]?.restart(),
    pause(1_000).then(() => endConnections(database)),
    pause(2_000).then(async () => {
      if (cut_off) cable.mend()
    }),
  ])
  await database.halt(int(2) === 0 ? 'fast' : 'kill')
  await pause(int(2_000))
  await database.start()
  meter.back()
  await pause(Math.max(0, ends - performance.now()))
}

async function endConnections(database: PostgresServer): Promise<void> {
  const client = new pg.Client(database.url())
  client.on('error', () => {})
  await client.connect()
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`,
  )
  await client.end()
}
