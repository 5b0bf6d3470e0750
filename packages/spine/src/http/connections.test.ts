// Connections that misbehave or end early, too many calls at a time, and how the server stops.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { test } from 'node:test'
import { limits } from '../protocol/limits.ts'
import { codeOf, exchange, gate, type Loose, post, send, serve } from './fakes.test.ts'

const head = (path: string, ...headers: string[]) =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json', ...headers, '', ''].join('\r\n')

function socketTo(endpoint: string) {
  const { hostname, port } = new URL(endpoint)
  const socket = connectSocket(Number(port), hostname)
  socket.on('error', () => {})
  return socket
}

test('headers and bodies that come too slowly are cut', async (t) => {
  const timeout = /^HTTP\/1.1 408 [\s\S]*application\/problem\+json[\s\S]*"code":"REQUEST_TIMEOUT"/
  const { endpoint, calls } = await serve(t, {}, { headers_timeout_ms: 60, request_timeout_ms: 120 })
  assert.match(await exchange(endpoint, 'GET /v1/memories HTTP/1.1\r\nHost: localhost\r\nX-Slow: '), timeout)
  assert.match(await exchange(endpoint, ''), /^(?:HTTP\/1.1 408 |$)/)
  assert.match(await exchange(endpoint, `${head('/v1/memories', 'Content-Length: 100')}{"content":`), timeout)
  assert.match(await exchange(endpoint, `${head('/v1/memories', 'Transfer-Encoding: chunked')}5\r\n{"con`), timeout)
  assert.equal(calls.length, 0)
})

test('a body that says it is too large is refused before any of it is sent', async (t) => {
  const { endpoint } = await serve(t)
  const socket = socketTo(endpoint)
  socket.write(head('/v1/memories', 'Content-Length: 10737418240'))
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1.1 413 [\s\S]*"code":"TOO_LARGE"/)
  socket.destroy()
})

test('a body that grows too large is refused without being kept, and the next request on the connection is served', async (t) => {
  const { endpoint } = await serve(t)
  const socket = socketTo(endpoint)
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  socket.write(head('/v1/memories', 'Transfer-Encoding: chunked'))
  for (let sent = 0; sent <= limits.body_bytes * 4; sent += 0x10000) socket.write(chunk)
  socket.write('0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  const chunks: Buffer[] = []
  socket.on('data', (bytes: Buffer) => chunks.push(bytes))
  await once(socket, 'close')
  const [first = '', second = ''] = Buffer.concat(chunks)
    .toString()
    .split(/(?<=})(?=HTTP)/)
  assert.match(first, /^HTTP\/1.1 413 [\s\S]*"code":"TOO_LARGE"/)
  assert.match(second, /^HTTP\/1.1 200 /)
})

test('what is not HTTP is answered with a problem and the end of the connection', async (t) => {
  const { endpoint, calls } = await serve(t)
  const get = (...headers: string[]) => ['GET /healthz HTTP/1.1', 'Host: localhost', ...headers, '', ''].join('\r\n')
  for (const request of [
    'hello\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00',
    get('Bad Header: x'),
    get('X: a\rb'),
    `${head('/v1/memories', 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    head('/v1/memories', 'Content-Length: -1'),
    head('/v1/memories', 'Content-Length: 1', 'Content-Length: 2'),
  ])
    assert.match(
      await exchange(endpoint, request),
      /^HTTP\/1.1 400 [\s\S]*"code":"INVALID_INPUT"/,
      JSON.stringify(request),
    )
  assert.match(
    await exchange(endpoint, get(`X-Large: ${'x'.repeat(20_000)}`)),
    /^HTTP\/1.1 413 [\s\S]*"code":"TOO_LARGE"/,
  )
  for (const hosts of ['', 'Host: localhost\r\nHost: localhost\r\n', 'Host: localhost\r\nhost: evil.example\r\n'])
    assert.match(
      await exchange(endpoint, `GET /healthz HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`),
      /^HTTP\/1.1 400 [\s\S]*"code":"INVALID_INPUT"/,
      hosts,
    )
  assert.match(
    await exchange(endpoint, 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n'),
    /^HTTP\/1.1 404 [\s\S]*"code":"ROUTE_NOT_FOUND"/,
  )
  for (const request of ['GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n'])
    assert.match(await exchange(endpoint, request), /^HTTP\/1.1 403 [\s\S]*"code":"HOST_REFUSED"/)
  assert.match(
    await exchange(endpoint, 'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1.1 404 /,
  )
  assert.equal(calls.length, 0)
})

test('a call has its own answer when what comes behind it on the connection is not HTTP', async (t) => {
  const opened = gate()
  const entered = gate()
  const answers = {
    'memories.list': async () => {
      entered.resolve()
      await opened.promise
      return { memories: [] }
    },
  }
  const { endpoint } = await serve(t, answers)
  const socket = socketTo(endpoint)
  const chunks: Buffer[] = []
  socket.on('data', (bytes: Buffer) => chunks.push(bytes))
  const closed = once(socket, 'close')
  socket.write('GET /v1/memories HTTP/1.1\r\nHost: localhost\r\n\r\n{"content":')
  await entered.promise
  socket.write('"more"}')
  await send(endpoint, '/healthz')
  opened.resolve()
  await closed
  const [first = '', second = ''] = Buffer.concat(chunks)
    .toString()
    .split(/(?<=})(?=HTTP)/)
  assert.match(first, /^HTTP\/1.1 200 [\s\S]*{"memories":\[\]}$/)
  assert.match(second, /^HTTP\/1.1 400 [\s\S]*"code":"INVALID_INPUT"/)
})

test('calls beyond the limit are told to come back, and waiting calls do not count among them', async (t) => {
  const opened = gate()
  const entered = [gate(), gate()]
  const answers = {
    'memories.list': async () => {
      entered[0]?.resolve()
      await opened.promise
      return { memories: [] }
    },
    'deliveries.receive': async () => {
      entered[1]?.resolve()
      await opened.promise
      return { deliveries: [] }
    },
  }
  const { endpoint } = await serve(t, answers, { max_in_flight: 1, max_waiting: 1 })
  const first = send(endpoint, '/v1/memories')
  await entered[0]?.promise
  const second = await send(endpoint, '/v1/memories')
  assert.deepEqual([second.status, codeOf(second), second.headers['retry-after']], [503, 'OVERLOADED', '1'])
  const wait = post(endpoint, '/v1/agents/coder/receive', {})
  await entered[1]?.promise
  assert.equal(codeOf(await post(endpoint, '/v1/agents/coder/receive', {})), 'OVERLOADED')
  const { json } = await send(endpoint, '/healthz')
  assert.deepEqual([json.in_flight, json.waiting], [1, 1])
  opened.resolve()
  assert.deepEqual([(await first).status, (await wait).status], [200, 200])
  assert.equal((await send(endpoint, '/v1/memories')).status, 200)
})

test('half-sent bodies keep nobody out; of more than the limit, the one waited for longest gives way', async (t) => {
  const { endpoint, calls } = await serve(t, {}, { max_in_flight: 1, max_waiting: 1, max_half_sent: 2 })
  const half = async (path: string) => {
    const socket = socketTo(endpoint)
    const answered = once(socket, 'data').then(([answer]) => String(answer))
    socket.write(`${head(path, 'Content-Length: 500')}{`)
    // Its headers have been read when another connection is answered.
    await once(socket, 'connect')
    await send(endpoint, '/healthz')
    t.after(() => socket.destroy())
    return { socket, answered }
  }
  const oldest = await half('/v1/memories')
  const others = [await half('/v1/agents/coder/receive'), await half('/nowhere')]
  assert.match(await oldest.answered, /^HTTP\/1.1 503 [\s\S]*retry-after: 1[\s\S]*"code":"OVERLOADED"/i)
  const { json } = await send(endpoint, '/healthz')
  assert.deepEqual([json.in_flight, json.waiting, calls.length], [0, 0, 0])
  assert.equal((await send(endpoint, '/v1/memories')).status, 200)
  assert.equal((await post(endpoint, '/v1/memories', { content: 'x' })).status, 201)
  // That one had to be let in, too.
  assert.match(await (others[0]?.answered ?? ''), /"code":"OVERLOADED"/)
  others[1]?.socket.destroy()
})

test('a half-sent body does not hold up a server that stops', async (t) => {
  const { endpoint, server } = await serve(t)
  const socket = socketTo(endpoint)
  const answered = once(socket, 'data')
  socket.write(`${head('/v1/memories', 'Content-Length: 500')}{`)
  await once(socket, 'connect')
  await send(endpoint, '/healthz')
  await server.close()
  assert.match(String(await answered), /^HTTP\/1.1 503 [\s\S]*"code":"SHUTTING_DOWN"/)
})

test('a receiver that is gone ends its wait, and leases that could not reach it are released', async (t) => {
  const entered = gate()
  const released = [gate<Loose>(), gate<Loose>()]
  const lease = (n: number) => ({ id: `dlv-${n}`, lease_token: `token-${n}`, envelope: { id: 'env-1' } })
  const { endpoint, calls, server } = await serve(t, {
    'deliveries.receive': async (_input, { signal }) => {
      entered.resolve()
      // The claim was on its way when the receiver left.
      await once(signal as AbortSignal, 'abort')
      return { deliveries: [lease(0), lease(1)] }
    },
    'deliveries.release': (input) => {
      released[Number(input.id.at(-1))]?.resolve(input)
      return {}
    },
  })
  const socket = socketTo(endpoint)
  socket.write(`${head('/v1/agents/coder/receive', 'Content-Length: 2', 'Spine-Namespace: blue')}{}`)
  await entered.promise
  socket.destroy()
  assert.deepEqual(await Promise.all(released.map(({ promise }) => promise)), [
    { id: 'dlv-0', lease_token: 'token-0' },
    { id: 'dlv-1', lease_token: 'token-1' },
  ])
  assert.deepEqual(calls.at(-1)?.options.identity, { namespace: 'blue' })
  await server.close()
})

test('leases whose answer was written are not released', async (t) => {
  const deliveries = [{ id: 'dlv-1', lease_token: 'token-1', envelope: { id: 'env-1' } }]
  const { endpoint, calls, server } = await serve(t, { 'deliveries.receive': () => ({ deliveries }) })
  assert.equal((await post(endpoint, '/v1/agents/coder/receive', {})).json.deliveries.length, 1)
  await server.close()
  assert.deepEqual(
    calls.map(({ name }) => name),
    ['deliveries.receive'],
  )
})

test('a server that stops ends waits, lets calls in flight finish, refuses new ones, and then listens no more', async (t) => {
  const opened = gate()
  const entered = [gate(), gate(), gate()]
  const untilAborted = (input: Loose, options: Loose) => {
    entered[input.agent ? 0 : 1]?.resolve()
    return new Promise((_, reject) => options.signal.addEventListener('abort', () => reject(options.signal.reason)))
  }
  const { endpoint, server } = await serve(t, {
    'deliveries.receive': untilAborted,
    'deliveries.send': untilAborted,
    'memories.store': async () => {
      entered[2]?.resolve()
      await opened.promise
      return { memories: [] }
    },
  })
  const wait = post(endpoint, '/v1/agents/coder/receive', {})
  const sending = post(endpoint, '/v1/deliveries', { envelope_id: 'env-1', wait: 'accepted' })
  const storing = post(endpoint, '/v1/memories', { content: 'x' })
  await Promise.all(entered.map(({ promise }) => promise))
  const halfOpen = socketTo(endpoint)
  halfOpen.write('GET /v1')
  const closed = server.close()

  assert.deepEqual((await wait).json, { deliveries: [] })
  const sent = await sending
  assert.deepEqual([sent.status, codeOf(sent), sent.headers['retry-after']], [503, 'SHUTTING_DOWN', '1'])
  assert.equal(codeOf(await send(endpoint, '/readyz')), 'SHUTTING_DOWN')
  assert.equal((await send(endpoint, '/healthz')).status, 200)
  const late = await send(endpoint, '/v1/memories')
  assert.deepEqual([late.status, codeOf(late), late.headers.connection], [503, 'SHUTTING_DOWN', 'close'])
  opened.resolve()
  assert.equal((await storing).status, 201)
  await closed
  await assert.rejects(send(endpoint, '/healthz'), { code: 'ECONNREFUSED' })
  assert.equal(server.close(), server.close())
})
