/**
 * Measures the health report over many facts: events are written straight into a store, counted by the fold as a
 * server does it, then every window is reported again and again. Database time is that of the statements of a report,
 * read once more one after the other, rows brought over included; report is the whole call.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { createSpine, openSqlite } from '../packages/spine/src/embedded.ts'
import type { Database, Statement } from '../packages/spine/src/store/database.ts'
import { manualClock } from '../packages/spine/src/testing/manual-clock.ts'

const { values: flags } = parseArgs({
  options: {
    facts: { type: 'string', default: '1000000' },
    targets: { type: 'string', default: '50' },
    runs: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
})
const facts = Number(flags.facts)
const targets = Number(flags.targets)
const runs = Number(flags.runs)
const DAY_MS = 86_400_000

/** Keeps what is read, so that it can be read again, one statement at a time. */
function recorded(database: Database) {
  const statements: Statement[] = []
  const read = (statement: Statement) => {
    statements.push(statement)
    return database.read(statement)
  }
  return { statements, database: { ...database, read } satisfies Database }
}

/** Sent, claimed, accepted and completed, spread over a day and over the targets, with latencies of five decades. */
const fill = (from: number) => `with recursive n(i) as (select 0 union all select i + 1 from n where i < ${facts - 1}),
  fact as (select i, ${from} + i * ${DAY_MS} / ${facts} as at, 'agent-' || (i / 4 % ${targets}) as target, i % 4 as move,
    (i * 7919 % 1000) * (i * 7919 % 1000) / 20 as latency from n)
  insert into events(tx, ns, at, type, state, source_agent, target, envelope_id, delivery_id, attempts, claims, direct,
    started_at, latency_ms)
  select 0, 'default', at,
    case move when 0 then 'delivery.send' when 1 then 'delivery.claim' when 2 then 'delivery.accept' else 'delivery.complete' end,
    case move when 0 then 'ready' when 1 then 'leased' when 2 then 'accepted' else 'completed' end,
    'planner', target, 'env-' || (i / 4), 'dlv-' || (i / 4), 1, 1, i / 4 % 2, at - latency,
    case move when 2 then latency end from fact`

const agents = (now: number) => `insert into agents(ns, name, profile, last_seen_at, created_at)
  select distinct 'default', target, null, ${now}, ${now} from events`

const median = (values: number[]) => values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0
const round = (value: number) => Math.round(value * 10) / 10

const folder = await mkdtemp(join(process.env.BENCH_DATA ?? tmpdir(), 'memory-spine-bench-'))
try {
  const store = await openSqlite({ file: join(folder, 'spine.db') })
  const { database, statements } = recorded(store)
  const clock = manualClock()
  const spine = await createSpine({ database, clock })
  await store.write([
    { sql: fill(clock.now() - DAY_MS), params: [] },
    { sql: agents(clock.now()), params: [] },
  ])
  const begun = performance.now()
  await clock.advance(1_000)
  const counted = async () => (await spine.health.totals({})).all.completed
  while ((await counted()) < Math.floor(facts / 4)) await new Promise((resolve) => setImmediate(resolve))
  const fold_ms = performance.now() - begun
  const lines = []
  for (const window of ['5m', '1h', '24h'] as const) {
    const databases: number[] = []
    const walls: number[] = []
    for (let run = 0; run < runs; run += 1) {
      statements.length = 0
      const start = performance.now()
      await spine.health.report({ window })
      walls.push(performance.now() - start)
      const again = [...statements]
      const begun_reading = performance.now()
      for (const statement of again) await store.read(statement)
      databases.push(performance.now() - begun_reading)
    }
    lines.push({
      window,
      facts,
      targets,
      statements: statements.length,
      database_min_ms: round(Math.min(...databases)),
      database_p50_ms: round(median(databases)),
      report_p50_ms: round(median(walls)),
    })
  }
  const figures = { fold_ms: Math.round(fold_ms), facts_per_s: Math.round(facts / (fold_ms / 1_000)) }
  if (flags.json) process.stdout.write(`${JSON.stringify({ ...figures, reports: lines })}\n`)
  else {
    console.table(lines)
    console.table([figures])
  }
  await spine.close()
} finally {
  await rm(folder, { recursive: true, force: true })
}
