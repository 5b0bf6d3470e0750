import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contract } from '../protocol/contract.ts'
import { envelopePaths, readAnswer, retryAfterMs } from './answer.ts'
import { EACH } from './spans.ts'

test('the envelopes of an answer are found from the contract', () => {
  assert.deepEqual(envelopePaths(contract.handoffs.create.output), [[]])
  assert.deepEqual(envelopePaths(contract.handoffs.lineage.output), [['envelopes', EACH]])
  assert.deepEqual(envelopePaths(contract.deliveries.receive.output), [['deliveries', EACH, 'envelope']])
  assert.deepEqual(envelopePaths(contract.deliveries.accept.output), [])
})

test('an answer that is not a JSON object in UTF-8 is refused', () => {
  for (const bytes of [Uint8Array.of(0x7b, 0xff, 0x7d), Buffer.from('7'), Buffer.from('{'), Buffer.from('')])
    assert.throws(() => readAnswer(contract.agents.list, bytes), { code: 'INTERNAL' })
})

test('Retry-After may be seconds or a date', () => {
  assert.equal(retryAfterMs('3', 0), 3_000)
  assert.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:10 GMT', 4_000), 6_000)
  assert.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:10 GMT', 40_000), 0)
  assert.equal(retryAfterMs('soon', 0), undefined)
  assert.equal(retryAfterMs(undefined, 0), undefined)
})
