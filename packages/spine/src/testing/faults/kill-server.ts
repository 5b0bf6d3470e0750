/**
 * `kill -9` of the server under load, again and again over one store: at random moments, right before a commit, and
 * right after a commit whose callers then never hear of it. On PostgreSQL, at random moments.
 */

import { join } from 'node:path'
import { type Seeded, seeded } from '../seeded.ts'
import { check } from './checker.ts'
import { openEffects } from './effects.ts'
import { type FaultOptions, pause } from './fault.ts'
import { createFindings, type Outcome } from './outcome.ts'
import { compileServer, type Started, startServer, startWorker } from './processes.ts'
import type { FaultStore } from './stores.ts'
import { startTraffic } from './traffic.ts'

/** Kills over one store, before all of it is drained and judged. */
const KILLS_PER_STORE = 50
/** So many restarts are worth a server that does nothing but compile. */
const MANY = 10
const DRAIN_MS = 60_000
const LEASE_MS = 2_000
/** A server that answers before it writes is killed when so many sends were answered. */
const CONTROL_SENDS = 100

type KillOptions = FaultOptions & {
  senders?: number
  receivers?: number
  /** The latest moment of a random kill after the start, in ms. */
  latest_ms?: number
}

export async function killServer(options: KillOptions): Promise<Outcome> {
  const findings = createFindings()
  const chance = seeded(options.seed)
  if (options.runs >= MANY) await compileServer()
  for (let done = 0; done < options.runs; done += KILLS_PER_STORE) {
    const runs = Math.min(KILLS_PER_STORE, options.runs - done)
    findings.take(await oneStore({ ...options, runs }, chance, `${options.seed}-${done}`))
    options.progress?.(`${done + runs} of ${options.runs} kills`)
  }
  return findings.outcome(options.runs)
}

/** Every other server over SQLite is told at which of its commits it will die. */
const failpointOf = (store: FaultStore, chance: Seeded, kill: number): Record<string, string> =>
  kill % 2 === 0 || store.name !== 'sqlite'
    ? {}
    : { SPINE_FAILPOINT: `${chance.pick(['before_commit', 'after_commit_before_reply'])}:${5 + chance.int(100)}` }

async function oneStore(options: KillOptions, chance: Seeded, run: string): Promise<Outcome> {
  const { store, runs, control = false, senders = 64, receivers = 32, latest_ms = 1_000 } = options
  const findings = createFindings()
  const placed = await store.place()
  const effects = openEffects(join(placed.folder, 'effects.db'))
  let server: Started | undefined
  try {
    server = await (control ? startWorker('server-worker.ts', [placed.url, 'write_behind']) : startServer(placed.url))
    const endpoint = String(server.first.endpoint)
    const { port } = new URL(endpoint)
    const load = { senders, receivers, pace_ms: 250, lease_ms: LEASE_MS }
    const traffic = startTraffic({ endpoint, chance, effects, run, ...load })
    let slowest_ms = 0
    let env: Record<string, string> = {}
    for (let kill = 0; kill < runs; kill += 1) {
      if (control) while (traffic.acknowledged() < CONTROL_SENDS) await pause(10)
      else if (env.SPINE_FAILPOINT) await server?.exited
      else await pause(chance.int(latest_ms))
      await server?.kill()
      const began = performance.now()
      env = kill + 1 < runs ? failpointOf(store, chance, kill + 1) : {}
      const starting = startServer(placed.url, { port, env })
      // With the clients already calling, a failpoint can be reached before the server has said where it is.
      server = await (env.SPINE_FAILPOINT ? starting.catch(() => undefined) : starting)
      slowest_ms = Math.max(slowest_ms, performance.now() - began)
    }
    await traffic.stopSending()
    const evidence = await traffic.drain(DRAIN_MS)
    findings.figure('slowest_restart_ms', slowest_ms)
    findings.figure('most_acknowledged_sends_a_store', traffic.acknowledged())
    findings.take(check(evidence))
    return findings.outcome(runs)
  } finally {
    await server?.kill()
    effects.close()
    await placed.remove()
  }
}
