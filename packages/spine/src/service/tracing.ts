/**
 * Traces: a spine whose hand-overs are spans of OpenTelemetry. What seals an envelope writes its place in the trace into
 * the envelope (W3C `traceparent`), and every later hop finds its parent there, so that a chain is one trace whichever
 * nodes, processes and languages it went through. Loads @opentelemetry/api and uses the provider that is registered
 * there; whoever does not trace loads nothing.
 */

import type { Attributes, Context, Link, Span, SpanContext } from '@opentelemetry/api'
import type { Delivery } from '../protocol/delivery.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import type { HandoffInput } from '../protocol/handoff.ts'
import type { CallOptions, Spine } from '../protocol/spine.ts'

const MAX_REMEMBERED = 10_000

type Api = typeof import('@opentelemetry/api')
type Work<T> = (traceparent: string, span: Span) => Promise<T>
type SpanOf = {
  name: string
  kind: 'PRODUCER' | 'CONSUMER' | 'INTERNAL'
  attributes: Attributes
  parent: string | undefined
  link?: string | undefined
}

/** The same spine, traced. */
export async function traced(spine: Spine): Promise<Spine> {
  const api = await import('@opentelemetry/api')
  const { around, mark } = spansOf(api)
  const traces = tracesOf(spine)

  const create: Spine['handoffs']['create'] = async (input, options = {}) => {
    const parent = input.traceparent ?? options.traceparent ?? (await traces.before(input.previous, input, options))
    const attributes = {
      ...genAi('create', input.target_agent),
      ...agents(input.source_agent, input.target_agent),
      ...ofCaller(options),
    }
    return around(
      { name: `create_handoff ${input.target_agent}`, kind: 'PRODUCER', attributes, parent },
      async (traceparent, span) => {
        const envelope = await spine.handoffs.create({ ...input, traceparent }, options)
        span.setAttributes(ofEnvelope(envelope))
        return envelope
      },
    )
  }

  type Sent = Pick<Parameters<Spine['deliveries']['send']>[0], 'envelope' | 'envelope_id' | 'target' | 'wait'>

  const sendSpan = async (input: Sent, options: CallOptions): Promise<SpanOf> => {
    const envelope = (input.envelope as Envelope | undefined) ?? (await traces.envelope(input.envelope_id, options))
    const target = input.target ?? envelope?.target_agent ?? 'unknown'
    const attributes = {
      ...genAi('invoke_agent', target),
      ...agents(envelope?.source_agent, target),
      ...ofCaller(options),
      ...(envelope ? ofEnvelope(envelope) : {}),
      'memory_spine.delivery.wait': input.wait ?? 'none',
    }
    const parent = envelope?.traceparent ?? options.traceparent
    return { name: `deliver_handoff ${target}`, kind: 'PRODUCER', attributes, parent, link: options.traceparent }
  }

  const send: Spine['deliveries']['send'] = async (input, options = {}) =>
    around(await sendSpan(input, options), async (_, span) => {
      const delivery = await spine.deliveries.send(input, options)
      span.setAttributes(ofDelivery(delivery))
      return delivery
    })

  const send_many: Spine['deliveries']['send_many'] = async (input, options = {}) => {
    const answer = await spine.deliveries.send_many(input, options)
    for (const [index, { delivery, error }] of answer.results.entries()) {
      const { attributes, ...span } = await sendSpan(input.items[index] ?? {}, options)
      mark({ ...span, attributes: { ...attributes, ...(delivery && ofDelivery(delivery)), 'error.type': error?.code } })
    }
    return answer
  }

  const publish: Spine['channels']['publish'] = async (input, options = {}) => {
    const envelope = (input.envelope as Envelope | undefined) ?? (await traces.envelope(input.envelope_id, options))
    const attributes = {
      ...agents(envelope?.source_agent, undefined),
      ...ofCaller(options),
      ...(envelope ? ofEnvelope(envelope) : {}),
      'memory_spine.channel': input.channel,
      'memory_spine.receivers': input.receivers.length,
    }
    const parent = envelope?.traceparent ?? options.traceparent
    return around(
      { name: `deliver_handoff ${input.channel}`, kind: 'PRODUCER', attributes, parent, link: options.traceparent },
      () => spine.channels.publish(input, options),
    )
  }

  const receive: Spine['deliveries']['receive'] = async (input, options = {}) => {
    const answer = await spine.deliveries.receive(input, { ...options, opaque: false })
    for (const delivery of answer.deliveries) {
      const { envelope } = delivery
      traces.remember(delivery.id, envelope.traceparent)
      const attributes = {
        ...genAi('invoke_agent', delivery.target),
        ...agents(envelope.source_agent, delivery.target),
        ...ofCaller(options),
        ...ofEnvelope(envelope),
        ...ofDelivery(delivery),
        'memory_spine.delivery.attempt': delivery.attempt,
      }
      mark({
        name: `receive_handoff ${delivery.target}`,
        kind: 'CONSUMER',
        attributes,
        parent: envelope.traceparent,
        link: options.traceparent,
      })
    }
    return answer
  }

  const complete: Spine['deliveries']['complete'] = async (input, options = {}) => {
    const parent = await traces.ofDelivery(input.id, options)
    const attributes = { ...ofCaller(options), 'memory_spine.delivery.id': input.id }
    return around(
      { name: 'complete_handoff', kind: 'INTERNAL', attributes, parent, link: options.traceparent },
      async (_, span) => {
        const delivery = await spine.deliveries.complete(input, options)
        span.setAttributes({ ...agents(delivery.source_agent, delivery.target), ...ofDelivery(delivery) })
        return delivery
      },
    )
  }

  const forward: Spine['deliveries']['forward'] = async (input, options = {}) => {
    const parent = input.handoff.traceparent ?? (await traces.ofDelivery(input.id, options)) ?? options.traceparent
    const to = input.handoff.target_agent ?? input.channel
    const attributes = {
      ...genAi('create', to),
      ...agents(undefined, to),
      ...ofCaller(options),
      'memory_spine.delivery.id': input.id,
    }
    return around(
      {
        name: to === undefined ? 'forward_handoff' : `forward_handoff ${to}`,
        kind: 'PRODUCER',
        attributes,
        parent,
        link: options.traceparent,
      },
      async (traceparent, span) => {
        const answer = await spine.deliveries.forward({ ...input, handoff: { ...input.handoff, traceparent } }, options)
        span.setAttributes(ofEnvelope(answer.envelope))
        return answer
      },
    )
  }

  return Object.freeze({
    ...spine,
    handoffs: Object.freeze({ ...spine.handoffs, create }),
    deliveries: Object.freeze({ ...spine.deliveries, send, send_many, receive, complete, forward }),
    channels: Object.freeze({ ...spine.channels, publish }),
  })
}

function spansOf(api: Api) {
  const tracer = api.trace.getTracer('memory-spine')
  const contextOf = (traceparent: string | undefined): Context => {
    const parent = parseTraceparent(traceparent)
    // Without a parent of its own it belongs to what the process is doing.
    return parent ? api.trace.setSpanContext(api.ROOT_CONTEXT, parent) : api.context.active()
  }
  const start = ({ name, kind, attributes, parent, link }: SpanOf): Span => {
    const other = link === parent ? undefined : parseTraceparent(link)
    const links: Link[] = other ? [{ context: other }] : []
    return tracer.startSpan(name, { kind: api.SpanKind[kind], attributes: known(attributes), links }, contextOf(parent))
  }
  return {
    async around<T>(of: SpanOf, work: Work<T>): Promise<T> {
      const span = start(of)
      try {
        return await work(traceparentOf(span.spanContext()), span)
      } catch (error) {
        const code = error instanceof SpineError ? error.code : 'INTERNAL'
        span.setAttribute('error.type', code)
        span.setStatus({
          code: api.SpanStatusCode.ERROR,
          message: error instanceof Error ? error.message : String(error),
        })
        throw error
      } finally {
        span.end()
      }
    },
    /** A moment. */
    mark: (of: SpanOf) => start(of).end(),
  }
}

/** Where the traces of envelopes and deliveries are found that this call only names. */
function tracesOf(spine: Spine) {
  const remembered = new Map<string, string>()

  const remember = (id: string, traceparent: string | undefined): void => {
    if (traceparent === undefined) return
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(String(remembered.keys().next().value))
    remembered.set(id, traceparent)
  }
  /** Tracing never fails a call: what cannot be found has no parent. */
  const found = <T>(work: Promise<T>): Promise<T | undefined> => work.catch(() => undefined)
  const envelope = async (id: string | undefined, options: CallOptions): Promise<Envelope | undefined> =>
    id === undefined ? undefined : found(spine.handoffs.get({ id }, quiet(options)))
  const ofDelivery = async (id: string, options: CallOptions): Promise<string | undefined> => {
    if (remembered.has(id)) return remembered.get(id)
    const delivery = await found(spine.deliveries.get({ id }, quiet(options)))
    return (await envelope(delivery?.envelope_id, options))?.traceparent
  }
  /** What the agent holds, if that is one delivery: the service will infer the same. */
  const held = async (agent: string | undefined, options: CallOptions): Promise<string | undefined> => {
    if (agent === undefined) return undefined
    const of = (state: 'leased' | 'accepted') =>
      found(spine.deliveries.list({ target: agent, state, limit: 2 }, quiet(options)))
    const lists = await Promise.all([of('leased'), of('accepted')])
    const deliveries = lists.flatMap((list) => list?.deliveries ?? []) as Delivery[]
    const [one, ...others] = deliveries
    return one && others.length === 0 ? (await envelope(one.envelope_id, options))?.traceparent : undefined
  }

  return {
    remember,
    envelope,
    ofDelivery,
    async before(
      previous: HandoffInput['previous'],
      call: HandoffInput,
      options: CallOptions,
    ): Promise<string | undefined> {
      if (previous === null) return undefined
      if (previous === undefined) return held(options.identity?.agent ?? call.source_agent, options)
      const [id] = [previous].flat()
      if (id === undefined) return undefined
      return (await envelope(id, options))?.traceparent ?? ofDelivery(id, options)
    },
  }
}

/** A look beside the call: its caller is not warned twice. */
const quiet = ({ identity, signal }: CallOptions): CallOptions => ({ ...(identity ? { identity } : {}), signal })

const known = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))

/** The conventions for generative AI have no hand-over yet; what exists is used, the rest is ours. */
const genAi = (operation: 'create' | 'invoke_agent', agent: string | undefined): Attributes =>
  known({ ...(operation === 'invoke_agent' ? { 'gen_ai.operation.name': operation } : {}), 'gen_ai.agent.name': agent })

const agents = (source: string | undefined, target: string | undefined): Attributes =>
  known({ 'memory_spine.source_agent': source, 'memory_spine.target_agent': target })

const ofCaller = ({ identity }: CallOptions): Attributes => known({ 'memory_spine.namespace': identity?.namespace })

function ofEnvelope(envelope: Envelope): Attributes {
  const { id, chain, task, token_count, budget, completeness, receipts } = envelope
  return known({
    'gen_ai.conversation.id': task?.id ?? chain?.root_id,
    'memory_spine.envelope.id': id,
    'memory_spine.chain.root_id': chain?.root_id,
    'memory_spine.chain.hop': chain?.hop,
    'memory_spine.tokens.used': token_count,
    'memory_spine.tokens.budget': budget?.max_tokens,
    'memory_spine.completeness.score': completeness?.score,
    'memory_spine.completeness.gaps': completeness?.gaps?.length,
    'memory_spine.trimmed': receipts ? receipts.trimmed.length + receipts.omitted_count : undefined,
  })
}

const ofDelivery = ({ id, state, attempts }: Delivery): Attributes => ({
  'memory_spine.delivery.id': id,
  'memory_spine.delivery.state': state,
  'memory_spine.delivery.attempts': attempts,
})

/** Version 00 of W3C Trace Context; anything else is no context. */
function parseTraceparent(text: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] =
    /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(text ?? '') ?? []
  if (traceId === '' || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}

const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
