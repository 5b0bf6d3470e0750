// Traces against a real collector: what an OTLP endpoint receives over HTTP, and that nothing is loaded without one.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { connect } from '../client/connect.ts'
import type { Spine } from '../protocol/spine.ts'
import { startLocalServer } from './local-server.ts'
import { startTelemetry, wantsTraces } from './telemetry.ts'

type Value = { stringValue?: string; intValue?: number | string; doubleValue?: number }
type Span = {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId?: string
  attributes: { key: string; value: Value }[]
  links?: { traceId: string; spanId: string }[]
  status: { code?: number; message?: string }
}

const attributesOf = ({ attributes }: Span) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? (value.intValue === undefined ? value.doubleValue : Number(value.intValue)),
    ]),
  )

/** Runs `work` against a traced server; the spans that its collector received, by the end of it. */
async function collected(work: (spine: Spine, endpoint: string) => Promise<void>): Promise<Span[]> {
  const spans: Span[] = []
  const services: unknown[] = []
  const collector = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    assert.equal(`${request.method} ${request.url}`, 'POST /v1/traces')
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
      services.push(resource.attributes.find(({ key }: { key: string }) => key === 'service.name')?.value.stringValue)
      for (const scope of scopeSpans) spans.push(...scope.spans)
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  try {
    const endTelemetry = await startTelemetry(process.env)
    const store = `sqlite:${join(folder, 'spine.db')}`
    const server = await startLocalServer({ store, tracing: true, log_level: 'silent' })
    const spine = connect({ endpoint: server.endpoint })
    await work(spine, server.endpoint)
    await spine.close()
    await server.close()
    await endTelemetry()
    assert.deepEqual(new Set(services), new Set(['memory-spine']))
    return spans
  } finally {
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT
    await new Promise((resolve) => collector.close(resolve))
    await rm(folder, { recursive: true, force: true })
  }
}

const received = async (spine: Spine, agent: string) => {
  const [delivery] = (await spine.deliveries.receive({ agent, wait_ms: 0 })).deliveries
  assert.ok(delivery)
  return { id: delivery.id, lease_token: delivery.lease_token, envelope: delivery.envelope }
}

test('a chain of three agents is one trace: create, deliver, receive, forward, receive, complete', async () => {
  const spans = await collected(async (spine) => {
    const { id } = await spine.handoffs.create({
      source_agent: 'planner',
      target_agent: 'coder',
      task_summary: 'Write it.',
      task_id: 't-1',
      intent: 'Ship it.',
    })
    await spine.deliveries.send({ envelope_id: id })
    const first = await received(spine, 'coder')
    const handoff = { target_agent: 'reviewer', task_summary: 'Review it.' }
    await spine.deliveries.forward({ id: first.id, lease_token: first.lease_token, handoff })
    const second = await received(spine, 'reviewer')
    await spine.deliveries.complete({ id: second.id, lease_token: second.lease_token, output: 'good' })
  })
  assert.deepEqual(
    spans.map(({ name }) => name),
    [
      'create_handoff coder',
      'deliver_handoff coder',
      'receive_handoff coder',
      'forward_handoff reviewer',
      'receive_handoff reviewer',
      'complete_handoff',
    ],
  )
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1)
  const [create, deliver, receive, forward, receive2, complete] = spans as [Span, Span, Span, Span, Span, Span]
  assert.ok(!create.parentSpanId)
  for (const child of [deliver, receive, forward]) assert.equal(child.parentSpanId, create.spanId)
  for (const child of [receive2, complete]) assert.equal(child.parentSpanId, forward.spanId)
  const said = attributesOf(receive)
  assert.equal(said['gen_ai.operation.name'], 'invoke_agent')
  assert.equal(said['gen_ai.agent.name'], 'coder')
  assert.equal(said['gen_ai.conversation.id'], 't-1')
  assert.equal(said['memory_spine.source_agent'], 'planner')
  assert.equal(said['memory_spine.chain.hop'], 1)
  assert.equal(said['memory_spine.delivery.attempt'], 1)
  assert.equal(said['memory_spine.namespace'], 'default')
  assert.ok(Number(said['memory_spine.tokens.used']) > 0)
  assert.equal(attributesOf(forward)['memory_spine.chain.hop'], 2)
})

test('a handoff that continues what its sender holds stays in its trace, said or not', async () => {
  for (const previous of ['said', 'inferred'] as const) {
    const spans = await collected(async (spine) => {
      const { id } = await spine.handoffs.create({ target_agent: 'coder', task_summary: 'Write it.', previous: null })
      await spine.deliveries.send({ envelope_id: id })
      const held = await received(spine, 'coder')
      await spine.handoffs.create({
        source_agent: 'coder',
        target_agent: 'reviewer',
        task_summary: 'Review it.',
        ...(previous === 'said' ? { previous: held.id } : {}),
      })
    })
    assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1, previous)
  }
})

test('the trace of the caller is taken up, and a call that fails says its code', async () => {
  const trace_id = '4bf92f3577b34da6a3ce929d0e0e4736'
  const traceparent = `00-${trace_id}-00f067aa0ba902b7-01`
  const spans = await collected(async (_spine, endpoint) => {
    const post = (path: string, body: unknown) =>
      fetch(`${endpoint}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', traceparent },
        body: JSON.stringify(body),
      })
    const answer = await post('/v1/handoffs', { target_agent: 'coder', task_summary: 'Write it.' })
    const envelope = (await answer.json()) as { traceparent: string }
    assert.ok(envelope.traceparent.startsWith(`00-${trace_id}-`))
    const refused = await post('/v1/handoffs', {
      target_agent: 'coder',
      task_summary: 'Write it.',
      previous: 'env_none',
    })
    assert.equal(refused.status, 404)
  })
  assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([trace_id]))
  assert.equal(spans[0]?.parentSpanId, '00f067aa0ba902b7')
  assert.equal(spans[1]?.status.code, 2)
  assert.equal(attributesOf(spans[1] as Span)['error.type'], 'ENVELOPE_NOT_FOUND')
})

test('traces are wanted where a collector is named and nobody switched them off', () => {
  assert.equal(wantsTraces({}), false)
  assert.equal(wantsTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }), true)
  assert.equal(wantsTraces({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }), true)
  assert.equal(wantsTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED: 'true' }), false)
})

test('without a collector nothing of OpenTelemetry is loaded', async () => {
  const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const script = `
    import { registerHooks } from 'node:module'
    import { mkdtemp, rm } from 'node:fs/promises'
    import { tmpdir } from 'node:os'
    import { join } from 'node:path'
    const loaded = []
    registerHooks({ resolve(name, context, next) { loaded.push(name); return next(name, context) } })
    const { startLocalServer } = await import(${url('./local-server.ts')})
    const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
    const server = await startLocalServer({ store: 'sqlite:' + join(folder, 'spine.db'), log_level: 'silent' })
    const answer = await fetch(server.endpoint + '/v1/handoffs', { method: 'POST',
      headers: { 'content-type': 'application/json' }, body: '{"target_agent":"coder","task_summary":"Write it."}' })
    await server.close()
    await rm(folder, { recursive: true, force: true })
    console.log(JSON.stringify({ status: answer.status, otel: loaded.filter((name) => name.includes('opentelemetry')), count: loaded.length }))`
  const args = [
    ...process.execArgv.filter((flag) => flag.startsWith('--conditions')),
    '--input-type=module',
    '-e',
    script,
  ]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { status, otel, count } = JSON.parse(stdout)
  assert.deepEqual([status, otel], [201, []])
  assert.ok(count > 10)
})
