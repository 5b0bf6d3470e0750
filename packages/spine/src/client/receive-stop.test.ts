import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  deliveryOf,
  inbox,
  type Loose,
  lease,
  receivedOf,
  startReceiver,
  suspectOf,
  turn,
  untilAborted,
  untilSignal,
} from './fakes.test.ts'

test('stop aborts running handlers, completes those that finish, hands back those that throw', async () => {
  const batch = [receivedOf(), receivedOf({ id: 'dlv-2', lease_token: 'token-2' })]
  const run = startReceiver(
    { 'deliveries.receive': inbox(batch) },
    async ({ signal, delivery }) => {
      await untilSignal(signal)
      if (delivery.id === 'dlv-2') throw signal.reason
      return 'just in time'
    },
    { max: 2 },
  )
  await turn()
  await run.receiver.stop()
  await run.receiver.closed
  assert.equal(run.inputs('deliveries.complete')[0].output, 'just in time')
  assert.equal(run.inputs('deliveries.nack')[0].id, 'dlv-2')
})

test('a handler may go on for the grace of a stop', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  let seen: AbortSignal | undefined
  const run = startReceiver({}, ({ signal }) => {
    seen = signal
    return promise
  })
  await turn()
  const stopped = run.receiver.stop({ grace_ms: 5_000 })
  await run.pacing.advance(4_999)
  assert.equal(seen?.aborted, false)
  await run.pacing.advance(1)
  assert.equal(seen?.aborted, true)
  resolve('done')
  await stopped
  assert.equal(run.inputs('deliveries.complete')[0].output, 'done')
})

test('a delivery that arrives while stopping is released unread', async () => {
  const { promise, resolve } = Promise.withResolvers<Loose>()
  const run = startReceiver({ 'deliveries.receive': () => promise }, () => assert.fail('the handler was called'))
  const stopped = run.receiver.stop()
  resolve({ deliveries: [receivedOf()] })
  await stopped
  assert.deepEqual(run.inputs('deliveries.release'), [lease])
})

test('a delivery whose acceptance was under way when the receiver stopped is handed back, not begun', async () => {
  const { promise, resolve } = Promise.withResolvers<Loose>()
  const run = startReceiver({ 'deliveries.accept': () => promise }, () => assert.fail('the handler was called'))
  await turn()
  const stopped = run.receiver.stop()
  resolve(deliveryOf())
  await stopped
  assert.equal(run.inputs('deliveries.nack')[0].delay_ms, 0)
})

test('a receiver that stops releases what was waiting to be handled alone', async () => {
  const batch = [receivedOf(), suspectOf(2)]
  const run = startReceiver({ 'deliveries.receive': inbox(batch) }, ({ signal }) => untilSignal(signal), { max: 2 })
  await turn()
  await run.receiver.stop()
  assert.deepEqual(run.inputs('deliveries.release'), [{ id: 'dlv-2', lease_token: 'token-2' }])
})

test('a signal stops the loop, and one that is already aborted never starts it', async () => {
  const ending = new AbortController()
  const run = startReceiver({ 'deliveries.receive': untilAborted }, () => {}, { signal: ending.signal })
  ending.abort()
  await run.receiver.closed
  const never = startReceiver({}, () => {}, { signal: ending.signal })
  await never.receiver.closed
  assert.deepEqual(never.calls, [])
})
