/** What receivers call: receive, and everything they say about the leases they hold. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import type { Delivery } from '../protocol/delivery.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Agents } from './agents.ts'
import type { Caller, Service } from './context.ts'
import { resultOf } from './documents.ts'
import { handingOnOperations } from './handing-on.ts'
import type { Received, Receiving } from './receiving.ts'
import type { Settling } from './settling.ts'

type In<N extends keyof typeof contract.deliveries> = z.output<(typeof contract.deliveries)[N]['input']>
type Rooms = Parameters<typeof handingOnOperations>[1] & { agents: Agents; settling: Settling; receiving: Receiving }

export function leaseOperations(service: Service, rooms: Rooms) {
  const { agents, settling, receiving } = rooms
  const { forward, reroute, decline } = handingOnOperations(service, rooms)

  const nack = (input: In<'nack'>, caller: Caller): Promise<Delivery> =>
    input.kind === 'declined' ? decline(input, caller) : settling.settle(caller, { action: 'nack', ...input })

  const settleOne = (caller: Caller, item: In<'settle'>['items'][number]): Promise<Delivery> => {
    if (item.action !== 'nack') return settling.settle(caller, item)
    const { action: _action, ...input } = item
    return nack(input, caller)
  }

  return {
    receive: async ({ agent, ...wanted }: In<'receive'>, caller: Caller): Promise<Received> => {
      if (caller.agent !== undefined && caller.agent !== agent)
        throw new SpineError('FORBIDDEN', `The key is that of ${caller.agent}; it cannot receive for ${agent}.`)
      await agents.see(caller.ns, agent)
      return receiving.receive(agent, wanted, caller)
    },
    accept: (input: In<'accept'>, caller: Caller) => settling.settle(caller, { action: 'accept', ...input }),
    complete: (input: In<'complete'>, caller: Caller) => settling.settle(caller, { action: 'complete', ...input }),
    release: (input: In<'release'>, caller: Caller) => settling.settle(caller, { action: 'release', ...input }),
    heartbeat: (input: In<'heartbeat'>, caller: Caller) => settling.settle(caller, { action: 'heartbeat', ...input }),
    nack,
    settle: async ({ items }: In<'settle'>, caller: Caller) => ({
      results: await Promise.all(items.map((item) => resultOf(settleOne(caller, item)))),
    }),
    forward,
    reroute,
  }
}
