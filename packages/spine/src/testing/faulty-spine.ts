/**
 * A spine on which things go wrong when the test says so: calls and answers that get lost, come late, twice, or in
 * another order, lookups that fail, envelopes of a version that the receiver has not heard of. Wraps any Spine.
 */

import { canonicalBytes, digestOf, rememberBytes } from '../protocol/canonical.ts'
import { contract } from '../protocol/contract.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { type ErrorCode, SpineError, spineError } from '../protocol/errors.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import { type CallOptions, operationsOf, type Spine } from '../protocol/spine.ts'
import { CURRENT_VERSION } from '../protocol/versions.ts'
import type { Clock } from '../service/clock.ts'

export type Fault =
  /** It does not arrive: nothing happens, and the caller hears UNREACHABLE. */
  | 'lose_call'
  /** It happens, and the caller hears UNREACHABLE: an unknown outcome. */
  | 'lose_answer'
  /** It arrives twice, as from a network or a client that repeats. The caller hears the second answer. */
  | 'repeat'
  /** It arrives `ms` later by the clock. */
  | 'delay'
  /** It arrives after the next call of the same operation. */
  | 'reorder'
  /** It is answered with the error `code`: STORAGE_FAILED on `memories.resolve` makes lookups fail. */
  | 'fail'
  /** Of `deliveries.receive`: the envelopes come from a sender one minor version ahead, with fields nobody knows here. */
  | 'newer_minor'
  /** Of `deliveries.receive`: they come from a sender one major version ahead, and cannot be read. */
  | 'newer_major'

export type Injection = {
  /** As in the contract: `deliveries.complete`. */
  operation: string
  fault: Fault
  /** How many calls it spoils. Default 1; `Infinity` for all that come. */
  times?: number
  /** Of `delay`. Default 1,000. */
  ms?: number
  /** Of `fail`. Default INTERNAL. */
  code?: ErrorCode
}

export type FaultySpine = Spine & {
  /** The next calls of the operation go wrong, in the order in which faults were injected. */
  inject(injection: Injection): void
  /** Ends all faults that have not happened yet. */
  heal(): void
}

type Left = Required<Injection>

const unreachable = (operation: string) =>
  new SpineError('UNREACHABLE', `${operation}: the connection broke, because the test says so.`)

/** `clock`: for `delay`; a test spine's own. Default: that of the system. */
export function faultySpine(spine: Spine, { clock = systemTimer }: { clock?: Pick<Clock, 'after'> } = {}): FaultySpine {
  let injections: Left[] = []
  /** Calls that let the next one of their operation go first. */
  const held = new Map<string, () => void>()

  const takeFault = (operation: string): Left | undefined => {
    const found = injections.find((injection) => injection.operation === operation)
    if (found) found.times -= 1
    injections = injections.filter(({ times }) => times > 0)
    return found
  }

  const spoil = async (fault: Left, call: () => Promise<unknown>): Promise<unknown> => {
    const { operation } = fault
    switch (fault.fault) {
      case 'lose_call':
        throw unreachable(operation)
      case 'lose_answer':
        await call()
        throw unreachable(operation)
      case 'repeat':
        await call()
        return call()
      case 'delay':
        await new Promise<void>((resolve) => clock.after(fault.ms, resolve))
        return call()
      case 'reorder':
        await new Promise<void>((resolve) => held.set(operation, resolve))
        return call()
      case 'fail':
        throw spineError(fault.code, `${operation} fails, because the test says so.`)
      default:
        return fromNewer(fault.fault, await call())
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: the contract ties each function to its input; a loop cannot say so.
  const groups = spine as any
  const operations = operationsOf(contract, async (group, name, _entry, input, options: CallOptions) => {
    const operation = `${group}.${name}`
    const call = (): Promise<unknown> => groups[group][name](input, options)
    const fault = takeFault(operation)
    if (fault) return spoil(fault, call)
    try {
      return await call()
    } finally {
      held.get(operation)?.()
      held.delete(operation)
    }
  })

  return Object.freeze({
    ...operations,
    close: () => spine.close(),
    inject(injection: Injection) {
      const [group = '', name = ''] = injection.operation.split('.')
      const known = (contract as Record<string, Record<string, unknown>>)[group]?.[name]
      if (!known) throw new TypeError(`${injection.operation} is no operation of the contract.`)
      injections.push({ times: 1, ms: 1_000, code: 'INTERNAL', ...injection })
    },
    heal() {
      injections = []
      for (const go of held.values()) go()
      held.clear()
    },
  })
}

const systemTimer: Pick<Clock, 'after'> = {
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

type Answer = { deliveries?: ReceivedDelivery[] }

function fromNewer(fault: 'newer_minor' | 'newer_major', answer: unknown): unknown {
  const { deliveries, ...rest } = answer as Answer
  if (!deliveries) throw new TypeError(`${fault} is a fault of deliveries.receive.`)
  return {
    ...rest,
    deliveries: deliveries.map((delivery) => ({ ...delivery, envelope: newer(fault, delivery.envelope) })),
  }
}

/** As its sender would have sealed it. */
function newer(fault: 'newer_minor' | 'newer_major', envelope: Envelope): Envelope {
  const major = Number.parseInt(CURRENT_VERSION, 10)
  const envelope_version = fault === 'newer_minor' ? `${major}.1` : `${major + 1}`
  const unknown = { added_later: { by: 'a newer sender' } }
  const task = { ...envelope.task, ...unknown }
  const document = { ...envelope, ...unknown, task, envelope_version }
  const sealed = { ...document, digest: digestOf(document) }
  return rememberBytes(sealed, canonicalBytes(sealed))
}
