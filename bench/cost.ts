/**
 * What it costs to make an envelope: handoffs created one at a time in this process, against a full-text query of SQLite
 * (FTS5, `bm25`, 200 rows) for the same words over the same memories, in turn in one run. Also what storing costs.
 * Memories are made up of words as often as they stand in this repository's own texts, in sessions of twenty.
 */

import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createSpine, openSqlite } from '../packages/spine/src/embedded.ts'
import type { Spine } from '../packages/spine/src/index.ts'

const { values: flags } = parseArgs({
  options: {
    memories: { type: 'string', default: '10000,100000' },
    queries: { type: 'string', default: '100' },
    max_tokens: { type: 'string', default: '4000' },
    json: { type: 'boolean', default: false },
  },
})
const queries = Number(flags.queries)
const max_tokens = Number(flags.max_tokens)
const BATCH = 500
const ROWS = 200
const WARM_UP = 10

/** The same numbers in every run (mulberry32). */
function chanceFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const chance = chanceFrom(7)
/** Every word of our own prose and sources, as often as it is there. */
const root = fileURLToPath(new URL('..', import.meta.url))
const words = globSync(['*.md', 'docs/**/*.md', 'packages/spine/src/**/*.ts'], { cwd: root })
  .sort()
  .flatMap((file) => readFileSync(join(root, file), 'utf8').match(/[A-Za-z]{2,}/g) ?? [])
const word = () => words[Math.floor(chance() * words.length)] ?? ''
const sentence = (words: number) => `${Array.from({ length: words }, word).join(' ')}.`

const memoryAt = (at: number) => ({
  content: `${sentence(6 + Math.floor(chance() * 12))} ${sentence(6 + Math.floor(chance() * 12))}`,
  author: `agent ${at % 4}`,
  metadata: { session: `s${Math.floor(at / 20)}` },
})

const p50 = (times: number[]) =>
  times.toSorted((left, right) => left - right)[Math.floor(times.length / 2)] ?? Number.NaN
const rounded = (value: number) => Math.round(value * 100) / 100

/** Wall time, and the processor's time of all threads, which a busy machine changes less. */
const spent_cpu = { fts: 0, handoff: 0 }
async function timed(call: () => unknown, what?: keyof typeof spent_cpu): Promise<number> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await call()
  const wall = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  if (what) spent_cpu[what] += (user + system) / 1_000
  return wall
}

/** The memories in both stores; milliseconds a memory, in batches. */
async function fill(spine: Spine, fts: DatabaseSync, memories: number): Promise<{ spine: number; fts: number }> {
  const insert = fts.prepare('insert into found(rowid, content) values (?, ?)')
  const spent = { spine: 0, fts: 0 }
  for (let from = 0; from < memories; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, memories - from) }, (_, at) => memoryAt(from + at))
    spent.spine += await timed(() => spine.memories.store({ memories: batch }))
    spent.fts += await timed(() => {
      fts.exec('begin')
      for (const [at, { content }] of batch.entries()) insert.run(from + at + 1, content)
      fts.exec('commit')
    })
    process.stderr.write(`\r${from + batch.length} of ${memories} memories stored   `)
  }
  process.stderr.write('\n')
  return { spine: spent.spine / memories, fts: spent.fts / memories }
}

async function measure(memories: number) {
  const folder = await mkdtemp(join(tmpdir(), 'spine-cost-'))
  const spine = await createSpine({ database: await openSqlite({ file: join(folder, 'spine.db') }), warm: true })
  const fts = new DatabaseSync(join(folder, 'fts.db'))
  try {
    fts.exec('pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -65536')
    fts.exec("create virtual table found using fts5(content, tokenize = 'porter unicode61')")
    const stored = await fill(spine, fts, memories)
    const find = fts.prepare(
      `select rowid, bm25(found) from found where found match ? order by bm25(found) limit ${ROWS}`,
    )
    const times = { handoff: [] as number[], fts: [] as number[], store: [] as number[] }
    for (let asked = 0; asked < queries + WARM_UP; asked += 1) {
      const asked_words = Array.from({ length: 10 }, word)
      const task_summary = `${asked_words.join(' ')}?`
      if (asked === WARM_UP) Object.assign(spent_cpu, { fts: 0, handoff: 0 })
      const fts_ms = await timed(() => find.all(asked_words.map((one) => `"${one}"`).join(' OR ')), 'fts')
      const handoff_ms = await timed(
        () => spine.handoffs.create({ target_agent: 'reader', task_summary, previous: null, max_tokens }),
        'handoff',
      )
      const store_ms = await timed(() => spine.memories.store(memoryAt(memories + asked)))
      if (asked < WARM_UP) continue
      times.fts.push(fts_ms)
      times.handoff.push(handoff_ms)
      times.store.push(store_ms)
    }
    const [handoff, full_text] = [p50(times.handoff), p50(times.fts)]
    return {
      memories,
      handoff_p50_ms: rounded(handoff),
      fts5_p50_ms: rounded(full_text),
      ratio: rounded(handoff / full_text),
      handoff_cpu_ms: rounded(spent_cpu.handoff / queries),
      fts5_cpu_ms: rounded(spent_cpu.fts / queries),
      cpu_ratio: rounded(spent_cpu.handoff / spent_cpu.fts),
      store_one_p50_ms: rounded(p50(times.store)),
      store_batch_ms: rounded(stored.spine),
      fts5_batch_ms: rounded(stored.fts),
    }
  } finally {
    fts.close()
    await spine.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const figures = []
for (const memories of flags.memories.split(',').map(Number)) figures.push(await measure(memories))
if (flags.json) for (const line of figures) process.stdout.write(`${JSON.stringify(line)}\n`)
else console.table(figures)
