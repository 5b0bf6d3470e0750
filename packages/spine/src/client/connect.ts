/**
 * A Spine on the other end of HTTP, by a loop over the contract. What is safe to repeat is repeated when the
 * connection fails; a call ends within its timeout, the time that it waits on purpose not counted.
 */

import { randomUUID } from 'node:crypto'
import { contract, type Operation } from '../protocol/contract.ts'
import { fromProblem, SpineError } from '../protocol/errors.ts'
import { type CallOptions, operationsOf, type Spine } from '../protocol/spine.ts'
import { readAnswer, readProblem, retryAfterMs } from './answer.ts'
import { gather } from './gathering.ts'
import { type Pacing, systemPacing } from './pacing.ts'
import { gatewayStatus, heldFor, mayRepeat, pauseBefore } from './repeat.ts'
import { headerValue, requestOf, requestOfMany, type WireRequest } from './request.ts'
import { fetchTransport, nodeTransport, type WireAnswer } from './transport.ts'

export type ConnectOptions = {
  /** Where the server is. Default: SPINE_ENDPOINT, else http://127.0.0.1:8788. */
  endpoint?: string
  /** Sent as `Authorization: Bearer`. Default: SPINE_API_KEY, else none. */
  api_key?: string
  /** For servers without keys; with a key, the key decides. Default: the server's, "default". */
  namespace?: string
  /** Makes the requests. Default: Node's own client, which keeps its connections open. */
  fetch?: typeof fetch
  /** Longest time of a call with all its tries, in ms, beside what it waits on purpose. Default 30,000. */
  timeout_ms?: number
  /** Clock, timer and dice. Default: those of the system. */
  pacing?: Pacing
}

const settleActions = ['accept', 'heartbeat', 'complete', 'release', 'nack'] as const
type SettleAction = (typeof settleActions)[number]

const closedError = () => new SpineError('SHUTTING_DOWN', 'This client was closed.', { closed: true })

function baseOf(endpoint: string): string {
  const url = URL.parse(endpoint)
  if (url && (url.protocol === 'http:' || url.protocol === 'https:'))
    return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
  throw new SpineError('INVALID_INPUT', `endpoint ${JSON.stringify(endpoint)} is not an http or https address.`)
}

const causeOf = (error: unknown): string => {
  const { cause } = error as { cause?: { code?: string; message?: string } }
  return cause?.code ?? cause?.message ?? String(error)
}

/** Connects to a server. Nothing is sent yet: a server that is not there shows in the first call, as UNREACHABLE. */
export function connect(options: ConnectOptions = {}): Spine {
  const {
    endpoint = process.env.SPINE_ENDPOINT || 'http://127.0.0.1:8788',
    api_key = process.env.SPINE_API_KEY,
    namespace,
    timeout_ms = 30_000,
    pacing = systemPacing,
  } = options
  const base = baseOf(endpoint)
  const common: Record<string, string> = {
    ...(api_key ? { authorization: headerValue('api_key', `Bearer ${api_key}`) } : {}),
    ...(namespace ? { 'spine-namespace': headerValue('namespace', namespace) } : {}),
  }
  const transport = options.fetch ? fetchTransport(base, options.fetch) : nodeTransport(base)
  const closing = new AbortController()
  const inFlight = new Set<Promise<unknown>>()

  async function exchange(operation: Operation, request: WireRequest, signal: AbortSignal, callOptions: CallOptions) {
    let answer: WireAnswer
    try {
      answer = await transport.send({ ...request, headers: { ...request.headers, ...common } }, signal)
    } catch (cause) {
      throw new SpineError('UNREACHABLE', `${base} could not be reached: ${causeOf(cause)}.`, { cause })
    }
    const { status, header, bytes } = answer
    if (status >= 200 && status < 300) {
      for (const warning of warningsOf(header('spine-warnings'))) callOptions.onWarning?.(warning)
      return readAnswer(operation, bytes)
    }
    const retry_after_ms = retryAfterMs(header('retry-after'), Date.now())
    const problem = readProblem(bytes)
    const error = fromProblem(problem, status)
    if (error.extra.http_status !== undefined && gatewayStatus.has(status))
      throw new SpineError('UNREACHABLE', `Something before ${base} answered ${status}.`, { retry_after_ms })
    if (retry_after_ms === undefined) throw error
    throw fromProblem({ retry_after_ms, ...(problem as object) }, status)
  }

  async function call(
    operation: Operation,
    input: unknown,
    callOptions: CallOptions = {},
    request: WireRequest = requestOf(operation, input),
  ): Promise<unknown> {
    // A repeat of one that is repeatable finds what the first made, and the server has a key less to keep.
    const keyed = (input as { idempotency_key?: string }).idempotency_key !== undefined
    if (operation.idempotent && !operation.repeatable && !keyed) request.headers['idempotency-key'] = randomUUID()

    const held = heldFor(operation, input)
    const expired = new AbortController()
    const done = new AbortController()
    const ends = [expired.signal, callOptions.signal, held > 0 ? closing.signal : undefined]
    const others = ends.filter((end) => end !== undefined)
    // Most calls end by nothing but their timeout, and joining signals costs more than all else here.
    const signal = others.length > 1 ? AbortSignal.any(others) : expired.signal
    void pacing.sleep(held + timeout_ms, done.signal).then(() => expired.abort())
    const deadline = pacing.now() + held + timeout_ms

    let last: SpineError | undefined
    try {
      for (let tries = 1; ; tries += 1) {
        try {
          return await exchange(operation, request, signal, callOptions)
        } catch (error) {
          if (callOptions.signal?.aborted) throw callOptions.signal.reason
          if (held > 0 && closing.signal.aborted) throw closedError()
          if (expired.signal.aborted)
            throw last ?? new SpineError('CALL_TIMEOUT', `${base} did not answer within ${held + timeout_ms} ms.`)
          if (!(error instanceof SpineError && mayRepeat(operation, error, tries))) throw error
          const pause = pauseBefore(tries, error, pacing.random)
          if (pacing.now() + pause > deadline) throw error
          last = error
          await pacing.sleep(pause, signal)
        }
      }
    } finally {
      // With a reason of ours no error object is made for it.
      done.abort('done')
    }
  }

  const { send, send_many, settle } = contract.deliveries
  const settleGathered = gather<{ action: SettleAction; input: object }>({
    one: ({ action, input }) => call(contract.deliveries[action], input),
    many: (calls) => {
      const items = calls.map(({ action, input }) => ({ ...input, action }))
      return call(settle, { items }) as ReturnType<Spine['deliveries']['settle']>
    },
  })
  const sendGathered = gather<{ input: object; request: WireRequest }>({
    one: ({ input, request }) => call(send, input, {}, request),
    many: (calls) => {
      const request = requestOfMany(
        send_many,
        calls.map((one) => one.request),
      )
      return call(send_many, {}, {}, request) as ReturnType<Spine['deliveries']['send_many']>
    },
    sizeOf: ({ request }) => request.body?.length ?? 0,
  })

  const begin = async (operation: Operation, input: unknown, callOptions: CallOptions): Promise<unknown> => {
    if (closing.signal.aborted) throw closedError()
    // A call that can be ended or hears warnings of its own goes for itself.
    const alone = callOptions.signal !== undefined || callOptions.onWarning !== undefined
    if (alone || typeof input !== 'object' || input === null) return call(operation, input, callOptions)
    const action = settleActions.find((name) => contract.deliveries[name] === operation)
    if (action !== undefined) return settleGathered({ action, input })
    if (operation !== send) return call(operation, input, callOptions)
    const { wait = 'none', timeout_ms, ...item } = input as { wait?: string; timeout_ms?: number }
    if (wait !== 'none' || timeout_ms !== undefined) return call(send, input)
    return sendGathered({ input: item, request: requestOf(send, item) })
  }

  const operations = operationsOf(contract, (_group, _name, operation, input, callOptions) => {
    const calling = begin(operation, input, callOptions)
    const settled: Promise<unknown> = calling.then(
      () => inFlight.delete(settled),
      () => inFlight.delete(settled),
    )
    inFlight.add(settled)
    return calling
  })

  return Object.freeze({
    ...operations,
    /** Ends waits, lets the other calls finish, refuses new ones. */
    async close() {
      closing.abort()
      await Promise.all(inFlight)
      transport.close()
    },
  })
}

/** The warnings beside an answer: a JSON array of texts in one header. */
function warningsOf(header: string | undefined): string[] {
  if (!header) return []
  try {
    const warnings: unknown = JSON.parse(header)
    return Array.isArray(warnings) ? warnings.map(String) : [header]
  } catch {
    return [header]
  }
}
