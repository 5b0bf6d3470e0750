/** The spines that the conformance suites run over: every store behind every door. */

import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../client/connect.ts'
import { createSpine, openPostgres, openSqlite } from '../embedded.ts'
import { contract } from '../protocol/contract.ts'
import { type Identity, operationsOf, type Spine } from '../protocol/spine.ts'
import { createServer } from '../server.ts'
import type { SpineOptions } from '../service/spine.ts'
import type { Database } from '../store/database.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { openHooks } from './conformance/hooks.ts'
import type { OpenSubject, OpenTimedSubject } from './conformance/subject.ts'
import { manualClock } from './manual-clock.ts'
import { newDatabase } from './postgres/database.ts'
import { watched } from './watched.ts'

/** A store for one subject, gone when it is closed. Another database joins the suites as one more of these. */
type OpenStore = () => Promise<{ database: Database; remove(): Promise<void> }>

const sqliteStore: OpenStore = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  const database = await openSqlite({ file: join(folder, 'spine.db'), ballast: { bytes: 0 } })
  return { database, remove: () => rm(folder, { recursive: true, force: true }) }
}

const postgresStore: OpenStore = async () => {
  const { url, remove } = await newDatabase()
  // A machine that is busy with other tests is no database that fell silent.
  const database = await openPostgres({ url, statement_timeout_ms: 60_000 })
  return { database, remove }
}

const stores = { sqlite: sqliteStore, postgres: postgresStore } satisfies Record<string, OpenStore>
export type StoreName = keyof typeof stores

/** The spine as one caller sees it. */
export function boundTo(spine: Spine, identity: Identity): Spine {
  // biome-ignore lint/suspicious/noExplicitAny: the contract ties each function to its input; a loop cannot say so.
  const groups = spine as any
  const operations = operationsOf(contract, (group, name, _operation, input, options) =>
    groups[group][name](input, { identity, ...options }),
  )
  return { ...operations, close: async () => {} }
}

const embedded =
  (openStore: OpenStore): OpenSubject =>
  async () => {
    const [{ database, remove }, hooks] = await Promise.all([openStore(), openHooks()])
    const spine = await createSpine({ database, webhook_allow: [hooks.host] })
    return {
      at: (namespace, agent) => boundTo(spine, { namespace, ...(agent === undefined ? {} : { agent }) }),
      hooks,
      async close() {
        await hooks.close()
        await spine.close()
        await remove()
      },
    }
  }

/** One server without keys for namespaces, one with a key for every agent that a credential is bound to. */
const http =
  (openStore: OpenStore): OpenSubject =>
  async () => {
    const [{ database, remove }, hooks] = await Promise.all([openStore(), openHooks()])
    const spine = await createSpine({ database, webhook_allow: [hooks.host] })
    const closers: (() => Promise<void>)[] = []
    const serve = async (keys?: string) => {
      const server = createServer({ spine, log_level: 'silent', ...(keys === undefined ? {} : { keys }) })
      closers.unshift(() => server.close())
      return server.listen()
    }
    const open = await serve()
    const connected = (options: Parameters<typeof connect>[0]) => {
      const client = connect(options)
      closers.unshift(() => client.close())
      return client
    }
    return {
      endpoint: open,
      hooks,
      async at(namespace, agent) {
        if (agent === undefined) return connected({ endpoint: open, namespace })
        const api_key = `msk_${randomBytes(16).toString('hex')}`
        const sha256 = createHash('sha256').update(api_key).digest('hex')
        return connected({ endpoint: await serve(`k1:${namespace}:${sha256}:${agent}`), api_key })
      },
      async close() {
        for (const close of closers) await close()
        await hooks.close()
        await spine.close()
        await remove()
      },
    }
  }

const timed =
  (openStore: OpenStore, options: Partial<SpineOptions>): OpenTimedSubject =>
  async () => {
    const [store, hooks] = await Promise.all([openStore(), openHooks()])
    const { database, idle } = watched(store.database)
    const clock = manualClock({ idle })
    // Chance that can be foretold: every backoff is half of its cap.
    const chance = { uniform: () => 0.5, hex: (digits: number) => randomBytes(digits).toString('hex').slice(0, digits) }
    const shared = { database: { ...database, close: async () => {} }, clock, chance, webhook_allow: [hooks.host] }
    const open = () => createSpine({ ...shared, ...options })
    const spine = await open()
    return {
      at: (namespace, agent) => boundTo(spine, { namespace, ...(agent === undefined ? {} : { agent }) }),
      hooks,
      openAnother: open,
      clock,
      database,
      idle,
      async close() {
        await hooks.close()
        await spine.close()
        await store.database.close()
        await store.remove()
      },
    }
  }

/** Opened when first needed, then the same for all suites: tests keep apart by namespace. */
function shared<S>(open: () => Promise<S>): () => Promise<S> {
  let opened: Promise<S> | undefined
  return () => (opened ??= open())
}

type NamedSubject<O> = { name: string; open: O }

const doors = { embedded, http }
export type Door = keyof typeof doors

/** A store behind a door. */
export const subjectOf = (store: StoreName, door: Door): NamedSubject<OpenSubject> => ({
  name: `${store}, ${door}`,
  open: shared(doors[door](stores[store])),
})

/** Without its thread: a clock that stands still until the store is at rest would wait for the processor, too. */
const inlineStore: OpenStore = async () => ({ database: openSqliteInline(), remove: async () => {} })

/** A store with time in the hand of the test. Nobody watches over the handoffs unless the suite is about that. */
export const timedSubjects = (
  store: StoreName,
  options: Partial<SpineOptions> = { watch: false },
): NamedSubject<OpenTimedSubject>[] => {
  const openStore = store === 'sqlite' ? inlineStore : stores[store]
  return [{ name: `${store}, manual clock`, open: shared(timed(openStore, options)) }]
}
