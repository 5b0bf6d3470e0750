// Who may call: keys, namespaces, Host and Origin, over every route; and where a server without keys may listen.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { SpineError } from '../protocol/errors.ts'
import { createServer } from './create-server.ts'
import { codeOf, exampleRequests, fakeSpine, type Sent, send, serve } from './fakes.test.ts'
import { parseKeys } from './keys.ts'
import { isLoopback } from './origin.ts'
import { systemPaths } from './system-routes.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const keys = `blue key:blue:${sha256('msk_blue')},bound:red:${sha256('msk_red')}:coder`
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const withHeaders = (sent: Sent, headers: Record<string, string>): Sent => ({
  ...sent,
  headers: { ...sent.headers, ...headers },
})

test('with keys, every operation refuses a caller without a good one, before it reads the body', async (t) => {
  const { endpoint, calls } = await serve(t, {}, { keys })
  const wrong = [
    {},
    bearer('msk_green'),
    bearer(sha256('msk_blue')),
    bearer(''),
    { authorization: 'Basic msk_blue' },
    { authorization: 'msk_blue' },
  ]
  for (const { id, path, sent } of exampleRequests())
    for (const headers of wrong) {
      const answer = await send(
        endpoint,
        path,
        withHeaders({ ...sent, ...(sent.body !== undefined && { body: '{' }) }, headers as Record<string, string>),
      )
      assert.deepEqual([answer.status, codeOf(answer)], [401, 'UNAUTHENTICATED'], `${id} ${JSON.stringify(headers)}`)
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
    }
  assert.equal(calls.length, 0)
})

test('with keys, the key decides the namespace and the agent on every operation, and a header cannot change it', async (t) => {
  const { endpoint, calls } = await serve(t, {}, { keys })
  for (const { id, path, sent } of exampleRequests()) {
    const other = await send(endpoint, path, withHeaders(sent, { ...bearer('msk_blue'), 'spine-namespace': 'red' }))
    assert.deepEqual([other.status, codeOf(other)], [403, 'FORBIDDEN'], id)
    calls.length = 0
    await send(endpoint, path, withHeaders(sent, { ...bearer('msk_blue'), 'spine-namespace': 'blue' }))
    await send(endpoint, path, withHeaders(sent, bearer('msk_red')))
    const identities = calls.map(({ options }) => options.identity)
    assert.deepEqual(identities, [{ namespace: 'blue' }, { namespace: 'red', agent: 'coder' }], id)
  }
})

test('without keys, Spine-Namespace decides, and what is no name is refused', async (t) => {
  const { endpoint, calls } = await serve(t)
  await send(endpoint, '/v1/memories')
  await send(endpoint, '/v1/memories', { headers: { 'spine-namespace': 'team blue' } })
  assert.deepEqual(
    calls.map(({ options }) => options.identity),
    [{ namespace: 'default' }, { namespace: 'team blue' }],
  )
  for (const namespace of ['', 'x'.repeat(129), 'caf\u00e9'])
    assert.equal(
      codeOf(await send(endpoint, '/v1/memories', { headers: { 'spine-namespace': namespace } })),
      'INVALID_INPUT',
    )
})

test('what the server says about itself needs no key', async (t) => {
  const { endpoint } = await serve(t, {}, { keys })
  for (const path of systemPaths) assert.ok((await send(endpoint, path)).status < 400, path)
})

const everyRoute = (): { path: string; sent: Sent }[] => [
  ...exampleRequests(),
  ...systemPaths.map((path) => ({ path, sent: {} })),
  { path: '/nowhere', sent: {} },
]

test('on every route the Host has to be loopback or allowed, with and without keys', async (t) => {
  const refused = [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '128.0.0.1',
    '0.0.0.0',
    '[::2]',
    'spine.example:81',
    'localhost:8788@evil.example',
    'localhost:',
  ]
  const accepted = [
    'localhost',
    'LOCALHOST:1',
    '127.0.0.1:8788',
    '127.255.0.3',
    '[::1]:8788',
    'Spine.example:80',
    'any-port.example:7',
  ]
  for (const options of [{}, { keys }]) {
    const { endpoint } = await serve(t, {}, { ...options, allowed_hosts: ['spine.example:80', 'any-port.example'] })
    for (const { path, sent } of everyRoute()) {
      for (const host of refused) {
        const answer = await send(endpoint, path, withHeaders(sent, { host, ...bearer('msk_blue') }))
        assert.deepEqual([answer.status, codeOf(answer)], [403, 'HOST_REFUSED'], `${path} ${host}`)
      }
      for (const host of accepted) {
        const answer = await send(endpoint, path, withHeaders(sent, { host, ...bearer('msk_blue') }))
        assert.notEqual(codeOf(answer), 'HOST_REFUSED', `${path} ${host}`)
      }
    }
  }
})

test('on every route an Origin has to be our own', async (t) => {
  const { endpoint } = await serve(t, {}, { allowed_hosts: ['spine.example'] })
  const { host } = new URL(endpoint)
  const refused = [
    'https://evil.example',
    'null',
    'http://127.0.0.1:1',
    'http://localhost',
    `ftp://${host}`,
    `http://${host}.evil.example`,
    `http://${host}/path`,
    'file://',
  ]
  for (const { path, sent } of everyRoute()) {
    for (const origin of refused) {
      const answer = await send(endpoint, path, withHeaders(sent, { origin }))
      assert.deepEqual([answer.status, codeOf(answer)], [403, 'ORIGIN_REFUSED'], `${path} ${origin}`)
    }
    assert.notEqual(
      codeOf(await send(endpoint, path, withHeaders(sent, { origin: `http://${host}` }))),
      'ORIGIN_REFUSED',
    )
    const proxied = { host: 'spine.example', origin: 'https://spine.example' }
    assert.notEqual(codeOf(await send(endpoint, path, withHeaders(sent, proxied))), 'ORIGIN_REFUSED')
  }
})

test('an address that others reach needs keys; loopback does not', async (t) => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org', '127.0.0.1.example'])
    await assert.rejects(createServer({ spine: fakeSpine().spine }).listen({ host }), {
      code: 'INVALID_INPUT',
      message: /SPINE_API_KEYS/,
    })
  const open = createServer({ spine: fakeSpine().spine, keys, log_level: 'silent' })
  t.after(() => open.close())
  assert.match(await open.listen({ host: '0.0.0.0' }), /^http:\/\/127\.0\.0\.1:\d+$/)
  const own = createServer({ spine: fakeSpine().spine, log_level: 'silent' })
  t.after(() => own.close())
  assert.match(await own.listen({ host: 'localhost' }), /^http:\/\/127\.0\.0\.1:\d+$/)
})

test('loopback is what can be nothing else', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]']) assert.ok(isLoopback(host), host)
  for (const host of ['', '127.0.0.1.x', '127.0.0.256', '127.1', '0.0.0.0', '::', 'localhost.', '1127.0.0.1'])
    assert.ok(!isLoopback(host), host)
})

test('keys are read by their form, and a bad one is told by its place and never shown', () => {
  assert.deepEqual(parseKeys(' '), [])
  assert.deepEqual(
    parseKeys(`${keys}, `).map(({ name, identity }) => ({ name, ...identity })),
    [
      { name: 'blue key', namespace: 'blue' },
      { name: 'bound', namespace: 'red', agent: 'coder' },
    ],
  )
  const good = sha256('x')
  const bad: Record<string, RegExp> = {
    msk_pasted: /Key 1 .* has 1 parts/,
    [`a:b:${good}:c:d`]: /has 5 parts/,
    [`:b:${good}`]: /no good name/,
    [`a::${good}`]: /no good namespace/,
    [`a:b:${good}:`]: /no good agent/,
    'a:b:msk_pasted': /no sha256/,
    [`a:b:${good},c:d:${good}`]: /Key 2 .* was given before/,
  }
  for (const [text, message] of Object.entries(bad))
    assert.throws(
      () => parseKeys(text),
      (error: SpineError) =>
        error instanceof SpineError && message.test(error.message) && !error.message.includes('pasted'),
      text,
    )
})
