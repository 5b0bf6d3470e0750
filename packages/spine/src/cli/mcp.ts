/**
 * `memory-spine mcp`: the tools for one host, over its pipe. Hosts on one machine share a store: the first one opens
 * the file and serves it on a free port of this machine, which it writes beside the file; the others call it there, and
 * when it ends, the next call of another one takes over. A database server they share by itself.
 */

import { connect } from '../client/connect.ts'
import { contract } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { type Identity, operationsOf, type Spine } from '../protocol/spine.ts'
import { readLock } from '../store/lock.ts'
import type { ConfigInForce } from './config.ts'
import { wantsStore } from './connection.ts'
import {
  isPostgres,
  type LocalServer,
  type LocalServerOptions,
  openStore,
  serverOptionsOf,
  startLocalServer,
  storeFile,
} from './local-server.ts'
import { version } from './version.ts'

type Connect = (endpoint: string) => Spine

/** How often an owner that is just starting is looked for, and how long between. */
const LOOKS = 50
const LOOK_AGAIN_MS = 100

/** A spine over a store that whoever has it open serves; it is looked for anew when that one is gone. */
function sharedSpine(options: LocalServerOptions, connectTo: Connect): Spine {
  const file = storeFile(options.store)
  let current: Promise<Spine> | undefined
  let own: LocalServer | undefined

  async function find(): Promise<Spine> {
    for (let look = 1; ; look += 1) {
      const endpoint = readLock(file)?.endpoint
      if (endpoint) return connectTo(endpoint)
      try {
        own = await startLocalServer(options)
        return connectTo(own.endpoint)
      } catch (error) {
        // Another host was faster; it says where it serves in a moment.
        if (!(error instanceof SpineError && error.code === 'STORE_LOCKED') || look >= LOOKS) throw error
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
      }
    }
  }
  const spine = () => {
    current ??= find().catch((error) => {
      current = undefined
      throw error
    })
    return current
  }
  // biome-ignore lint/suspicious/noExplicitAny: the contract ties each function to its input; a loop cannot say so.
  const callOn = async (found: any, group: string, name: string, input: unknown, options: object) =>
    found[group][name](input, options)

  const operations = operationsOf(contract, async (group, name, _operation, input, options) => {
    const found = await spine()
    try {
      return await callOn(found, group, name, input, options)
    } catch (error) {
      const gone = error instanceof SpineError && (error.code === 'UNREACHABLE' || error.code === 'SHUTTING_DOWN')
      if (!gone || options.signal?.aborted || own) throw error
      if (current && (await current) === found) current = undefined
      return callOn(await spine(), group, name, input, options)
    }
  })
  return Object.freeze({
    ...operations,
    async close() {
      await (await current?.catch(() => undefined))?.close()
      await own?.close()
    },
  })
}

export async function serveMcp(config: ConfigInForce): Promise<number> {
  const { endpoint, store, api_key, namespace, agent } = config.values
  const options = serverOptionsOf(config.values)
  const connectTo: Connect = (url) =>
    connect({ endpoint: url, ...(api_key && { api_key }), ...(namespace && { namespace }) })
  const { serveMcpStdio } = await import('../mcp.ts')

  async function open(): Promise<{ spine: Spine; identity?: Identity }> {
    if (!wantsStore(config)) return { spine: connectTo(endpoint) }
    if (!isPostgres(store)) return { spine: sharedSpine({ ...options, store }, connectTo) }
    const { createSpine } = await import('../embedded.ts')
    // The servers of the database push and judge: what one session can reach says nothing about the others.
    const { secrets, webhook_allow } = options
    const { database } = await openStore(store)
    const spine = await createSpine({ database, secrets, webhook_allow, push: false, watch: false })
    return { spine, ...(namespace && { identity: { namespace } }) }
  }

  const opened = await open()
  try {
    await serveMcpStdio({ ...opened, version, ...(agent === undefined ? {} : { agent }) })
  } finally {
    await opened.spine.close()
  }
  return 0
}
