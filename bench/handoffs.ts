/**
 * Measures handoffs: an envelope given whole by one side, received, read and completed by another, so many in flight
 * at every moment. Flags and the JSON line are those of the comparison with other queues (README.md), so that one
 * program can run them all in turn. `embedded` and `postgres` are one process; over `http`, the server, the sender and the receiver
 * are a process each.
 */

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connect } from '../packages/spine/src/client/connect.ts'
import type { Envelope } from '../packages/spine/src/protocol/envelope.ts'
import type { Spine } from '../packages/spine/src/protocol/spine.ts'
import { type Acknowledged, ClosedLoop, figuresOf, nowMs } from './closed-loop.ts'
import { envelopeMaker, seqOf } from './envelopes.ts'
import { costSoFar, fillArchive } from './postgres-archive.ts'

const { values: flags } = parseArgs({
  options: {
    mode: { type: 'string', default: 'embedded' },
    postgres: { type: 'string' },
    archive: { type: 'string', default: '0' },
    count: { type: 'string', default: '5000' },
    concurrency: { type: 'string', default: '100' },
    payload: { type: 'string', default: '8192' },
    warmup: { type: 'string' },
    'worker-concurrency': { type: 'string' },
    loops: { type: 'string', default: '2' },
    fanout: { type: 'string', default: '1' },
    timeout: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  },
})
const count = Number(flags.count)
const concurrency = Number(flags.concurrency)
const payload = Number(flags.payload)
const fanout = Number(flags.fanout)
const timeout_ms = Number(flags.timeout) * 1_000
/** Finished deliveries that a PostgreSQL store has in its archive. */
const archived = Number(flags.archive)
const warmup = Number(flags.warmup ?? Math.min(Math.max(concurrency, Math.floor(count / 5)), 2_000))
const worker_concurrency = Number(flags['worker-concurrency'] ?? Math.min(concurrency, 100))
/** Long polls of one receiver: while one of them is being answered, another one waits. */
const loops = Number(flags.loops)
/** Flags for the Node of the server, such as --cpu-prof. */
const server_flags = process.env.BENCH_SERVER_FLAGS?.split(' ') ?? []

const TMPFS = 0x01021994
const durability = flags.mode === 'postgres' ? 'PostgreSQL, synchronous_commit=on' : 'SQLite WAL, synchronous=FULL'
const targets = Array.from({ length: fanout }, (_, index) => `worker-${index}`)

/** Receives and completes until the spine is closed. */
function startWorkers(spine: Spine, acknowledged: Acknowledged): void {
  const max = Math.max(1, Math.min(256, Math.ceil(worker_concurrency / loops)))
  const work = async (target: string): Promise<void> => {
    for (;;) {
      const { deliveries } = await spine.deliveries.receive({ agent: target, max })
      const received = nowMs()
      await Promise.all(
        deliveries.map(async ({ id, lease_token, envelope }) => {
          await spine.deliveries.complete({ id, lease_token })
          acknowledged(seqOf(envelope), received, nowMs())
        }),
      )
    }
  }
  for (const target of targets)
    for (let loop = 0; loop < loops; loop += 1)
      work(target).catch((error) => {
        if (error.code !== 'SHUTTING_DOWN') throw error
      })
}

/** Sealed before the clock runs: sealing is part of making an envelope, not of handing it over. */
function sealAll(): Envelope[] {
  const makeEnvelope = envelopeMaker(randomBytes(4).toString('hex'), targets[0] ?? '', payload)
  return Array.from({ length: warmup + count }, (_, seq) => makeEnvelope(seq))
}

function senderOf(spine: Spine): (seq: number) => Promise<unknown> {
  const envelopes = sealAll()
  return (seq) => {
    const envelope = envelopes[seq] as Envelope
    delete envelopes[seq]
    if (fanout === 1) return spine.deliveries.send({ envelope })
    return spine.channels.publish({ channel: 'bench', envelope, receivers: targets })
  }
}

async function measure(loop: ClosedLoop) {
  if (warmup > 0) await loop.run(warmup, concurrency)
  return figuresOf(await loop.run(count, concurrency))
}

async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(process.env.BENCH_DATA ?? tmpdir(), 'memory-spine-bench-'))
  try {
    if ((await statfs(folder)).type === TMPFS)
      process.stderr.write(`${folder} is in memory, not on a disk: set BENCH_DATA, or the figures mean little.\n`)
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const runEmbedded = () =>
  withFolder(async (folder) => {
    const { createSpine, openSqlite } = await import('../packages/spine/src/embedded.ts')
    const spine = await createSpine({ database: await openSqlite({ file: join(folder, 'spine.db') }) })
    const loop = new ClosedLoop({ send: senderOf(spine), copies: fanout, timeout_ms })
    startWorkers(spine, loop.acknowledged)
    try {
      return await measure(loop)
    } finally {
      await spine.close()
    }
  })

/** In one process over the database at `--postgres`, or over a server of its own that syncs like any other. */
async function runPostgres() {
  const { createSpine, openPostgres } = await import('../packages/spine/src/embedded.ts')
  const { startPostgresServer } = await import('../packages/spine/src/testing/postgres/server.ts')
  const server = flags.postgres
    ? undefined
    : await startPostgresServer({
        settings: ['fsync=on', 'full_page_writes=on', 'shared_buffers=256MB', 'max_wal_size=4GB'],
      })
  try {
    const url = flags.postgres ?? server?.url() ?? ''
    const spine = await createSpine({ database: await openPostgres({ url, connect_timeout_ms: 30_000 }) })
    const loop = new ClosedLoop({ send: senderOf(spine), copies: fanout, timeout_ms })
    startWorkers(spine, loop.acknowledged)
    try {
      if (warmup > 0) await loop.run(warmup, concurrency)
      if (archived > 0) await fillArchive(url, archived)
      const before = await costSoFar(url)
      const figures = figuresOf(await loop.run(count, concurrency))
      const after = await costSoFar(url)
      const per = (name: keyof typeof after) => Math.round(((after[name] - before[name]) / count) * 100) / 100
      const cost = {
        wal_bytes_per_handoff: per('wal_bytes'),
        rows_inserted_per_handoff: per('inserted'),
        rows_updated_per_handoff: per('updated'),
        commits_per_handoff: per('commits'),
      }
      return { ...figures, archived, ...cost }
    } finally {
      await spine.close()
    }
  } finally {
    await server?.stop()
  }
}

async function startServer(folder: string): Promise<{ child: ChildProcess; endpoint: string }> {
  const program = fileURLToPath(new URL('../packages/spine/src/cli/main.ts', import.meta.url))
  const store = `sqlite:${join(folder, 'spine.db')}`
  const given = ['serve', '--port', '0', '--store', store, '--log-level', 'silent', '--json']
  const child = spawn(process.execPath, [...server_flags, program, ...given], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text: Buffer) => {
    said += text
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const { endpoint } = JSON.parse(line) as { endpoint?: string }
    if (endpoint !== undefined) return { child, endpoint }
  }
  throw new Error(`the server ended before it listened: ${said}`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

/** This file again, as the receiving process. It tells of a turn's acknowledgements in one message. */
async function forkWorker(endpoint: string, acknowledged: Acknowledged): Promise<ChildProcess> {
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
    env: { ...process.env, BENCH_WORKER_OF: endpoint },
    serialization: 'advanced',
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)))
    child.on('message', (message: 'ready' | number[]) => {
      if (message === 'ready') return resolve()
      for (let at = 0; at < message.length; at += 3)
        acknowledged(message[at] ?? 0, message[at + 1] ?? 0, message[at + 2] ?? 0)
    })
  })
  return child
}

const runHttp = () =>
  withFolder(async (folder) => {
    const server = await startServer(folder)
    const spine = connect({ endpoint: server.endpoint })
    const loop = new ClosedLoop({ send: senderOf(spine), copies: fanout, timeout_ms })
    const worker = await forkWorker(server.endpoint, loop.acknowledged)
    try {
      return await measure(loop)
    } finally {
      await end(worker)
      await spine.close()
      await end(server.child)
    }
  })

function beWorker(endpoint: string): void {
  let told: number[] = []
  startWorkers(connect({ endpoint }), (...times) => {
    if (told.length === 0)
      setImmediate(() => {
        process.send?.(told)
        told = []
      })
    told.push(...times)
  })
  process.once('SIGTERM', () => process.exit(0))
  process.send?.('ready')
}

async function main(): Promise<void> {
  const run = { embedded: runEmbedded, http: runHttp, postgres: runPostgres }[flags.mode]
  if (!run) throw new Error(`--mode is embedded, http or postgres, not ${flags.mode}`)
  const figures = await run()
  const line = {
    peer: `memory-spine ${flags.mode}${fanout > 1 ? ' broadcast' : ''}`,
    mode: flags.mode,
    durability,
    count,
    concurrency,
    payload,
    ...(fanout > 1 ? { fanout } : {}),
    ...(flags.mode === 'http' ? {} : { same_process: true }),
    ...figures,
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(line)}\n`)
  else console.table([line])
}

if (process.env.BENCH_WORKER_OF) beWorker(process.env.BENCH_WORKER_OF)
else await main()
