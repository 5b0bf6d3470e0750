/** A server in this process over a store it opens itself: what `serve` runs, and what `demo` and `replay` start for themselves. */

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createProbe } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PostgresOptions } from '../embedded.ts'
import { SpineError } from '../protocol/errors.ts'
import type { SecretPolicy } from '../protocol/secrets.ts'
import type { SpineServer } from '../server.ts'
import type { AlertWebhook } from '../service/telling.ts'
import type { Database } from '../store/database.ts'
import { type Config, UsageError } from './config.ts'
import { version } from './version.ts'

export type LocalServer = {
  endpoint: string
  /** Drains: no new claims, requests in flight finish, then the store is closed. */
  close(): Promise<void>
}

export type LocalServerOptions = {
  /** `sqlite:PATH` or `postgres://...` */
  store: string
  host?: string
  port?: number
  /** As in SPINE_API_KEYS, one entry each. */
  api_keys?: readonly string[]
  allowed_hosts?: readonly string[]
  log_level?: string
  secrets?: SecretPolicy
  alert_webhook?: AlertWebhook
  /** `host:port` that webhooks may reach though it is private or plain, as in SPINE_WEBHOOK_ALLOW. */
  webhook_allow?: readonly string[]
  /** Hand-overs become spans of the tracer provider that is registered. Default false. */
  tracing?: boolean
  /** The store can no longer be written: nothing is served after it. */
  on_fatal?: (error: Error) => void
}

/** What the configuration says of every server of its store, wherever that one listens. */
export function serverOptionsOf(values: Config) {
  const { api_keys, allowed_hosts, secrets, webhook_allow, alert_webhook: url, alert_webhook_secrets } = values
  const alert_webhook = url === undefined ? {} : { alert_webhook: { url, secrets: alert_webhook_secrets } }
  return { api_keys, allowed_hosts, secrets, webhook_allow, ...alert_webhook }
}

export const isPostgres = (store: string): boolean => /^postgres(ql)?:/.test(store)

/** The path of a `sqlite:PATH` store. Files of settings know no shell that would say where `~` is. */
export function storeFile(store: string): string {
  if (store.startsWith('sqlite:')) return store.slice('sqlite:'.length).replace(/^~(?=[/\\])/, homedir)
  throw new UsageError('This needs a file: use sqlite:PATH.')
}

export type OpenStoreOptions = {
  /** The store can no longer be written. */
  on_fatal?: ((error: Error) => void) | undefined
  /** How long PostgreSQL may work on a statement; default: as for a node. */
  statement_timeout_ms?: number
}

/** Opens what `--store` names. `announce` tells those who find a file locked where it is served. */
export async function openStore(
  store: string,
  { on_fatal, statement_timeout_ms }: OpenStoreOptions = {},
): Promise<{ database: Database; announce(endpoint: string): void }> {
  const { openPostgres, openSqlite } = await import('../embedded.ts')
  if (isPostgres(store)) {
    const options = { ...postgresOptions(store), ...(statement_timeout_ms && { statement_timeout_ms }) }
    return { database: await openPostgres(options), announce: () => {} }
  }
  const database = await openSqlite({ file: storeFile(store), ...(on_fatal && { on_fatal }) })
  return { database, announce: database.announce }
}

/** `?pooled=1` says that the address is that of a pooler, `?listen=postgres://...` where the server itself is. */
function postgresOptions(store: string): PostgresOptions {
  const url = new URL(store)
  const pooled = url.searchParams.get('pooled')
  const listen_url = url.searchParams.get('listen')
  for (const name of ['pooled', 'listen']) url.searchParams.delete(name)
  return { url: url.href, ...(pooled ? { pooled: pooled !== '0' } : {}), ...(listen_url ? { listen_url } : {}) }
}

export async function startLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const {
    store,
    host = '127.0.0.1',
    port = 0,
    api_keys = [],
    allowed_hosts = [],
    log_level = 'error',
    secrets,
    alert_webhook,
    webhook_allow = [],
    tracing = false,
    on_fatal,
  } = options
  const [{ createSpine, traced }, { createServer }, { mcpHandler }] = await Promise.all([
    import('../embedded.ts'),
    import('../server.ts'),
    import('../mcp.ts'),
  ])
  await refuseEarly(options)
  // Closed in the reverse order; what was opened before a failure must not keep the process alive.
  const opened = new AsyncDisposableStack()
  try {
    const { database, announce } = await openStore(store, { on_fatal })
    opened.defer(() => database.close())
    let told: Pick<SpineServer, 'logAlert' | 'noteTrouble'> = { logAlert() {}, noteTrouble() {} }
    const embedded = await createSpine({
      database,
      warm: true,
      webhook_allow,
      ...(secrets && { secrets }),
      ...(alert_webhook && { alert_webhook }),
      onAlert: ({ namespace, alert }) => told.logAlert(namespace, alert),
      onTrouble: (trouble) => told.noteTrouble(trouble),
    })
    opened.defer(() => embedded.close())
    const spine = tracing ? await traced(embedded) : embedded
    const mounts = { '/mcp': mcpHandler({ spine, version }) }
    const server = createServer({ spine, mounts, keys: api_keys.join(','), allowed_hosts, log_level })
    opened.defer(() => server.close())
    told = server
    const endpoint = await server.listen({ host, port })
    announce(endpoint)
    return Object.freeze({ endpoint, close: () => opened.disposeAsync() })
  } catch (error) {
    await opened.disposeAsync()
    throw listenError(error, host, port)
  }
}

/** What cannot be listened on is said before a store is made; one that is locked says itself where it is served. */
async function refuseEarly({ store, host = '127.0.0.1', port = 0, api_keys = [] }: LocalServerOptions): Promise<void> {
  const [{ addressOf, checkListening }, { readLock }] = await Promise.all([
    import('../http/create-server.ts'),
    import('../store/lock.ts'),
  ])
  try {
    checkListening({ host, keys: api_keys.join(',') })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
  if (!isPostgres(store) && readLock(storeFile(store))) return
  const probe = createProbe()
  try {
    await once(probe.listen({ host: addressOf(host), port }), 'listening')
  } catch (error) {
    throw listenError(error, host, port)
  }
  await new Promise((resolve) => probe.close(resolve))
}

/** The two ways in which listening fails every day deserve words. */
function listenError(error: unknown, host: string, port: number): unknown {
  const code = (error as { code?: string }).code
  if (code === 'EADDRINUSE') return new SpineError('PORT_IN_USE', `Port ${port} on ${host} is in use.`)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new UsageError(`${host} is not an address of this machine: give another --host.`)
  return error
}

/** A server with a store that is gone when it is closed. */
export async function startTemporaryServer(): Promise<LocalServer> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const server = await startLocalServer({ store: `sqlite:${join(folder, 'spine.db')}` })
    return Object.freeze({ endpoint: server.endpoint, close: () => server.close().finally(remove) })
  } catch (error) {
    await remove()
    throw error instanceof UsageError ? new SpineError('INTERNAL', error.message) : error
  }
}
