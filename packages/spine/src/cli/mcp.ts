/**
 * `memory-spine mcp`: the tools for one host, over its pipe. Hosts on one machine share a store: the first one opens
 * the file and serves it on a free port of this machine, which it writes beside the file; the others call it there, and
 * when it ends, the next call of another one takes over. A database server they share by itself.
 */

import { connect } from '../client/connect.ts'
import type { Identity, Spine } from '../protocol/spine.ts'
import type { ConfigInForce } from './config.ts'
import { wantsStore } from './connection.ts'
import { isPostgres, openStore, serverOptionsOf } from './local-server.ts'
import { type ConnectTo, sharedSpine } from './shared-spine.ts'
import { version } from './version.ts'

export async function serveMcp(config: ConfigInForce): Promise<number> {
  const { endpoint, store, api_key, namespace, agent } = config.values
  const options = serverOptionsOf(config.values)
  const connectTo: ConnectTo = (url) =>
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
