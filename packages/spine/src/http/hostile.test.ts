// The hostile corpus over HTTP: every body gets the answer that the scanner gives it, every name that of its schema.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { hostileCases, hostileNames } from '../protocol/hostile-corpus.ts'
import { codeOf, post, send, serve } from './fakes.test.ts'

const refusals: ReadonlySet<string | undefined> = new Set(['INVALID_JSON', 'INVALID_NUMBER', 'TOO_DEEP', 'TOO_LARGE'])

test('every hostile body is answered with its code, and only what is well-formed reaches the spine', async (t) => {
  const { endpoint, calls } = await serve(t)
  for (const { name, bytes, expect } of hostileCases()) {
    const answer = await post(endpoint, '/v1/handoffs/import', bytes)
    if (expect !== 'ok') {
      assert.equal(codeOf(answer), expect, name)
      assert.ok(answer.status >= 400 && answer.status < 500, name)
      assert.equal(calls.length, 0, name)
    } else if (answer.status !== 201) {
      // As one member of the input it stands one level deeper.
      const allowed = /inside each other/.test(name) ? ['TOO_DEEP', 'INVALID_INPUT'] : ['INVALID_INPUT']
      assert.ok(allowed.includes(String(codeOf(answer))), `${name}: ${answer.bytes}`)
    } else assert.equal(calls.splice(0).length, 1, name)
  }
  assert.equal((await send(endpoint, '/healthz')).status, 200)
})

test('every hostile name in a path reaches the spine as it was written, or is refused', async (t) => {
  const { endpoint, calls } = await serve(t)
  for (const { name, text, allowed } of hostileNames()) {
    const { status, json } = await send(endpoint, `/v1/agents/${encodeURIComponent(text)}`)
    if (allowed) assert.deepEqual([status, calls.pop()?.input.name], [200, text], name)
    else assert.ok(status === 400 || (text === '' && status === 404), `${name}: ${status} ${JSON.stringify(json)}`)
    assert.ok(!refusals.has(json.code), name)
    assert.equal(calls.length, 0, name)
  }
})

test('a body that unpacks to a thousand times its size is refused as it is, and never unpacked', async (t) => {
  const { endpoint, calls } = await serve(t)
  const bomb = gzipSync(Buffer.alloc(64 * 1_048_576, ' '))
  for (const encoding of ['gzip', 'GZIP', 'gzip, identity', 'br', 'deflate', 'zstd', 'x-unknown']) {
    const answer = await post(endpoint, '/v1/memories', bomb, { 'content-encoding': encoding })
    assert.deepEqual([answer.status, codeOf(answer)], [415, 'UNSUPPORTED_MEDIA_TYPE'], encoding)
  }
  assert.equal(calls.length, 0)
})

test('a body that is not declared as JSON in UTF-8 is not read as JSON', async (t) => {
  const { endpoint, calls } = await serve(t)
  for (const type of [
    '',
    'text/plain',
    'text/json',
    'application/jsonp',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/json;charset="latin1"',
    'text/plain, application/json',
  ]) {
    const answer = await post(endpoint, '/v1/memories', { content: 'x' }, { 'content-type': type })
    assert.deepEqual([answer.status, codeOf(answer)], [415, 'UNSUPPORTED_MEDIA_TYPE'], type)
  }
  assert.equal(calls.length, 0)
})

test('an expectation that nobody knows is left out of account', async (t) => {
  const { endpoint } = await serve(t)
  const answer = await post(endpoint, '/v1/memories', { content: 'x' }, { expect: 'a miracle' })
  assert.equal(answer.status, 201)
})

test('a header cannot carry what a name may not have', async (t) => {
  const { endpoint, calls } = await serve(t)
  for (const key of ['caf\u00e9', 'x'.repeat(129), ''])
    assert.equal(
      codeOf(await post(endpoint, '/v1/memories', { content: 'x' }, { 'idempotency-key': key })),
      'INVALID_INPUT',
      key,
    )
  assert.equal(calls.length, 0)
})
