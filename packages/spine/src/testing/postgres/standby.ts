/**
 * A streaming standby of a server of `server.ts`, made from its files while it is at work: what `pg_basebackup` does, by
 * the statements that it uses itself.
 */

import { execFile } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { asked } from './database.ts'
import { type PostgresServer, startPostgresServer } from './server.ts'

export type Standby = PostgresServer & {
  /** Ends its following and takes writes from now on. */
  promote(): Promise<void>
}

export type StandbyOptions = {
  /** The way to the primary, so that it can be cut; default its own port. */
  port?: number
  settings?: readonly string[]
}

/** Follows the primary when it resolves; commits there do not wait for it yet. */
export async function startStandby(
  primary: PostgresServer,
  { port = primary.port, settings = [] }: StandbyOptions = {},
): Promise<Standby> {
  const folder = mkdtempSync(join(tmpdir(), 'memory-spine-standby-'))
  // Made for its owner alone; the server is somebody else.
  chmodSync(folder, 0o755)
  const data = join(folder, 'data')
  await copyFiles(primary, data)
  const conninfo = `primary_conninfo=host=127.0.0.1 port=${port} user=postgres password=postgres`
  const server = await startPostgresServer({ data, standby: true, settings: [conninfo, ...settings] })
  const follows = `select 1 from pg_stat_replication where state = 'streaming'`
  while ((await asked(primary.url(), follows)).length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
  return Object.freeze({
    ...server,
    async promote() {
      await asked(server.url(), 'select pg_promote()')
    },
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

/** From now on a commit is answered when a standby has it on disk, too. */
export async function waitForStandby(primary: PostgresServer): Promise<void> {
  await asked(primary.url(), `alter system set synchronous_standby_names = '*'`)
  await asked(primary.url(), 'select pg_reload_conf()')
  const waits = `select 1 from pg_stat_replication where sync_state = 'sync'`
  while ((await asked(primary.url(), waits)).length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
}

async function copyFiles(primary: PostgresServer, data: string): Promise<void> {
  const client = new pg.Client(primary.url())
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(`select pg_backup_start('standby', true)`)
    await copied(primary.data, data)
    const { rows } = await client.query('select labelfile from pg_backup_stop(false)')
    rmSync(join(data, 'postmaster.pid'), { force: true })
    const { uid, gid } = statSync(data)
    for (const [name, text] of [
      ['backup_label', rows[0].labelfile],
      ['standby.signal', ''],
    ]) {
      writeFileSync(join(data, name), text)
      chownSync(join(data, name), uid, gid)
    }
  } finally {
    await client.end()
  }
}

/** A file that is gone by the time it would be copied is none that the copy needs. */
const copied = (from: string, to: string): Promise<void> =>
  new Promise((resolve, reject) => {
    execFile('cp', ['-a', from, to], (error, _, complaint) => {
      const others = complaint.split('\n').filter((line) => line !== '' && !line.includes('No such file'))
      if (error && others.length > 0) reject(new Error(others.join('\n'), { cause: error }))
      else resolve()
    })
  })
