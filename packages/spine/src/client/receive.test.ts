import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpineError } from '../protocol/errors.ts'
import {
  deliveryOf,
  inbox,
  type Loose,
  lease,
  manualPacing,
  receivedOf,
  refuse,
  sealedEnvelope,
  startReceiver,
  suspectOf,
  turn,
  untilSignal,
} from './fakes.test.ts'
import type { Received } from './received.ts'

test('a delivery is accepted before its handler runs, and completed with what it returns', async () => {
  const order: string[] = []
  const run = startReceiver({ 'deliveries.accept': () => order.push('accept') }, ({ text, delivery, envelope }) => {
    order.push('handler')
    assert.ok(text.includes('Never touch prod.') && delivery.attempt === 1 && envelope.id === 'env-1')
    return { done: true, at: new Date(0), nothing: undefined }
  })
  await turn()
  assert.deepEqual(order, ['accept', 'handler'])
  assert.deepEqual(run.inputs('deliveries.complete'), [
    { ...lease, output: { done: true, at: '1970-01-01T00:00:00.000Z' } },
  ])
  await run.receiver.stop()
  assert.deepEqual(run.errors, [])
})

test('heartbeats are sent at every third of the lease, until the work is done', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const run = startReceiver({}, () => promise, { lease_ms: 9_000 })
  await run.pacing.advance(2_999)
  assert.equal(run.inputs('deliveries.heartbeat').length, 0)
  await run.pacing.advance(6_001)
  assert.deepEqual(run.inputs('deliveries.heartbeat'), Array(3).fill({ ...lease, lease_ms: 9_000 }))
  resolve()
  await run.pacing.advance(20_000)
  assert.equal(run.inputs('deliveries.heartbeat').length, 3)
  await run.receiver.stop()
})

for (const code of ['LEASE_LOST', 'WRONG_STATE'] as const)
  test(`the handler is aborted when a heartbeat says ${code}`, async () => {
    let reason: unknown
    const run = startReceiver({ 'deliveries.heartbeat': refuse(code) }, async ({ signal }) => {
      await untilSignal(signal)
      reason = signal.reason
      throw new Error('stopped')
    })
    await run.pacing.advance(20_000)
    assert.equal((reason as SpineError).code, code)
    assert.deepEqual([run.inputs('deliveries.nack'), run.inputs('deliveries.complete')], [[], []])
    await run.receiver.stop()
  })

test('the result of a delivery that another one owns now is dropped', async () => {
  const run = startReceiver({ 'deliveries.heartbeat': refuse('LEASE_LOST') }, ({ signal }) => untilSignal(signal))
  await run.pacing.advance(20_000)
  assert.equal(run.inputs('deliveries.complete').length, 0)
  await run.receiver.stop()
})

test('a server that cannot be reached is no lost lease: the work goes on', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  let aborted = false
  const run = startReceiver({ 'deliveries.heartbeat': refuse('UNREACHABLE') }, ({ signal }) => {
    signal.addEventListener('abort', () => {
      aborted = true
    })
    return promise
  })
  await run.pacing.advance(200_000)
  assert.equal(aborted, false)
  resolve('late')
  await turn()
  assert.equal(run.inputs('deliveries.complete')[0].output, 'late')
  await run.receiver.stop()
})

test('a handler that throws is nacked as a retry, with its words', async () => {
  const run = startReceiver({}, () => {
    throw new Error('the model \0 is down')
  })
  await turn()
  assert.deepEqual(run.inputs('deliveries.nack'), [
    { ...lease, kind: 'retry', reason: 'Error: the model \uFFFD is down' },
  ])
  assert.equal(run.errors[0].message, 'the model \0 is down')
  await run.receiver.stop()
})

test('a handler that throws what has no words is nacked as any other, and the loop goes on', async () => {
  const unreadable: unknown[] = [
    Object.create(null),
    { toString: () => assert.fail('no words') },
    Object.defineProperty(new Error('x'), 'message', { get: () => assert.fail('no message') }),
  ]
  for (const thrown of unreadable) {
    const handler = () => {
      throw thrown
    }
    const run = startReceiver({}, handler)
    await turn()
    assert.deepEqual(run.inputs('deliveries.nack'), [
      { ...lease, kind: 'retry', reason: 'what was thrown has no words' },
    ])
    assert.ok(run.inputs('deliveries.receive').length > 1)
    await run.receiver.stop()
  }
})

test('who gives no listener hears of that, too', async (t) => {
  const warn = t.mock.method(process, 'emitWarning', () => {})
  const handler = () => {
    throw Object.create(null)
  }
  const run = startReceiver({}, handler, { onError: undefined })
  await turn()
  await run.receiver.stop()
  assert.match(
    String(warn.mock.calls[0]?.arguments[0]),
    /^coder, delivery dlv-1, attempt 1: what was thrown has no words$/,
  )
  assert.equal(run.inputs('deliveries.nack').length, 1)
})

test('what would fail the same way again is nacked as fatal', async () => {
  const run = startReceiver({}, refuse('HOP_LIMIT'))
  await turn()
  assert.equal(run.inputs('deliveries.nack')[0].kind, 'fatal')
  await run.receiver.stop()
})

test('an envelope that is not what was sealed never reaches the handler', async () => {
  const tampered = { ...sealedEnvelope(), constraints: { language: 'cobol' } }
  const future = sealedEnvelope({ envelope_version: '3' })
  const batch = [receivedOf({ envelope: tampered }), receivedOf({ envelope: future })]
  const run = startReceiver({ 'deliveries.receive': inbox(batch) }, () => assert.fail('the handler was called'), {
    max: 2,
  })
  await turn()
  assert.deepEqual(
    run.inputs('deliveries.nack').map(({ kind, reason }) => [kind, reason.split(':')[0]]),
    [
      ['fatal', 'DIGEST_MISMATCH'],
      ['fatal', 'UNSUPPORTED_VERSION'],
    ],
  )
  assert.equal(run.inputs('deliveries.accept').length, 0)
  await run.receiver.stop()
})

test('handoff() passes this delivery as previous and its receiver as sender', async () => {
  const next = sealedEnvelope({ id: 'env-2' })
  const run = startReceiver({ 'handoffs.create': () => next }, ({ handoff }) =>
    handoff({ target_agent: 'tester', task_summary: 'test it' }),
  )
  await turn()
  assert.deepEqual(run.inputs('handoffs.create'), [
    { previous: 'dlv-1', source_agent: 'coder', target_agent: 'tester', task_summary: 'test it' },
  ])
  await run.receiver.stop()
})

test('a handler may settle by itself, and is not settled again', async () => {
  for (const settle of [
    (it: Received) => it.ack({ a: 1 }),
    (it: Received) => it.nack({ kind: 'fatal', reason: 'no' }),
  ]) {
    const run = startReceiver({}, (received) => {
      // Not awaited on purpose.
      void settle(received)
      return 'ignored'
    })
    await turn()
    assert.equal(run.inputs('deliveries.complete').length + run.inputs('deliveries.nack').length, 1)
    assert.notEqual(run.inputs('deliveries.complete')[0]?.output, 'ignored')
    await run.receiver.stop()
  }
})

test('the gaps of an opened context go into the output by themselves', async () => {
  const gap = { id: 'ms-9', reason: 'not_found' }
  const envelope = sealedEnvelope({ completeness: { requested: 1, resolved: 0, included: 0, score: 0, gaps: [gap] } })
  const answers = {
    'deliveries.receive': inbox([receivedOf({ envelope })]),
    'memories.resolve': () => ({ memories: [], gaps: [gap] }),
  }
  const run = startReceiver(answers, async ({ context }) => ({ done: (await context()).degraded }))
  await turn()
  assert.deepEqual(run.inputs('deliveries.complete')[0].output, { done: true, context_gaps: [gap] })
  await run.receiver.stop()
})

test('a context is opened anew for other options, and one that could not be opened is forgotten', async () => {
  const gap = { id: 'ms-9', reason: 'not_found' }
  const answers = {
    'deliveries.receive': inbox([receivedOf()]),
    'memories.resolve': () => ({ memories: [], gaps: [gap] }),
  }
  const run = startReceiver(answers, async ({ context }) => {
    const first = await context()
    await assert.rejects(context({ require: ['ms-9'] }), { code: 'INCOMPLETE' })
    return { same: first === (await context()) }
  })
  await turn()
  assert.deepEqual(run.inputs('deliveries.complete')[0].output, { same: true })
  await run.receiver.stop()
})

test('a completion is tried again while the server is away, and the lease is kept meanwhile', async () => {
  let away = true
  const complete = () => (away ? refuse('UNREACHABLE')() : deliveryOf())
  const run = startReceiver({ 'deliveries.complete': complete }, () => 'work of an hour')
  await run.pacing.advance(25_000)
  away = false
  await run.pacing.advance(60_000)
  assert.ok(run.inputs('deliveries.complete').length > 2)
  assert.ok(run.inputs('deliveries.heartbeat').length > 0)
  assert.equal(run.inputs('deliveries.nack').length, 0)
  await run.receiver.stop()
})

test('an output that cannot be stored parks the delivery instead of running the work again', async () => {
  const run = startReceiver({ 'deliveries.complete': refuse('TOO_LARGE') }, () => 'x')
  await turn()
  assert.equal(run.inputs('deliveries.nack')[0].kind, 'fatal')
  assert.match(run.inputs('deliveries.nack')[0].reason, /output was refused: TOO_LARGE/)
  await run.receiver.stop()
  const circular = startReceiver({}, () => {
    const circle: Loose = {}
    circle.self = circle
    return circle
  })
  await turn()
  assert.equal(circular.inputs('deliveries.nack')[0].kind, 'fatal')
  await circular.receiver.stop()
})

test('a delivery that was lost before it was accepted is left alone', async () => {
  const run = startReceiver({ 'deliveries.accept': refuse('LEASE_LOST') }, () => assert.fail('the handler was called'))
  await turn()
  assert.deepEqual(run.names(), ['receive', 'accept', 'receive'])
  await run.receiver.stop()
})

test('a poll never takes more than there are free handlers', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const batch = [receivedOf(), receivedOf({ id: 'dlv-2' })]
  const receiving = inbox(batch, [receivedOf({ id: 'dlv-3' })])
  const run = startReceiver({ 'deliveries.receive': receiving }, () => promise, { max: 2, concurrency: 3 })
  await turn()
  assert.deepEqual(
    run.inputs('deliveries.receive').map(({ max }) => max),
    [2, 1],
  )
  resolve()
  await turn()
  assert.equal(run.inputs('deliveries.receive').at(-1).max, 2)
  await run.receiver.stop()
})

test('what a receiver did not survive is handled alone: it waits for the others, and nothing is begun beside it', async () => {
  const ends = new Map<string, () => void>()
  const handler = ({ delivery }: Received) => new Promise<void>((resolve) => ends.set(delivery.id, resolve))
  const batches = [[suspectOf(2), receivedOf(), suspectOf(3)], [receivedOf({ id: 'dlv-4' })]]
  const run = startReceiver({ 'deliveries.receive': inbox(...batches) }, handler, { max: 3 })
  await turn()
  assert.deepEqual([...ends.keys()], ['dlv-1'])
  assert.deepEqual(run.inputs('deliveries.release'), [{ id: 'dlv-3', lease_token: 'token-3' }])
  await run.pacing.advance(20_000)
  // Both leases are kept: of the one at work and of the one that waits.
  assert.deepEqual(
    run
      .inputs('deliveries.heartbeat')
      .map(({ id }) => id)
      .toSorted(),
    ['dlv-1', 'dlv-2'],
  )
  ends.get('dlv-1')?.()
  await turn()
  await turn()
  assert.deepEqual([...ends.keys()], ['dlv-1', 'dlv-2'])
  assert.equal(run.inputs('deliveries.receive').length, 1)
  ends.get('dlv-2')?.()
  await turn()
  await turn()
  assert.deepEqual([...ends.keys()], ['dlv-1', 'dlv-2', 'dlv-4'])
  ends.get('dlv-4')?.()
  await run.receiver.stop()
})

test('an unreachable server is asked again after growing pauses, never in a busy loop', async () => {
  const run = startReceiver({ 'deliveries.receive': refuse('UNREACHABLE') }, () => {}, { pacing: undefined })
  await run.receiver.stop()
  const pacing = manualPacing({ random: () => 0 })
  const least = startReceiver({ 'deliveries.receive': refuse('UNREACHABLE') }, () => {}, { pacing })
  await pacing.advance(1_000)
  assert.equal(least.inputs('deliveries.receive').length, 11)
  await least.receiver.stop()
  const jittered = startReceiver({ 'deliveries.receive': refuse('UNREACHABLE') }, () => {})
  await jittered.pacing.advance(60_000)
  // After half of 2, 4, 8, 16, 30, 30 and 30 s.
  assert.equal(jittered.inputs('deliveries.receive').length, 8)
  assert.equal(jittered.errors.length, 8)
  await jittered.receiver.stop()
})

test('an empty answer that comes at once is not asked for again at once', async () => {
  const run = startReceiver({ 'deliveries.receive': () => ({ deliveries: [] }) }, () => {}, { wait_ms: 0 })
  await run.pacing.advance(3_000)
  assert.equal(run.inputs('deliveries.receive').length, 5)
  await run.receiver.stop()
  const open = startReceiver({ 'deliveries.receive': () => ({ deliveries: [], retry_after_ms: 60_000 }) }, () => {})
  // Every 5.25 s: the breaker may be closed by hand before its time.
  await open.pacing.advance(60_000)
  assert.equal(open.inputs('deliveries.receive').length, 12)
  await open.receiver.stop()
})

test('an empty answer of an open breaker is waited for as asked and a little more, and a stop ends that', async () => {
  const run = startReceiver({ 'deliveries.receive': () => ({ deliveries: [], retry_after_ms: 4_000 }) }, () => {})
  await run.pacing.advance(4_199)
  assert.equal(run.calls.length, 1)
  await run.pacing.advance(1)
  assert.equal(run.calls.length, 2)
  await run.receiver.stop()
  assert.deepEqual(run.pacing.sleeping, [])
})

test('an error that no repeat can heal ends the loop and says so', async () => {
  const run = startReceiver({ 'deliveries.receive': refuse('UNAUTHENTICATED') }, () => {})
  await assert.rejects(run.receiver.closed, { code: 'UNAUTHENTICATED' })
  await run.receiver.stop()
  assert.equal(run.errors.length, 1)
  assert.throws(() => startReceiver({}, () => {}, { concurrency: 0 }), { code: 'INVALID_INPUT' })
})

test('who gives no listener hears of a handler that throws from the process', async (t) => {
  const warn = t.mock.method(process, 'emitWarning', () => {})
  const handler = () => {
    throw new Error('my bug')
  }
  const run = startReceiver({}, handler, { onError: undefined })
  await turn()
  await run.receiver.stop()
  const [text, kind] = warn.mock.calls[0]?.arguments ?? []
  assert.match(String(text), /^coder, delivery dlv-1, attempt 1: Error: my bug\n.*receive\.test\.ts/s)
  assert.equal(kind, 'MemorySpineReceiver')
})
