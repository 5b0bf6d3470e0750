/** The routes of the contract, by a loop: read the request, call the spine, write the answer. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { contract, type Operation, operations } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import type { CallOptions, Spine } from '../protocol/spine.ts'
import type { Admission, Admitted } from './admission.ts'
import { answerWriter, warningsHeader } from './answer.ts'
import { checkMediaType } from './body.ts'
import { placeOf, wantsStream, writeStream } from './event-stream.ts'
import { inputOf } from './input.ts'
import type { Authenticate } from './keys.ts'
import { releaseUndelivered } from './undelivered.ts'

export type Caller = ReturnType<Authenticate>

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, once that is known. */
    caller: Caller | null
    /** What counts it, once all of it is there. */
    admitted: Admitted | null
  }
}

export type RouteParts = { spine: Spine; admission: Admission; authenticate: Authenticate; log: Logger }

type Call = (input: unknown, options: CallOptions) => Promise<object>

export function addRoutes(app: FastifyInstance, parts: RouteParts): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('admitted', null)
  for (const { group, name, operation } of operations()) {
    const { method, path } = operation
    const call = (parts.spine[group] as unknown as Record<string, Call>)[name]
    if (!call) throw new SpineError('INTERNAL', `The spine has no operation ${group}.${name}.`)
    app.route({
      method,
      url: path,
      ...entrance(parts, operation.waits === true),
      handler: handlerOf(operation, call, parts),
    })
  }
}

/** Who asks is known from the headers; the call counts when its body is there, too. */
export function entrance({ admission, authenticate }: Pick<RouteParts, 'admission' | 'authenticate'>, waits: boolean) {
  return {
    onRequest: (request: FastifyRequest, _reply: FastifyReply, done: () => void) => {
      request.caller = authenticate(request.headers)
      checkMediaType(request.headers)
      admission.check(waits)
      done()
    },
    preHandler: (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      request.admitted = admission.enter(reply.raw, waits)
      done()
    },
  }
}

function handlerOf(operation: Operation, call: Call, { spine, admission, log }: RouteParts) {
  const write = answerWriter(operation)
  const { status = 200, repeat_status = status } = operation

  async function callSpine(input: unknown, options: CallOptions): Promise<object> {
    try {
      return await call(input, options)
    } catch (error) {
      // The wait was ended from here: the inbox was empty all the time.
      if (operation === contract.deliveries.receive && admission.draining && options.signal?.aborted)
        return { deliveries: [] }
      throw options.signal?.aborted && error === options.signal.reason ? stopped(error) : error
    }
  }

  async function answer(request: FastifyRequest, reply: FastifyReply, { identity }: Caller, admitted: Admitted) {
    const { url = '' } = request.raw
    const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''
    const { params, headers, body } = request as { params: Record<string, string>; body?: Uint8Array } & FastifyRequest
    const input = inputOf(operation, { params, query, headers, body })
    const warnings: string[] = []
    const onWarning = (warning: string) => void warnings.push(warning)
    const { traceparent } = headers
    const options = {
      identity,
      opaque: true,
      onWarning,
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
      get signal() {
        return admitted.signal
      },
    }
    if (operation.stream !== undefined && wantsStream(request)) {
      const next = (page: unknown) => callSpine(page, { identity, signal: admitted.signal })
      const place = placeOf(request, input)
      return writeStream(reply, { member: operation.stream, input: place, next, signal: admitted.signal })
    }
    const output = await callSpine(input, options)
    if (operation === contract.deliveries.receive) {
      const { deliveries } = output as { deliveries: ReceivedDelivery[] }
      const failed = (error: unknown) =>
        log.warn({ id: request.id, err: error }, 'an undelivered lease was not released')
      void admitted.during(releaseUndelivered(spine, identity, reply.raw, deliveries, failed)).catch(failed)
    }
    if (warnings.length > 0) reply.header('spine-warnings', warningsHeader(warnings))
    const { duplicate } = output as { duplicate?: boolean }
    return reply
      .code(duplicate ? repeat_status : status)
      .header('content-type', 'application/json')
      .send(write(output))
  }

  return (request: FastifyRequest, reply: FastifyReply) => {
    const { caller, admitted } = request
    if (!caller || !admitted) throw new SpineError('INTERNAL', 'A request reached its operation without being let in.')
    return admitted.during(answer(request, reply, caller, admitted))
  }
}

/** An ended wait as an error that the caller may repeat. */
const stopped = (reason: unknown) =>
  reason instanceof SpineError ? reason : new SpineError('SHUTTING_DOWN', 'The wait was ended.', { cause: reason })
