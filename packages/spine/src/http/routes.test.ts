// Requests become inputs, outputs become answers: where members travel, what is refused, which bytes come through.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exactBytes, rememberBytes } from '../protocol/canonical.ts'
import { operations } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { createServer } from './create-server.ts'
import { exampleRequests, fakeSpine, type Loose, post, send, serve } from './fakes.test.ts'
import { systemPaths } from './system-routes.ts'

const text = (document: object) => new TextDecoder().decode(exactBytes(document))

test('every operation of the contract is reached by its route and answers with its status', async (t) => {
  const { endpoint, calls } = await serve(t)
  for (const { id, path, sent, operation } of exampleRequests()) {
    const { status, json } = await send(endpoint, path, sent)
    assert.equal(status, operation.status ?? 200, `${id}: ${JSON.stringify(json)}`)
    assert.equal(calls.at(-1)?.name, id)
  }
  assert.equal(calls.length, operations().length)
})

test('a route that is not in the contract does not exist, whatever the method', async (t) => {
  const { endpoint, calls } = await serve(t)
  const known = new Set(operations().map(({ operation }) => `${operation.method} ${operation.path}`))
  const paths = new Set([...operations().map(({ operation }) => operation.path), '/v1', '/v2/memories'])
  for (const path of paths)
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      if (known.has(`${method} ${path}`)) continue
      const other = path.replace(/:\w+/g, 'x1')
      if ([...known].some((route) => route.replace(/:\w+/g, 'x1') === `${method} ${other}`)) continue
      // Paths such as /v1/memories/search are an id to another method.
      const covered = operations().some(
        ({ operation }) =>
          operation.method === method && new RegExp(`^${operation.path.replace(/:\w+/g, '[^/]+')}$`).test(other),
      )
      if (covered) continue
      const { status, json } = await send(endpoint, other, { method })
      assert.deepEqual([status, json?.code], [404, 'ROUTE_NOT_FOUND'], `${method} ${path}`)
    }
  assert.equal((await send(endpoint, '/v1/memories', { method: 'HEAD' })).status, 404)
  for (const path of systemPaths) assert.equal((await send(endpoint, path, { method: 'POST' })).status, 404)
  assert.equal(calls.length, 0)
})

test('a wrong method is told the right ones', async (t) => {
  const { endpoint } = await serve(t)
  const { json } = await send(endpoint, '/v1/memories/ms-1', { method: 'PUT' })
  assert.match(json.detail, /no PUT, only GET and PATCH and DELETE/)
})

test('path wins over the body, If-Match and Idempotency-Key become members, quotes taken off', async (t) => {
  const { endpoint, calls } = await serve(t)
  const json = { 'content-type': 'application/json' }
  await send(endpoint, '/v1/memories/ms-1', {
    method: 'PATCH',
    headers: { ...json, 'if-match': '"3"' },
    body: '{"title":"t","id":"ms-2"}',
  })
  assert.deepEqual(calls[0]?.input, { title: 't', id: 'ms-1', if_match: '3' })
  await post(endpoint, '/v1/memories', { content: 'x', idempotency_key: 'body' }, { 'idempotency-key': 'header' })
  assert.equal(calls[1]?.input.idempotency_key, 'header')
  await post(endpoint, '/v1/memories/search', { query: 'x' }, { 'idempotency-key': 'header' })
  assert.equal(calls[2]?.input.idempotency_key, undefined)
})

test('a query is decoded, and refused when it is ambiguous, broken or for an operation with a body', async (t) => {
  const { endpoint, calls } = await serve(t)
  assert.equal((await send(endpoint, '/v1/handoffs?target_agent=%E8%AA%BF%E6%9F%BB+%F0%9F%98%80&limit=5')).status, 200)
  assert.equal(calls[0]?.input.target_agent, '調査 😀')
  await send(endpoint, '/v1/handoffs?target_agent=who?&limit=5')
  assert.deepEqual([calls[1]?.input.target_agent, calls[1]?.input.limit], ['who?', '5'])
  for (const query of [
    'limit=1&limit=2',
    'target_agent=%ff',
    'target_agent=%2',
    'limit=0',
    'limit=x',
    'unknown=1',
    '__proto__=1',
    'after=%00',
  ]) {
    const { status } = await send(endpoint, `/v1/handoffs?${query}`)
    assert.equal(status, 400, query)
  }
  const { json } = await post(endpoint, '/v1/agents/coder/receive?max=5', {})
  assert.deepEqual([json.code, json.issues[0].path], ['INVALID_INPUT', 'query'])
  assert.equal(calls.length, 2)
})

test('an input that does not fit is answered with the fields at fault', async (t) => {
  const { endpoint } = await serve(t)
  const { status, headers, json } = await post(endpoint, '/v1/deliveries/dlv-1/nack', {
    lease_token: 't',
    kind: 'never',
  })
  assert.equal(status, 400)
  assert.equal(headers['content-type'], 'application/problem+json')
  assert.equal(json.code, 'INVALID_INPUT')
  assert.deepEqual(
    json.issues.map(({ path }: Loose) => path),
    ['kind', 'reason'],
  )
})

test('a body has to be a JSON object; no body is an empty one', async (t) => {
  const { endpoint, calls } = await serve(t)
  for (const body of ['[]', '"x"', 'null', '1'])
    assert.equal((await post(endpoint, '/v1/memories', body)).json.code, 'INVALID_INPUT', body)
  assert.equal((await post(endpoint, '/v1/handoffs/import', '[]')).json.code, 'INVALID_INPUT')
  assert.equal((await send(endpoint, '/v1/handoffs/import', { method: 'POST' })).json.code, 'INVALID_JSON')
  assert.equal((await send(endpoint, '/v1/agents/coder/receive', { method: 'POST' })).status, 200)
  assert.deepEqual(
    calls.map(({ input }) => input),
    [{ agent: 'coder' }],
  )
})

test('only plain JSON in UTF-8 is read', async (t) => {
  const { endpoint, calls } = await serve(t)
  const refused: Record<string, string>[] = [
    {},
    { 'content-type': '' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'multipart/form-data; boundary=x' },
    { 'content-type': 'application/jsonx' },
    { 'content-type': 'application/json; charset=latin1' },
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    { 'content-type': 'application/json', 'content-encoding': 'br' },
  ]
  for (const headers of refused) {
    const { json } = await send(endpoint, '/v1/memories', { method: 'POST', headers, body: '{"content":"x"}' })
    assert.equal(json.code, 'UNSUPPORTED_MEDIA_TYPE', JSON.stringify(headers))
  }
  assert.equal(calls.length, 0)
  for (const type of ['application/json', 'Application/JSON;charset=UTF-8', 'application/json; charset="utf-8"'])
    assert.equal((await post(endpoint, '/v1/memories', { content: 'x' }, { 'content-type': type })).status, 201, type)
})

test('an imported document keeps its exact bytes, and so does an envelope that is sent whole', async (t) => {
  const { endpoint, calls } = await serve(t)
  const document = ' {"id" : "env-1",\n "note":"\\u00e9 é"}\n'
  await post(endpoint, '/v1/handoffs/import', document)
  assert.equal(text(calls[0]?.input.envelope), document)
  await post(endpoint, '/v1/deliveries', `{"target":"日本", "envelope" : ${document.trim()} }`)
  assert.equal(text(calls[1]?.input.envelope), document.trim())
  assert.equal(calls[1]?.input.envelope.note, 'é é')
})

test('envelopes leave as the exact bytes they are known by, alone, in a delivery and in a lineage', async (t) => {
  const bytes = (note: string) => new TextEncoder().encode(`{ "id":"env-1" ,"note" : "${note}"}`)
  const envelope = (note: string) => rememberBytes({ id: 'env-1', note: 'never written' }, bytes(note))
  const { endpoint } = await serve(t, {
    'handoffs.get': () => envelope('é'),
    'deliveries.receive': () => ({
      deliveries: [
        { id: 'dlv-1', reason: '"envelope-0"', envelope: envelope('one') },
        { id: 'dlv-2', envelope: envelope('\\"two\\" $& 😀') },
        { id: 'dlv-3', envelope: { id: 'env-2' } },
      ],
    }),
    'handoffs.lineage': () => ({ envelopes: [envelope('a'), envelope('b')] }),
  })
  assert.deepEqual((await send(endpoint, '/v1/handoffs/env-1')).bytes, Buffer.from(bytes('é')))
  const { bytes: received, json } = await post(endpoint, '/v1/agents/coder/receive', {})
  assert.equal(
    received.toString(),
    `{"deliveries":[{"id":"dlv-1","reason":"\\"envelope-0\\"","envelope":{ "id":"env-1" ,"note" : "one"}},{"id":"dlv-2","envelope":{ "id":"env-1" ,"note" : "\\"two\\" $& 😀"}},{"id":"dlv-3","envelope":{"id":"env-2"}}]}`,
  )
  assert.equal(json.deliveries[1].envelope.note, '"two" $& 😀')
  const { bytes: chain } = await send(endpoint, '/v1/handoffs/env-1/lineage')
  assert.equal(chain.toString(), `{"envelopes":[{ "id":"env-1" ,"note" : "a"},{ "id":"env-1" ,"note" : "b"}]}`)
})

test('warnings travel as a header that any client can read, however many and in whatever script', async (t) => {
  let given: string[] = []
  const { endpoint } = await serve(t, {
    'handoffs.create': (_input, { onWarning }) => {
      for (const warning of given) onWarning?.(warning)
      return { id: 'env-1' }
    },
  })
  const create = () => post(endpoint, '/v1/handoffs', { target_agent: 'coder', task_summary: 'x' })
  const warnings = async () => JSON.parse(String((await create()).headers['spine-warnings'] ?? 'null'))
  assert.equal(await warnings(), null)
  given = ['pins take 40 %', '調査\r\nX-Injected: 1 😀']
  assert.deepEqual(await warnings(), given)
  given = Array.from({ length: 500 }, (_, index) => `warning ${index}`)
  assert.match((await warnings()).at(-1), /^and \d+ more$/)
  given = ['x'.repeat(10_000)]
  assert.deepEqual(await warnings(), ['1 warnings, too long to be told here'])
})

test('what the spine refuses is a problem document with what its code promises', async (t) => {
  const { endpoint } = await serve(t, {
    'handoffs.create': () => {
      throw new SpineError('BUDGET_TOO_SMALL', 'too small', { parts: [{ part: 'intent', tokens: 900 }] })
    },
    'memories.get': () => {
      throw new SpineError('STORAGE_FAILED', 'no disk', { retry_after_ms: 2_500, cause: new Error('EIO at /secret') })
    },
    'deliveries.send': () => {
      throw new SpineError('ACK_TIMEOUT', 'nobody')
    },
  })
  const small = await post(endpoint, '/v1/handoffs', { target_agent: 'coder', task_summary: 'x' })
  assert.deepEqual([small.status, small.json.parts[0].tokens, small.json.retryable], [422, 900, false])
  assert.equal(small.json.type, '/docs#budget-too-small')
  assert.equal(small.headers['retry-after'], undefined)
  const failed = await send(endpoint, '/v1/memories/ms-1')
  assert.deepEqual([failed.status, failed.headers['retry-after']], [503, '3'])
  assert.doesNotMatch(failed.bytes.toString(), /secret/)
  const late = await post(endpoint, '/v1/deliveries', { envelope_id: 'env-1' })
  assert.deepEqual([late.status, late.headers['retry-after']], [504, undefined])
})

test('a failure that nobody foresaw tells the caller an id, and the log the cause', async (t) => {
  const { endpoint, log } = await serve(t, {
    'memories.get': () => {
      throw new TypeError('cannot read /etc/passwd')
    },
  })
  const { status, json, headers, bytes } = await send(endpoint, '/v1/memories/ms-1')
  assert.deepEqual([status, json.code, json.retryable], [500, 'INTERNAL', true])
  assert.equal(json.request_id, headers['spine-request-id'])
  assert.doesNotMatch(bytes.toString(), /passwd|TypeError|\.ts/)
  const line = log.find((entry) => entry.includes('/etc/passwd'))
  assert.equal(JSON.parse(line ?? '{}').id, json.request_id)
})

test('the log has a line per request, without headers, bodies, ids, tokens or keys', async (t) => {
  const { endpoint, log, server } = await serve(t)
  await post(
    endpoint,
    '/v1/deliveries/dlv-secret/complete',
    { lease_token: 'token-secret', output: 'body-secret' },
    { authorization: 'Bearer key-secret' },
  )
  await server.close()
  const [line = '{}'] = log
  const { id, method, route, status, ms, namespace } = JSON.parse(line)
  assert.deepEqual([method, route, status, namespace], ['POST', '/v1/deliveries/:id/complete', 200, 'default'])
  assert.match(id, /^[\da-f-]{36}$/)
  assert.equal(typeof ms, 'number')
  assert.doesNotMatch(log.join(''), /secret/)
})

test('every answer has the headers that keep browsers careful, and none for other origins', async (t) => {
  const { endpoint } = await serve(t)
  for (const path of [...systemPaths, '/v1/memories', '/nowhere', '/v1/memories/%ff']) {
    const { headers } = await send(endpoint, path)
    assert.equal(headers['x-content-type-options'], 'nosniff', path)
    assert.match(String(headers['content-security-policy']), /^default-src 'none'/, path)
    assert.equal(headers['cache-control'], 'no-store', path)
    assert.equal(headers['access-control-allow-origin'], undefined, path)
  }
})

test('health says how late the event loop is, readiness asks the store', async (t) => {
  let broken = false
  const { endpoint, calls } = await serve(t, {
    'agents.list': () => {
      if (broken) throw new Error('closed')
      return { agents: [] }
    },
  })
  const health = await send(endpoint, '/healthz')
  assert.equal(health.status, 200)
  assert.equal(typeof health.json.event_loop_delay_p99_ms, 'number')
  assert.deepEqual((await send(endpoint, '/readyz')).json, { status: 'ready' })
  assert.equal(calls[0]?.name, 'agents.list')
  broken = true
  const { status, json, headers } = await send(endpoint, '/readyz')
  assert.deepEqual([status, json.code, headers['retry-after']], [503, 'STORAGE_FAILED', '1'])
})

test('routes can be called without a socket', async (t) => {
  const server = createServer({ spine: fakeSpine().spine, log_level: 'silent' })
  t.after(() => server.close())
  const { statusCode } = await server.inject({ method: 'GET', url: '/v1/memories', headers: { host: 'localhost' } })
  assert.equal(statusCode, 200)
})
