/**
 * The spine that a command talks to: a server, or a store file that it opens itself. A file that a server has open is
 * reached through that server, so that a command never has to know which of the two it is.
 */

import { existsSync } from 'node:fs'
import { MemorySpine } from '../client/memory-spine.ts'
import type { CallOptions } from '../protocol/spine.ts'
import { type ConfigInForce, UsageError } from './config.ts'
import { isPostgres, openStore, storeFile } from './local-server.ts'

export type Connection = AsyncDisposable & {
  client: MemorySpine
  /** For every call: in whose namespace it is, where a store is opened without a server. */
  options: CallOptions
}

/** A flag says more than a variable, and of two variables the endpoint is the more particular. */
export const wantsStore = ({ origins }: ConfigInForce): boolean =>
  origins.store === 'flag' ||
  (origins.store === 'variable' && origins.endpoint !== 'flag' && origins.endpoint !== 'variable')

export async function openConnection(config: ConfigInForce, { create = false } = {}): Promise<Connection> {
  const { endpoint, store, api_key, namespace, agent, secrets } = config.values
  const sender = agent === undefined ? {} : { agent }
  const remote = (url: string) => {
    const client = new MemorySpine({
      ...sender,
      endpoint: url,
      ...(api_key && { api_key }),
      ...(namespace && { namespace }),
    })
    return { client, options: {}, [Symbol.asyncDispose]: () => client.close() }
  }
  if (!wantsStore(config)) return remote(endpoint)
  const options = namespace ? { identity: { namespace } } : {}
  if (!isPostgres(store)) {
    const file = storeFile(store)
    if (!create && !existsSync(file))
      throw new UsageError(
        `There is no store at ${file}. \`memory-spine serve\` makes one, and so does \`memories store\`.`,
      )
    const { readLock } = await import('../store/lock.ts')
    const owner = existsSync(file) ? readLock(file) : undefined
    if (owner?.endpoint) return remote(owner.endpoint)
  }
  const { createSpine } = await import('../embedded.ts')
  // A command is gone before a receiver could answer it.
  const spine = await createSpine({ database: (await openStore(store)).database, secrets, push: false })
  const client = new MemorySpine({ ...sender, spine })
  return { client, options, [Symbol.asyncDispose]: () => client.close() }
}
