// What leaves the house on a user's word: signed, to public addresses only, to the very address that was looked at.

import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { isPublicAddress } from './address.ts'
import { isWebhookSecret, webhookHeaders } from './signature.ts'
import { postWebhook, refusedUrl, type Webhook } from './webhook.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const now = Date.UTC(2026, 0, 5, 10)

/** A server that answers as told, on loopback. */
async function listening(answer: RequestListener): Promise<AsyncDisposable & { host: string; url: string }> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    url: `http://${host}/hook`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const hook = (url: string): Webhook => ({ url, id: 'msg_1', body: '{"a":1}', secrets: [secret] })

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const part of request) body += part
  return body
}

test('a signature is the one that the specification computes', () => {
  // The worked example of the Standard Webhooks libraries.
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
  const headers = webhookHeaders([secret], { id, timestamp: 1_614_265_330, body: '{"test": 2432232314}' })
  assert.deepEqual(headers, {
    'webhook-id': id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('with two secrets a receiver that knows either is content', () => {
  const other = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
  const signed = { id: 'm', timestamp: 1, body: '' }
  const both = webhookHeaders([secret, other], signed)['webhook-signature']
  const each = [secret, other].map((one) => webhookHeaders([one], signed)['webhook-signature'])
  assert.equal(both, each.join(' '))
})

test('a secret is base64 of 24 to 64 bytes behind its prefix', () => {
  assert.ok(isWebhookSecret(secret))
  for (const text of ['', 'whsec_', 'whsec_c2hvcnQ=', secret.slice(6), `whsec_${Buffer.alloc(65).toString('base64')}`])
    assert.equal(isWebhookSecret(text), false, text)
})

test('every way of writing a private address is refused', () => {
  const hidden = [
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://10.1.2.3/',
    'https://172.31.255.255/',
    'https://192.168.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://100.100.100.200/',
    'https://0.0.0.0/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://[::1]/',
    'https://[::]/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[ff02::1]/',
  ]
  for (const url of hidden) assert.match(refusedUrl(url) ?? '', /not a public address/, url)
  assert.equal(refusedUrl('https://93.184.215.14/hook'), undefined)
  assert.equal(refusedUrl('https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/'), undefined)
  assert.equal(isPublicAddress('not an address'), false)
})

test('only https, on its ports, without a password in the address', () => {
  assert.match(refusedUrl('http://example.com/') ?? '', /not https/)
  assert.match(refusedUrl('ftp://example.com/') ?? '', /not https/)
  assert.match(refusedUrl('https://user:pass@example.com/') ?? '', /password/)
  assert.match(refusedUrl('https://example.com:22/') ?? '', /port 22/)
  assert.match(refusedUrl('https://exa mple.com/') ?? '', /no address/)
  assert.equal(refusedUrl('https://example.com:8443/'), undefined)
})

test('a name with one private address among public ones is refused before anything is sent', async () => {
  const answer = await postWebhook(hook('https://rebind.example/'), {
    now,
    resolve: async () => [
      { address: '93.184.215.14', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ],
  })
  assert.deepEqual(answer, {
    ok: false,
    reason: 'rebind.example resolves to 127.0.0.1, which is not a public address',
    retry: false,
  })
})

test('the connection goes to the address that was looked at, whatever the name says later', async () => {
  const seen: string[] = []
  await using server = await listening(async (request, response) => {
    seen.push(`${request.headers.host} ${request.headers['webhook-id']} ${await bodyOf(request)}`)
    response.end('thanks')
  })
  const [, port] = server.host.split(':')
  let resolved = 0
  // `.invalid` never resolves: only the pinned address can have been used.
  const answer = await postWebhook(hook(`http://hooks.invalid:${port}/`), {
    now,
    allow: [`hooks.invalid:${port}`],
    resolve: async () => {
      resolved += 1
      return [{ address: '127.0.0.1', family: 4 }]
    },
  })
  assert.deepEqual(answer, { ok: true, status: 200, body: 'thanks' })
  assert.equal(resolved, 1)
  assert.deepEqual(seen, [`hooks.invalid:${port} msg_1 {"a":1}`])
})

test('a redirect is a failure, wherever it leads', async () => {
  await using server = await listening((_request, response) => {
    response.writeHead(302, { location: 'http://169.254.169.254/' }).end()
  })
  const answer = await postWebhook(hook(server.url), { now, allow: [server.host] })
  assert.deepEqual(answer, {
    ok: false,
    status: 302,
    reason: 'it answered 302: redirects are not followed',
    retry: false,
  })
})

test('what may pass is worth another try, at the time that was asked for; what is final is not', async () => {
  const answers = {
    '/429': '7',
    '/503': new Date(now + 9_000).toUTCString(),
    '/500': undefined,
    '/410': '1',
    '/400': '1',
  }
  await using server = await listening((request, response) => {
    const path = request.url as keyof typeof answers
    const after = answers[path]
    response.writeHead(Number(path.slice(1)), after === undefined ? {} : { 'retry-after': after }).end()
  })
  const outcomes = []
  for (const path of Object.keys(answers)) {
    const { ok, ...rest } = await postWebhook(hook(`http://${server.host}${path}`), { now, allow: [server.host] })
    assert.equal(ok, false)
    outcomes.push(rest)
  }
  assert.deepEqual(outcomes, [
    { status: 429, reason: 'it answered 429', retry: true, retry_after_ms: 7_000 },
    { status: 503, reason: 'it answered 503', retry: true, retry_after_ms: 9_000 },
    { status: 500, reason: 'it answered 500', retry: true },
    { status: 410, reason: 'it answered 410', retry: false },
    { status: 400, reason: 'it answered 400', retry: false },
  ])
})

test('an answer that never ends is cut, and one that never comes is given up', async () => {
  await using server = await listening((request, response) => {
    if (request.url === '/endless') response.write('x'.repeat(100_000))
  })
  const endless = await postWebhook(hook(`http://${server.host}/endless`), { now, allow: [server.host] })
  assert.ok(endless.ok)
  assert.equal(endless.body.length, 1_024)
  const silent = await postWebhook(hook(`http://${server.host}/silent`), { now, allow: [server.host], timeout_ms: 30 })
  assert.deepEqual(silent, { ok: false, reason: 'no answer within 30 ms', retry: true })
})

test('half an answer is no acceptance, and a refusal needs no more than its status', async () => {
  for (const [status, retry] of [
    [200, true],
    [410, false],
  ] as const) {
    await using server = await listening((_request, response) => {
      response.writeHead(status, { 'content-length': '100' })
      response.write('{"state":"comp', () => response.destroy())
    })
    const answer = await postWebhook(hook(server.url), { allow: [server.host], now, timeout_ms: 5_000 })
    assert.deepEqual([answer.ok, !answer.ok && answer.retry], [false, retry])
  }
})
