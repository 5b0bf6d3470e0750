import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { canonicalBytes, exactBytes } from '../protocol/canonical.ts'
import { HandoffTimeoutError, SpineError, toProblem } from '../protocol/errors.ts'
import { connect } from './connect.ts'
import { deliveryOf, type Loose, manualPacing, sealedEnvelope, turn } from './fakes.test.ts'

type Seen = { method: string; url: string; headers: IncomingMessage['headers']; body: string }
type Reply = { status?: number; headers?: Record<string, string>; body?: string; hang?: boolean; cut?: boolean }

/** A real server on a free port that answers with the replies in turn, the last one for ever. */
async function serverOf(t: TestContext, ...replies: Reply[]) {
  const seen: Seen[] = []
  const sockets = new Set<unknown>()
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    sockets.add(request.socket)
    seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
    const reply = replies[Math.min(seen.length, replies.length) - 1] ?? {}
    server.emit('seen')
    if (reply.cut) request.socket.destroy()
    if (reply.cut || reply.hang) return
    response
      .writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers })
      .end(reply.body ?? '{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, sockets, server }
}

/** No clock is turned here: the retries sleep for no time, timeouts are far away. */
const eager = {
  ...manualPacing(),
  sleep: async (ms: number, signal?: AbortSignal) => (ms < 10_000 ? undefined : untilWoken(signal)),
}
const untilWoken = (signal?: AbortSignal) =>
  new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))

const problem = (code: Parameters<typeof toProblem>[0]['code'], extra = {}) =>
  JSON.stringify(toProblem(new SpineError(code, 'because', extra)))

test('the exact bytes of an envelope survive receive and send, whoever formatted it', async (t) => {
  const sealed = sealedEnvelope({ newer: { field: 1 } })
  const text = JSON.stringify(sealed, null, 2).replace('"newer"', '"\\u006eewer"')
  const body = `{"deliveries": [ ${JSON.stringify({ ...deliveryOf(), attempt: 1, lease_token: 't', lease_until: 'x' }).slice(0, -1)} , "envelope": ${text} } ]}`
  const { endpoint, seen } = await serverOf(t, { body }, { status: 201, body: '{}' })
  const spine = connect({ endpoint })

  const { deliveries } = await spine.deliveries.receive({ agent: 'coder' })
  const envelope = deliveries[0]?.envelope as Loose
  assert.equal(envelope.newer.field, 1)
  assert.equal(new TextDecoder().decode(exactBytes(envelope)), text)
  await spine.deliveries.send({ envelope, target: 'next' })
  assert.equal(seen[1]?.body, `{"envelope":${text},"target":"next"}`)
  assert.throws(() => {
    envelope.task.intent = 'something else'
  }, TypeError)
})

test('sends of one turn travel together; each hears its own answer, and one that waits goes for itself', async (t) => {
  const refusal = { code: 'ENVELOPE_NOT_FOUND', detail: 'not there' }
  const body = JSON.stringify({ results: [{ delivery: { id: 'd1' } }, { error: refusal }] })
  const { endpoint, seen } = await serverOf(t, { body }, { status: 201, body: '{"id":"d3"}' })
  const spine = connect({ endpoint })
  const sealed = sealedEnvelope()
  const [one, other] = await Promise.allSettled([
    spine.deliveries.send({ envelope: sealed, wait: 'none' }),
    spine.deliveries.send({ envelope_id: 'env-2', priority: 'high' }),
  ])
  assert.deepEqual(one.status === 'fulfilled' && one.value, { id: 'd1' })
  assert.equal(other.status === 'rejected' && other.reason.code, 'ENVELOPE_NOT_FOUND')
  await spine.deliveries.send({ envelope_id: 'env-3', wait: 'accepted' })
  const text = new TextDecoder().decode(exactBytes(sealed))
  assert.deepEqual(
    seen.map((request) => [request.url, request.body]),
    [
      ['/v1/deliveries/batch', `{"items":[{"envelope":${text}},{"envelope_id":"env-2","priority":"high"}]}`],
      ['/v1/deliveries', '{"envelope_id":"env-3","wait":"accepted"}'],
    ],
  )
})

test('what is spoilt by one of many is sent again one by one, and too much for one request in several', async (t) => {
  const { endpoint, seen } = await serverOf(
    t,
    { status: 400, body: problem('INVALID_INPUT') },
    { status: 201, body: '{"id":"d"}' },
  )
  const spine = connect({ endpoint })
  await Promise.all(['env-1', 'env-2'].map((envelope_id) => spine.deliveries.send({ envelope_id })))
  assert.deepEqual(
    seen.map(({ url }) => url),
    ['/v1/deliveries/batch', '/v1/deliveries', '/v1/deliveries'],
  )

  const silent = await serverOf(t, { body: '{}' }, { status: 201, body: '{"id":"d"}' })
  const other = connect({ endpoint: silent.endpoint })
  const answers = await Promise.all(['env-1', 'env-2'].map((envelope_id) => other.deliveries.send({ envelope_id })))
  assert.deepEqual(answers, [{ id: 'd' }, { id: 'd' }])

  const large = () => ({ envelope: { note: 'x'.repeat(100_000) } })
  await Promise.all([spine.deliveries.send(large()), spine.deliveries.send(large())])
  assert.deepEqual(
    seen.slice(3).map(({ url }) => url),
    ['/v1/deliveries', '/v1/deliveries'],
  )
})

test('an envelope that is the whole answer, or one of a lineage, remembers its bytes', async (t) => {
  const sealed = sealedEnvelope()
  const text = new TextDecoder().decode(canonicalBytes(sealed))
  const { endpoint } = await serverOf(t, { body: text }, { body: `{"envelopes":[${text}, ${text}]}` })
  const spine = connect({ endpoint })
  const whole = await spine.handoffs.get({ id: 'env-1' })
  const { envelopes } = await spine.handoffs.lineage({ id: 'env-1' })
  for (const envelope of [whole, ...envelopes]) assert.equal(new TextDecoder().decode(exactBytes(envelope)), text)
  assert.equal(envelopes.length, 2)
})

test('the key and the namespace travel with every call, a path before the routes is kept', async (t) => {
  const { endpoint, seen } = await serverOf(t, {})
  await connect({ endpoint: `${endpoint}/spine/`, api_key: 'k1', namespace: 'blue' }).memories.list({
    limit: 5,
    pinned: true,
  })
  assert.equal(seen[0]?.url, '/spine/v1/memories?limit=5&pinned=true')
  assert.equal(seen[0]?.headers.authorization, 'Bearer k1')
  assert.equal(seen[0]?.headers['spine-namespace'], 'blue')
})

test('a server that is not there is UNREACHABLE, with the address in the words', async (t) => {
  const { endpoint, server } = await serverOf(t, {})
  server.close()
  await once(server, 'close')
  await assert.rejects(connect({ endpoint, pacing: eager }).agents.list({}), (error: SpineError) => {
    assert.equal(error.code, 'UNREACHABLE')
    assert.equal(error.retryable, true)
    assert.ok(error.message.includes(endpoint) && error.message.includes('ECONNREFUSED'))
    return true
  })
})

test('a cut connection is tried again with the same idempotency key', async (t) => {
  const { endpoint, seen } = await serverOf(t, { cut: true }, { cut: true }, { status: 201, body: '{"memories":[]}' })
  await connect({ endpoint, pacing: eager }).memories.store({ content: 'x' })
  const keys = new Set(seen.map(({ headers }) => headers['idempotency-key']))
  assert.equal(seen.length, 3)
  assert.equal(keys.size, 1)
  assert.match(String([...keys][0]), /^[0-9a-f-]{36}$/)
})

test('a key that the caller gives is the one that is sent', async (t) => {
  const { endpoint, seen } = await serverOf(t, { status: 201 })
  await connect({ endpoint }).memories.store({ content: 'x', idempotency_key: 'mine' })
  assert.equal(seen[0]?.headers['idempotency-key'], undefined)
  assert.equal(JSON.parse(seen[0]?.body ?? '').idempotency_key, 'mine')
})

test('a call gives up after three more tries', async (t) => {
  const { endpoint, seen } = await serverOf(t, { cut: true })
  await assert.rejects(connect({ endpoint, pacing: eager }).tasks.get({ id: 'T1' }), { code: 'UNREACHABLE' })
  assert.equal(seen.length, 4)
})

test('what would be done twice is not tried again', async (t) => {
  const { endpoint, seen } = await serverOf(t, { cut: true })
  const spine = connect({ endpoint, pacing: eager })
  await assert.rejects(spine.memories.update({ id: 'ms-1', title: 'x' }), { code: 'UNREACHABLE' })
  await assert.rejects(spine.deliveries.receive({ agent: 'a' }), { code: 'UNREACHABLE' })
  assert.equal(seen.length, 2)
})

test('Retry-After is honoured', async (t) => {
  const { endpoint, server } = await serverOf(
    t,
    { status: 503, headers: { 'retry-after': '7' }, body: problem('OVERLOADED') },
    {},
  )
  const pacing = manualPacing({ random: () => 0 })
  const answered = once(server, 'seen')
  const call = connect({ endpoint, pacing }).agents.list({})
  await answered
  while (pacing.sleeping.length < 2) await turn()
  assert.ok(pacing.sleeping.includes(7_000))
  await pacing.advance(7_000)
  await call
})

test('a refusal comes back as the error that was thrown, with what it promises', async (t) => {
  const parts = [{ part: 'intent', tokens: 900 }]
  const { endpoint, seen } = await serverOf(t, { status: 422, body: problem('BUDGET_TOO_SMALL', { parts }) })
  await assert.rejects(
    connect({ endpoint }).handoffs.create({ target_agent: 'a', task_summary: 'b' }),
    (error: SpineError) => {
      assert.equal(error.code, 'BUDGET_TOO_SMALL')
      assert.deepEqual(error.extra.parts, parts)
      return true
    },
  )
  assert.equal(seen.length, 1)
})

test('nobody accepted in time is an error to catch by name', async (t) => {
  const { endpoint, seen } = await serverOf(t, { status: 504, body: problem('ACK_TIMEOUT') })
  await assert.rejects(
    connect({ endpoint }).deliveries.send({ envelope_id: 'e', wait: 'accepted' }),
    HandoffTimeoutError,
  )
  assert.equal(seen.length, 1)
})

test('a gateway without a problem document is UNREACHABLE, an answer without JSON is INTERNAL', async (t) => {
  const { endpoint } = await serverOf(t, ...Array(4).fill({ status: 502, body: '<html>' }), { body: 'hello' })
  const spine = connect({ endpoint, pacing: eager })
  await assert.rejects(spine.agents.list({}), { code: 'UNREACHABLE' })
  await assert.rejects(spine.agents.list({}), { code: 'INTERNAL' })
})

test('a call that hangs ends as CALL_TIMEOUT, after the time that it waits on purpose', async (t) => {
  const { endpoint, server } = await serverOf(t, { hang: true })
  const pacing = manualPacing()
  const arrived = once(server, 'seen')
  const call = connect({ endpoint, pacing, timeout_ms: 1_000 }).deliveries.receive({ agent: 'a', wait_ms: 5_000 })
  const refused = assert.rejects(call, { code: 'CALL_TIMEOUT' })
  await arrived
  await pacing.advance(5_999)
  assert.deepEqual(pacing.sleeping, [1])
  await pacing.advance(1)
  await refused
})

test('a caller that aborts gets its own reason', async (t) => {
  const { endpoint, server } = await serverOf(t, { hang: true })
  const ending = new AbortController()
  const call = connect({ endpoint }).deliveries.receive({ agent: 'a' }, { signal: ending.signal })
  await once(server, 'seen')
  ending.abort(new Error('enough'))
  await assert.rejects(call, { message: 'enough' })
})

test('close ends waits and refuses new calls', async (t) => {
  const { endpoint, server } = await serverOf(t, { hang: true })
  const spine = connect({ endpoint })
  const wait = assert.rejects(spine.deliveries.receive({ agent: 'a' }), { code: 'SHUTTING_DOWN' })
  await once(server, 'seen')
  await spine.close()
  await wait
  await assert.rejects(spine.agents.list({}), { code: 'SHUTTING_DOWN', next: /open a new one/ })
})

test('warnings beside an answer are handed to the caller', async (t) => {
  const { endpoint } = await serverOf(t, { headers: { 'spine-warnings': '["pins take 40 %"]' }, body: '{}' })
  const warnings: string[] = []
  await connect({ endpoint }).memories.list({}, { onWarning: (warning) => warnings.push(warning) })
  assert.deepEqual(warnings, ['pins take 40 %'])
})

test('many calls share their connections', async (t) => {
  const { endpoint, sockets } = await serverOf(t, {})
  const spine = connect({ endpoint })
  for (let round = 0; round < 25; round += 1) await Promise.all(Array.from({ length: 20 }, () => spine.agents.list({})))
  assert.ok(sockets.size <= 80, `${sockets.size} connections for 500 calls, 20 at a time`)
})

test('an endpoint or a key that cannot be sent is refused at once', () => {
  assert.throws(() => connect({ endpoint: 'localhost:8788' }), { code: 'INVALID_INPUT' })
  assert.throws(() => connect({ endpoint: 'http://x', api_key: 'a\nb' }), { code: 'INVALID_INPUT' })
})

test('a fetch given by the caller is the one that is used', async () => {
  const spine = connect({ endpoint: 'http://x', fetch: async () => new Response('{"agents":[]}') })
  assert.deepEqual(await spine.agents.list({}), { agents: [] })
})
