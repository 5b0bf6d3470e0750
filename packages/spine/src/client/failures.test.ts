// What this client does when a call fails is what `clients/failures.json` says: clients in other languages do the same.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { contract } from '../protocol/contract.ts'
import { deliveryState } from '../protocol/delivery.ts'
import { type ErrorCode, errorTable, spineError } from '../protocol/errors.ts'
import { failedCode } from './failed.ts'
import { deliveryOf, fakeSpine, inbox, type Loose, manualPacing, receivedOf } from './fakes.test.ts'
import { saysLost } from './lease.ts'
import { receive } from './receive.ts'
import type { Received } from './received.ts'
import { gatewayStatus, isPassing, mayRepeat } from './repeat.ts'

type Failures = {
  passing: ErrorCode[]
  gateway: number[]
  call_tries: number
  settle_tries: number
  fatal: ErrorCode[]
  lost: ErrorCode[]
  ends_the_way: ErrorCode[]
  failed: Record<string, ErrorCode>
}
const shared: Failures = JSON.parse(readFileSync(new URL('../../../../clients/failures.json', import.meta.url), 'utf8'))
const codes = Object.keys(errorTable) as ErrorCode[]
/** The codes for which something is so, in the order of the shared list. */
const those = (listed: readonly ErrorCode[], is: (code: ErrorCode) => boolean) =>
  codes.filter(is).toSorted((left, right) => listed.indexOf(left) - listed.indexOf(right))

/** What a receiver calls when one delivery comes. */
async function callsOf(handler: (received: Received) => unknown, answers: Record<string, Loose> = {}) {
  const good = () => deliveryOf()
  const pacing = manualPacing()
  const { spine, calls } = fakeSpine({
    'deliveries.receive': inbox([receivedOf()]),
    'deliveries.accept': good,
    'deliveries.complete': good,
    'deliveries.nack': good,
    'deliveries.heartbeat': good,
    ...answers,
  })
  receive(spine, 'coder', handler, { pacing, onError: () => {} })
  for (let passed = 0; passed < 10; passed += 1) await pacing.advance(30_000)
  return calls.filter(({ name }) => !/receive|accept|heartbeat/.test(name))
}

test('calls are made again after the same failures, and as often', () => {
  assert.deepEqual(
    those(shared.passing, (code) => isPassing(spineError(code, 'no'))),
    shared.passing,
  )
  assert.deepEqual([...gatewayStatus], shared.gateway)
  const again = (tries: number) => mayRepeat(contract.agents.list, spineError('UNREACHABLE', 'no'), tries)
  assert.deepEqual([again(shared.call_tries - 1), again(shared.call_tries)], [true, false])
})

test('the same states say that a handoff cannot arrive any more', () => {
  const failed = deliveryState.options.flatMap((state) => {
    const code = failedCode(deliveryOf({ state }))
    return code ? [[state, code] as const] : []
  })
  assert.deepEqual(Object.fromEntries(failed), shared.failed)
})

test('what a handler throws is fatal, lost or tried again by the same codes', async () => {
  const kinds = new Map<ErrorCode, unknown>()
  for (const code of codes) {
    const calls = await callsOf(() => Promise.reject(spineError(code, 'no')))
    kinds.set(code, calls.length === 0 ? 'lost' : calls[0]?.input.kind)
  }
  const of = (kind: string) => those(shared[kind as 'fatal' | 'lost'], (code) => kinds.get(code) === kind)
  assert.deepEqual([of('fatal'), of('lost')], [shared.fatal, shared.lost])
  assert.deepEqual(
    those(shared.lost, (code) => saysLost(spineError(code, 'no'))),
    shared.lost,
  )
})

test('a forward that is refused ends the way by the same codes', async () => {
  const forward = ({ forward }: Received) => forward({ target_agent: 'next', task_summary: 'Go on.' })
  const ended: ErrorCode[] = []
  for (const code of codes.filter((one) => !shared.lost.includes(one) && !errorTable[one].retryable)) {
    const calls = await callsOf(forward, { 'deliveries.forward': () => Promise.reject(spineError(code, 'no')) })
    if (!calls.some(({ name }) => name === 'deliveries.nack')) ended.push(code)
  }
  assert.deepEqual(
    those(shared.ends_the_way, (code) => ended.includes(code)),
    shared.ends_the_way,
  )
})

test('work that is done is settled as often', async () => {
  const away = () => Promise.reject(spineError('STORE_UNAVAILABLE', 'away'))
  const calls = await callsOf(() => 'done', { 'deliveries.complete': away })
  assert.equal(calls.length, shared.settle_tries)
})
