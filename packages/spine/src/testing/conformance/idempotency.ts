/** Idempotency keys: a repeat finds what the first call created, as it is now. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  contents,
  fresh,
  leaseOf,
  newNamespace,
  type OpenSubject,
  receivedOne,
  refused,
  sealed,
  sent,
} from './subject.ts'

const twenty = <T>(call: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: 20 }, (_, index) => call(index)))

export function idempotencySuite(name: string, open: OpenSubject): void {
  describe(`idempotency (${name})`, { concurrency: 8 }, () => {
    test('store: the same key and body is the same memory, as it is now; another body is a conflict', async () => {
      const spine = await fresh(open)
      const call = { content: 'once', idempotency_key: 'k' }
      const [first] = (await spine.memories.store(call)).memories
      assert.ok(first)
      await spine.memories.update({ id: first.id, content: 'changed since' })
      const [again] = (await spine.memories.store(call)).memories
      assert.deepEqual([again?.id, again?.version, again?.content], [first.id, 2, 'changed since'])
      const before = await contents(spine)
      await refused(spine.memories.store({ ...call, content: 'twice' }), 'IDEMPOTENCY_CONFLICT')
      assert.deepEqual(await contents(spine), before)
    })

    test('store: twenty calls at once make the memories once', async () => {
      const spine = await fresh(open)
      const memories = [{ content: 'a' }, { id: 'b', content: 'b' }, { content: 'c' }]
      const answers = await twenty(() => spine.memories.store({ memories, idempotency_key: 'k' }))
      assert.equal(
        new Set(answers.map((answer) => answer.memories.map(({ id, version }) => `${id} ${version}`).join())).size,
        1,
      )
      assert.equal((await spine.memories.list({})).memories.length, 3)
    })

    test('create: the same key and body is the same envelope; another body is a conflict', async () => {
      const spine = await fresh(open)
      const call = { target_agent: 'coder', task_summary: 'once', idempotency_key: 'k', constraints: { a: 1, b: 2 } }
      const first = await spine.handoffs.create(call)
      assert.deepEqual(await spine.handoffs.create({ ...call, constraints: { b: 2, a: 1 } }), first)
      assert.equal((await spine.handoffs.list({})).handoffs.length, 1)
      await refused(spine.handoffs.create({ ...call, task_summary: 'twice' }), 'IDEMPOTENCY_CONFLICT')
      await refused(spine.memories.store({ content: 'x', idempotency_key: 'k' }), 'IDEMPOTENCY_CONFLICT')
      assert.equal((await spine.handoffs.list({})).handoffs.length, 1)
    })

    test('create: twenty calls at once seal one envelope, and the task knows it', async () => {
      const spine = await fresh(open)
      const answers = await twenty(() => sealed(spine, { task_id: 't', intent: 'x', idempotency_key: 'k' }))
      assert.equal(new Set(answers.map(({ digest }) => digest)).size, 1)
      const { handoffs } = await spine.handoffs.list({})
      assert.equal(handoffs.length, 1)
      assert.equal((await spine.tasks.get({ id: 't' })).last_envelope_id, handoffs[0]?.envelope_id)
    })

    test('create: of twenty different bodies under one key one is sealed, the others are conflicts', async () => {
      const spine = await fresh(open)
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) =>
          sealed(spine, { task_summary: `call ${index}`, idempotency_key: 'k' }),
        ),
      )
      const codes = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'sealed' : outcome.reason.code))
      assert.deepEqual(codes.toSorted(), [...Array(19).fill('IDEMPOTENCY_CONFLICT'), 'sealed'])
      assert.equal((await spine.handoffs.list({})).handoffs.length, 1)
    })

    test('send: the same key and body is the same delivery, as it is now; another body is a conflict', async () => {
      const spine = await fresh(open)
      const envelope = await sealed(spine)
      const call = { envelope_id: envelope.id, idempotency_key: 'k' }
      const first = await spine.deliveries.send(call)
      await spine.deliveries.complete({ ...leaseOf(await receivedOne(spine)), output: { done: true } })
      const again = await spine.deliveries.send({ ...call, wait: 'completed' })
      assert.deepEqual([again.id, again.state, again.output], [first.id, 'completed', { done: true }])
      await refused(spine.deliveries.send({ ...call, target: 'other' }), 'IDEMPOTENCY_CONFLICT')
      await refused(spine.deliveries.send({ ...call, priority: 'high' }), 'IDEMPOTENCY_CONFLICT')
      const other = await sealed(spine)
      await refused(spine.deliveries.send({ ...call, envelope_id: other.id }), 'IDEMPOTENCY_CONFLICT')
      assert.equal((await spine.deliveries.list({})).deliveries.length, 1)
    })

    test('send: a key that comes after the delivery was made finds it, however often', async () => {
      const spine = await fresh(open)
      const { envelope, delivery } = await sent(spine)
      for (let turn = 0; turn < 3; turn += 1)
        assert.equal(
          (await spine.deliveries.send({ envelope_id: envelope.id, idempotency_key: 'late' })).id,
          delivery.id,
        )
    })

    test('send: twenty calls at once make one delivery, with a key and without', async () => {
      const spine = await fresh(open)
      const one = await sealed(spine)
      const two = await sealed(spine)
      const keyed = await twenty(() => spine.deliveries.send({ envelope_id: one.id, idempotency_key: 'k' }))
      const plain = await twenty(() => spine.deliveries.send({ envelope: two }))
      assert.equal(new Set(keyed.map(({ id }) => id)).size, 1)
      assert.equal(new Set(plain.map(({ id }) => id)).size, 1)
      assert.equal((await spine.deliveries.list({})).deliveries.length, 2)
    })

    test('a call that was refused leaves its key free', async () => {
      const spine = await fresh(open)
      await refused(
        sealed(spine, { constraints: { style: 'long '.repeat(99) }, max_tokens: 60, idempotency_key: 'k' }),
        'BUDGET_TOO_SMALL',
      )
      await sealed(spine, { idempotency_key: 'k' })
      await refused(spine.deliveries.send({ envelope_id: 'nobody', idempotency_key: 'l' }), 'ENVELOPE_NOT_FOUND')
      await sealed(spine, { idempotency_key: 'l' })
    })

    test('a key belongs to its namespace', async () => {
      const subject = await open()
      const [one, two] = [await subject.at(newNamespace()), await subject.at(newNamespace())]
      await one.memories.store({ content: 'one', idempotency_key: 'k' })
      const { memories } = await two.memories.store({ content: 'two', idempotency_key: 'k' })
      assert.equal(memories[0]?.content, 'two')
    })
  })
}
