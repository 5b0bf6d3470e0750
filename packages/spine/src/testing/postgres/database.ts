/**
 * An empty PostgreSQL database for one store. The server is this process's own, started with the first database and
 * stopped after the last; or that of TEST_POSTGRES_URL, whose user then has to be allowed to create databases.
 */

import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { type PostgresServer, startPostgresServer } from './server.ts'

let server: Promise<PostgresServer> | undefined
let open = 0

export type TestDatabase = { url: string; remove(): Promise<void> }

export async function newDatabase(): Promise<TestDatabase> {
  open += 1
  const name = `spine_test_${randomBytes(6).toString('hex')}`
  const url = process.env.TEST_POSTGRES_URL ?? (await ownServer()).url()
  await asked(url, `create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return {
    url: own.href,
    async remove() {
      await asked(url, `drop database ${name} with (force)`)
      open -= 1
      if (open > 0) return
      const last = server
      server = undefined
      await (await last)?.stop()
    },
  }
}

const ownServer = (): Promise<PostgresServer> => {
  server ??= startPostgresServer()
  return server
}

/** One statement, or several that take no parameters, on a connection of its own. */
export async function asked(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}
