/**
 * A spine over a store file that whoever has it open serves. The owner is looked for anew when it is gone, and a call
 * that it did not answer is made again where that does no harm.
 */

import { randomUUID } from 'node:crypto'
import { isRepeatable } from '../client/repeat.ts'
import { contract } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { operationsOf, type Spine } from '../protocol/spine.ts'
import { readLock } from '../store/lock.ts'
import { type LocalServer, type LocalServerOptions, startLocalServer, storeFile } from './local-server.ts'

export type ConnectTo = (endpoint: string) => Spine

/** How often an owner that is just starting is looked for, and how long between. */
const LOOKS = 50
const LOOK_AGAIN_MS = 100

/** Becomes the owner, served as `options` say, where there is none. */
export function sharedSpine(options: LocalServerOptions, connectTo: ConnectTo): Spine {
  const file = storeFile(options.store)
  let current: Promise<Spine> | undefined
  let own: LocalServer | undefined
  let closed = false

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
  const callOn = async (found: any, group: string, name: string, input: unknown, callOptions: object) =>
    found[group][name](input, callOptions)

  const operations = operationsOf(contract, async (group, name, operation, given, callOptions) => {
    if (closed) throw new SpineError('SHUTTING_DOWN', 'This client was closed.', { closed })
    // The next owner must know the call of the last one again.
    const input = operation.idempotent ? { idempotency_key: randomUUID(), ...(given as object) } : given
    const finding = spine()
    const found = await finding
    try {
      return await callOn(found, group, name, input, callOptions)
    } catch (error) {
      // What this client ended by being closed is over: no owner is looked for any more.
      if (!isGone(error) || closed || callOptions.signal?.aborted) throw error
      if (current === finding) {
        if (own) throw error
        current = undefined
      }
      if (!isRepeatable(operation) && !wasNeverHeard(error)) throw error
      return callOn(await spine(), group, name, input, callOptions)
    }
  })
  return Object.freeze({
    ...operations,
    async close() {
      closed = true
      await (await current?.catch(() => undefined))?.close()
      await own?.close()
    },
  })
}

const isGone = (error: unknown): error is SpineError =>
  error instanceof SpineError && (error.code === 'UNREACHABLE' || error.code === 'SHUTTING_DOWN')

/** Refused before anything was done, or by nobody at all. */
const wasNeverHeard = ({ code, cause }: SpineError): boolean =>
  code === 'SHUTTING_DOWN' || (cause as { code?: string } | undefined)?.code === 'ECONNREFUSED'
