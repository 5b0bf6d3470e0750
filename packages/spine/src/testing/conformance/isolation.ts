/** Namespaces: nothing of one can be read, moved or named from another, also not by an id that was guessed. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  contents,
  leaseOf,
  newNamespace,
  type OpenSubject,
  received,
  receivedOne,
  refused,
  sealed,
  sent,
} from './subject.ts'

export function isolationSuite(name: string, open: OpenSubject): void {
  describe(`isolation (${name})`, () => {
    test('a stranger finds nothing and moves nothing', async () => {
      const subject = await open()
      const [ours, theirs] = [await subject.at(newNamespace()), await subject.at(newNamespace())]
      await ours.memories.store({ id: 'm', content: 'our secret password', pinned: true })
      await ours.tasks.put({ id: 't', intent: 'ours' })
      await ours.agents.put({ name: 'coder', context_window: 5_000 })
      const { envelope, delivery } = await sent(ours, { memory_ids: ['m'] })
      const held = await receivedOne(ours)
      const before = [await contents(ours), await ours.deliveries.get({ id: delivery.id })]
      const nothing = await contents(theirs)

      await refused(theirs.memories.get({ id: 'm' }), 'MEMORY_NOT_FOUND')
      await refused(theirs.memories.get({ id: 'm', version: 1 }), 'MEMORY_NOT_FOUND')
      await refused(theirs.memories.update({ id: 'm', content: 'x' }), 'MEMORY_NOT_FOUND')
      await refused(theirs.memories.delete({ id: 'm' }), 'MEMORY_NOT_FOUND')
      await refused(theirs.memories.pin({ id: 'm' }), 'MEMORY_NOT_FOUND')
      assert.deepEqual(await theirs.memories.resolve({ refs: ['m'] }), {
        memories: [],
        gaps: [{ id: 'm', reason: 'not_found' }],
      })
      assert.deepEqual((await theirs.memories.search({ query: 'secret password' })).memories, [])
      await refused(theirs.memories.resolve({ refs: ['m'], envelope_id: envelope.id }), 'ENVELOPE_NOT_FOUND')
      await refused(theirs.handoffs.preview({ envelope_id: envelope.id }), 'ENVELOPE_NOT_FOUND')
      await refused(theirs.handoffs.diff({ a: envelope.id, b: envelope.id }), 'ENVELOPE_NOT_FOUND')
      await refused(theirs.tasks.get({ id: 't' }), 'TASK_NOT_FOUND')
      await refused(theirs.agents.get({ name: 'coder' }), 'AGENT_NOT_FOUND')
      await refused(theirs.handoffs.get({ id: envelope.id }), 'ENVELOPE_NOT_FOUND')
      await refused(theirs.handoffs.status({ id: envelope.id }), 'ENVELOPE_NOT_FOUND')
      await refused(theirs.handoffs.lineage({ id: envelope.id }), 'ENVELOPE_NOT_FOUND')
      await refused(sealed(theirs, { previous: envelope.id }), 'ENVELOPE_NOT_FOUND')
      await refused(sealed(theirs, { previous: delivery.id }), 'ENVELOPE_NOT_FOUND')
      await refused(theirs.deliveries.send({ envelope_id: envelope.id }), 'ENVELOPE_NOT_FOUND')
      await refused(theirs.parked.park({ envelope_id: envelope.id, reason: 'x' }), 'ENVELOPE_NOT_FOUND')
      await refused(theirs.deliveries.get({ id: delivery.id }), 'DELIVERY_NOT_FOUND')
      const lease = leaseOf(held)
      for (const action of ['accept', 'complete', 'heartbeat', 'release'] as const)
        await refused(theirs.deliveries[action](lease), 'DELIVERY_NOT_FOUND')
      await refused(theirs.deliveries.nack({ ...lease, reason: 'x' }), 'DELIVERY_NOT_FOUND')
      const { results } = await theirs.deliveries.settle({ items: [{ action: 'complete', ...lease }] })
      assert.equal(results[0]?.error?.code, 'DELIVERY_NOT_FOUND')

      assert.deepEqual(await contents(theirs), nothing)
      assert.deepEqual([await contents(ours), await ours.deliveries.get({ id: delivery.id })], before)
    })

    test('the same ids, names and inboxes live side by side', async () => {
      const subject = await open()
      const [ours, theirs] = [await subject.at(newNamespace()), await subject.at(newNamespace())]
      for (const [spine, word] of [
        [ours, 'ours'],
        [theirs, 'theirs'],
      ] as const) {
        await spine.memories.store({ id: 'm', content: word })
        await spine.tasks.put({ id: 't', intent: word })
        await sent(spine, { task_id: 't', memory_ids: ['m'] })
      }
      for (const [spine, word] of [
        [ours, 'ours'],
        [theirs, 'theirs'],
      ] as const) {
        const { envelope } = await receivedOne(spine)
        assert.deepEqual([envelope.task.intent, envelope.memories[0]?.content], [word, word])
      }
      // The same envelope may be in both.
      const made = await sealed(ours, { target_agent: 'both', previous: null })
      await ours.deliveries.send({ envelope_id: made.id })
      await theirs.deliveries.send({ envelope: made })
      assert.equal((await received(ours, 'both')).length, 1)
      assert.equal((await received(theirs, 'both')).length, 1)
    })

    test('each namespace counts its own memories', async () => {
      const subject = await open()
      const [ours, theirs] = [await subject.at(newNamespace()), await subject.at(newNamespace())]
      const stored = async (spine: typeof ours) => (await spine.memories.store({ content: 'x' })).memories[0]?.id
      assert.deepEqual([await stored(ours), await stored(theirs)], ['ms-1', 'ms-1'])
      assert.deepEqual([await stored(ours), await stored(ours), await stored(theirs)], ['ms-2', 'ms-3', 'ms-2'])
    })

    test('a key of an agent settles the deliveries of this agent only, also with the token of another lease', async () => {
      const subject = await open()
      const namespace = newNamespace()
      const [everybody, coder, x] = await Promise.all(
        [undefined, 'coder', 'x'].map((agent) => subject.at(namespace, agent)),
      )
      assert.ok(everybody && coder && x)
      await sent(everybody)
      const held = await receivedOne(coder)
      const lease = leaseOf(held)
      const before = await everybody.deliveries.get({ id: held.id })
      const actions = ['accept', 'heartbeat', 'complete', 'release'] as const
      for (const action of actions) {
        const error = await refused(x.deliveries[action](lease), 'FORBIDDEN')
        assert.match(error.message, /The key is that of x; the delivery is for coder/)
      }
      const { results } = await x.deliveries.settle({ items: actions.map((action) => ({ action, ...lease })) })
      assert.deepEqual(
        results.map(({ error }) => error?.code),
        actions.map(() => 'FORBIDDEN'),
      )
      for (const kind of ['retry', 'declined', 'needs_clarification', 'fatal'] as const)
        await refused(x.deliveries.nack({ ...lease, kind, reason: 'x' }), 'FORBIDDEN')
      assert.deepEqual(await everybody.deliveries.get({ id: held.id }), before)
      await coder.deliveries.accept(lease)
      // Nor is a repeat answered to a stranger.
      await refused(x.deliveries.accept(lease), 'FORBIDDEN')
      // What joins must be its own as well.
      await sent(everybody, { target_agent: 'x', previous: null })
      const own = await receivedOne(x, 'x')
      const handoff = { target_agent: 'reviewer', task_summary: 'Join.' }
      await refused(x.deliveries.forward({ ...leaseOf(own), also: [lease], handoff }), 'FORBIDDEN')
      await refused(x.agents.put({ name: 'coder', fallback_agent: 'x' }), 'FORBIDDEN')
      assert.equal((await everybody.deliveries.complete(lease)).state, 'completed')
    })

    test('a key of an agent receives for this agent only', async () => {
      const subject = await open()
      const namespace = newNamespace()
      const [everybody, coder] = [await subject.at(namespace), await subject.at(namespace, 'coder')]
      await sent(everybody, { target_agent: 'tester' })
      await refused(received(coder, 'tester'), 'FORBIDDEN')
      assert.deepEqual(await received(coder), [])
      assert.equal((await received(everybody, 'tester')).length, 1)
    })
  })
}
