// What an answer to a push means: for every answer there is one meaning, and none of it is lost.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { verdictOf } from './push-answer.ts'

const ok = (body: string) => verdictOf({ ok: true, body })
const failed = (status: number, retry_after_ms?: number) =>
  verdictOf({ ok: false, status, reason: `it answered ${status}`, ...(retry_after_ms && { retry_after_ms }) })

test('only a JSON object that says so completes; every other body of a 2xx accepts', () => {
  assert.deepEqual(ok('{"state":"completed","output":{"n":1}}'), { action: 'complete', output: { n: 1 } })
  assert.deepEqual(ok('{"state":"completed","output":null}'), { action: 'complete', output: null })
  assert.deepEqual(ok(' {"state":"completed"} '), { action: 'complete' })
  for (const body of [
    '',
    'completed',
    '{"state":"done"}',
    '["completed"]',
    'null',
    '{"state":"completed"',
    '"completed"',
  ])
    assert.deepEqual(ok(body), { action: 'accept' }, body)
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (text, value) => {
      const body = JSON.stringify({ state: text, output: value })
      assert.equal(ok(body).action, text === 'completed' ? 'complete' : 'accept')
    }),
  )
})

test('an answer that was cut is parked where it may have held an output, and accepts where it was a page', () => {
  assert.equal(verdictOf({ ok: true, body: '{"state":"comp', truncated: true }).action, 'park')
  assert.equal(verdictOf({ ok: true, body: '<html>', truncated: true }).action, 'accept')
})

test('what is said of the message is final, what is said of the address is an attempt, gone is gone', () => {
  for (const status of [400, 409, 413, 415, 422]) assert.equal(failed(status).action, 'park', String(status))
  for (const status of [301, 302, 307, 401, 403, 404, 405, 408, 425, 429, 500, 502, 503, 504])
    assert.equal(failed(status).action, 'retry', String(status))
  assert.deepEqual(failed(410), { action: 'stop', reason: 'pushed: it answered 410' })
  assert.deepEqual(verdictOf({ ok: false, reason: 'connect ECONNREFUSED' }), {
    action: 'retry',
    reason: 'pushed: connect ECONNREFUSED',
  })
})

test('the time that the receiver asks for is kept, up to an hour', () => {
  assert.deepEqual(failed(503, 7_000), { action: 'retry', reason: 'pushed: it answered 503', after_ms: 7_000 })
  assert.deepEqual(failed(429, 86_400_000), { action: 'retry', reason: 'pushed: it answered 429', after_ms: 3_600_000 })
})
