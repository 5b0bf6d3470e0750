/** A sender waits for its delivery: to be accepted, completed, or for longer than it would. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HandoffTimeoutError } from '../../protocol/errors.ts'
import { fresh, leaseOf, type OpenSubject, receivedOne, refused, sealed, sent } from './subject.ts'

export function waitsSuite(name: string, open: OpenSubject): void {
  describe(`waits (${name})`, { concurrency: 4 }, () => {
    test('a wait ends when it is accepted, or completed with its output', async () => {
      const spine = await fresh(open)
      const envelope = await sealed(spine)
      const accepted = spine.deliveries.send({ envelope_id: envelope.id, wait: 'accepted' })
      const completed = spine.deliveries.send({ envelope_id: envelope.id, wait: 'completed' })
      const lease = leaseOf(await receivedOne(spine, 'coder', { wait_ms: 10_000 }))
      await spine.deliveries.accept(lease)
      assert.deepEqual([(await accepted).id, (await accepted).state], [lease.id, 'accepted'])
      await spine.deliveries.complete({ ...lease, output: ['done'] })
      assert.deepEqual([(await completed).state, (await completed).output], ['completed', ['done']])
    })

    test('a wait that runs out is ACK_TIMEOUT and retryable; the delivery stays ready, records it, and is awaited again', async () => {
      const spine = await fresh(open)
      const envelope = await sealed(spine)
      const error = await refused(
        spine.deliveries.send({ envelope_id: envelope.id, wait: 'accepted', timeout_ms: 1 }),
        'ACK_TIMEOUT',
      )
      assert.ok(error instanceof HandoffTimeoutError)
      assert.equal(error.retryable, true)
      assert.match(
        error.message,
        /coder did not accept the handoff within 1 ms\. No agent called coder has asked for work/,
      )
      const id = String(error.extra.delivery_id)
      const standing = await spine.deliveries.get({ id })
      assert.deepEqual([standing.state, standing.history.at(-1)?.event], ['ready', 'ack_timeout'])
      const again = spine.deliveries.send({ envelope_id: envelope.id, wait: 'accepted' })
      await spine.deliveries.accept(leaseOf(await receivedOne(spine, 'coder', { wait_ms: 10_000 })))
      assert.equal((await again).id, id)
      assert.equal((await spine.deliveries.list({})).deliveries.length, 1)
      const completion = { envelope_id: envelope.id, wait: 'completed', timeout_ms: 1_000 } as const
      const { message } = await refused(spine.deliveries.send(completion), 'ACK_TIMEOUT')
      assert.match(message, /^coder did not complete the handoff within 1 s\.$/)
    })

    test('a wait for what is parked or terminal is answered at once, one under way hears of the parking', async () => {
      const spine = await fresh(open)
      const { envelope } = await sent(spine)
      const waiting = spine.deliveries.send({ envelope_id: envelope.id, wait: 'accepted' })
      await spine.parked.park({ envelope_id: envelope.id, reason: 'x' })
      assert.equal((await waiting).state, 'parked')
      for (const wait of ['accepted', 'completed'] as const)
        assert.equal((await spine.deliveries.send({ envelope_id: envelope.id, wait })).state, 'parked')
    })

    test('a wait that its caller ends leaves the delivery as it is', async () => {
      const spine = await fresh(open)
      const { envelope, delivery } = await sent(spine)
      const controller = new AbortController()
      const waiting = spine.deliveries.send(
        { envelope_id: envelope.id, wait: 'accepted' },
        { signal: controller.signal },
      )
      controller.abort()
      await assert.rejects(waiting)
      assert.equal((await spine.deliveries.get({ id: delivery.id })).state, 'ready')
    })
  })
}
