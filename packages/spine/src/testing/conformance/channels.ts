/** Channels: one envelope to several receivers, all of the deliveries or none, and where each of them is. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Publication } from '../../protocol/channel.ts'
import type { Spine } from '../../protocol/spine.ts'
import { contents, fresh, leaseOf, type OpenSubject, received, receivedOne, refused, sealed } from './subject.ts'

const states = ({ deliveries }: Publication) => deliveries.map(({ target, state }) => [target, state])

export function channelsSuite(name: string, open: OpenSubject): void {
  const forAll = (spine: Spine) => sealed(spine, { target_agent: 'broadcast', previous: null })
  const complete = async (spine: Spine, agent: string, output: string) =>
    spine.deliveries.complete({ ...leaseOf(await receivedOne(spine, agent, { wait_ms: 10_000 })), output })

  describe(`channels (${name})`, { concurrency: 8 }, () => {
    test('a publish makes one delivery for each receiver, and its status is what it answered', async () => {
      const spine = await fresh(open)
      const { id, digest } = await forAll(spine)
      const publication = await spine.channels.publish({
        channel: 'news',
        envelope_id: id,
        receivers: ['b', 'a', 'b'],
        priority: 'high',
      })
      assert.deepEqual(states(publication), [
        ['a', 'ready'],
        ['b', 'ready'],
      ])
      assert.deepEqual(
        [publication.channel, publication.envelope_id, publication.settled, publication.not_completed],
        ['news', id, false, []],
      )
      for (const delivery of publication.deliveries)
        assert.deepEqual([delivery.channel, delivery.priority], ['news', 'high'])
      assert.deepEqual(await spine.channels.status({ channel: 'news', envelope_id: id }), publication)
      for (const agent of ['a', 'b']) assert.equal((await receivedOne(spine, agent)).envelope.digest, digest)
      assert.deepEqual(await received(spine, 'broadcast'), [])
    })

    test('who cannot read the version or has no room is parked with the reason, the others go on', async () => {
      const spine = await fresh(open)
      const { id } = await sealed(spine, { target_agent: 'broadcast', task_summary: 'word '.repeat(200) })
      await spine.agents.put({ name: 'old', accepts_versions: ['1'] })
      await spine.agents.put({ name: 'small', context_window: 100 })
      const published = await spine.channels.publish({
        channel: 'c',
        envelope_id: id,
        receivers: ['old', 'well', 'small'],
      })
      assert.deepEqual(states(published), [
        ['old', 'parked'],
        ['small', 'parked'],
        ['well', 'ready'],
      ])
      assert.match(String(published.deliveries[0]?.reason), /reads versions 1/)
      assert.match(String(published.deliveries[1]?.reason), /room for 100 tokens/)
      await complete(spine, 'well', 'done')
      const settled = await spine.channels.status({ channel: 'c', envelope_id: id })
      assert.deepEqual([settled.settled, settled.not_completed], [true, ['old', 'small']])
    })

    test('a publish that is refused stores nothing for anybody', async () => {
      const spine = await fresh(open)
      const { id, ...rest } = await forAll(spine)
      const before = await contents(spine)
      const publish = (input: object) => spine.channels.publish({ channel: 'c', receivers: ['a', 'b'], ...input })
      await refused(publish({}), 'INVALID_INPUT')
      await refused(publish({ envelope_id: id, envelope: { id, ...rest } }), 'INVALID_INPUT')
      await refused(publish({ envelope_id: 'nobody' }), 'ENVELOPE_NOT_FOUND')
      await refused(publish({ envelope: { id, ...rest, source_agent: 'forged' } }), 'DIGEST_MISMATCH')
      await refused(publish({ envelope_id: id, receivers: [] }), 'INVALID_INPUT')
      await refused(spine.channels.status({ channel: 'c', envelope_id: id }), 'ENVELOPE_NOT_FOUND')
      assert.deepEqual(await contents(spine), before)
      assert.deepEqual((await spine.channels.list({})).channels, [])
    })

    test('an envelope that comes whole is stored with its deliveries, for many receivers at once', async () => {
      const [one, two] = [await fresh(open), await fresh(open)]
      const envelope = await forAll(one)
      const receivers = Array.from({ length: 100 }, (_, index) => `agent-${index}`)
      const published = await two.channels.publish({ channel: 'all', envelope, receivers })
      assert.equal(published.deliveries.length, 100)
      assert.deepEqual(await two.handoffs.get({ id: envelope.id }), envelope)
      assert.deepEqual((await receivedOne(two, 'agent-42')).envelope, envelope)
    })

    test('a repeat makes nothing new, another body with the same key is a conflict', async () => {
      const spine = await fresh(open)
      const { id } = await forAll(spine)
      const input = { channel: 'c', envelope_id: id, receivers: ['a', 'b'], idempotency_key: 'k' }
      const first = await spine.channels.publish(input)
      assert.deepEqual(await spine.channels.publish(input), first)
      assert.deepEqual(await spine.channels.publish({ channel: 'c', envelope_id: id, receivers: ['b', 'a'] }), first)
      const before = await spine.deliveries.list({})
      await refused(spine.channels.publish({ ...input, receivers: ['a', 'z'] }), 'IDEMPOTENCY_CONFLICT')
      await refused(spine.channels.publish({ ...input, channel: 'other' }), 'IDEMPOTENCY_CONFLICT')
      assert.deepEqual(await spine.deliveries.list({}), before)
    })

    test('of many publishes at once each receiver gets one delivery', async () => {
      const spine = await fresh(open)
      const { id } = await forAll(spine)
      const input = { channel: 'c', envelope_id: id, receivers: ['a', 'b', 'c'] }
      const answers = await Promise.all(Array.from({ length: 6 }, () => spine.channels.publish(input)))
      for (const answer of answers) assert.deepEqual(answer, answers[0])
      assert.equal((await spine.deliveries.list({})).deliveries.length, 3)
    })

    test('a receiver that comes late finds its delivery, one that is added later joins, one that waits has it at once', async () => {
      const spine = await fresh(open)
      const { id } = await forAll(spine)
      const waiting = received(spine, 'waits', { wait_ms: 30_000 })
      const publish = (receivers: string[]) => spine.channels.publish({ channel: 'c', envelope_id: id, receivers })
      await publish(['waits', 'late'])
      assert.equal((await waiting)[0]?.envelope_id, id)
      assert.deepEqual(
        states(await publish(['added'])).map(([target]) => target),
        ['added', 'late', 'waits'],
      )
      assert.equal((await receivedOne(spine, 'late')).envelope_id, id)
      assert.equal((await receivedOne(spine, 'added')).envelope_id, id)
    })

    test('what was sent directly before is the same delivery, and belongs to the channel from then on', async () => {
      const spine = await fresh(open)
      const { id } = await sealed(spine)
      const direct = await spine.deliveries.send({ envelope_id: id })
      const published = await spine.channels.publish({ channel: 'c', envelope_id: id, receivers: ['coder', 'other'] })
      assert.deepEqual(
        published.deliveries.map((delivery) => delivery.target),
        ['coder', 'other'],
      )
      assert.deepEqual(published.deliveries[0], { ...direct, channel: 'c' })
    })

    test('a wait for all ends when the last is there, parked ones do not hold it up', async () => {
      const spine = await fresh(open)
      const { id } = await forAll(spine)
      await spine.agents.put({ name: 'old', accepts_versions: ['1'] })
      const receivers = ['a', 'b', 'old']
      const input = { channel: 'c', envelope_id: id, receivers, timeout_ms: 60_000 } as const
      const waiting = spine.channels.publish({ ...input, wait: 'all', goal: 'completed' })
      await complete(spine, 'a', 'A')
      assert.equal((await spine.channels.status({ channel: 'c', envelope_id: id })).settled, false)
      await complete(spine, 'b', 'B')
      const publication = await waiting
      assert.deepEqual(states(publication), [
        ['a', 'completed'],
        ['b', 'completed'],
        ['old', 'parked'],
      ])
      assert.deepEqual([publication.settled, publication.not_completed], [true, ['old']])
      assert.deepEqual(await spine.channels.publish({ ...input, wait: 'all' }), publication)
    })

    test('a wait for any ends with the first that got there, not with a parked one', async () => {
      const spine = await fresh(open)
      const { id } = await forAll(spine)
      await spine.agents.put({ name: 'old', accepts_versions: ['1'] })
      const receivers = ['a', 'b', 'old']
      const waiting = spine.channels.publish({
        channel: 'c',
        envelope_id: id,
        receivers,
        wait: 'any',
        timeout_ms: 60_000,
      })
      await spine.deliveries.accept(leaseOf(await receivedOne(spine, 'b', { wait_ms: 10_000 })))
      assert.deepEqual(states(await waiting), [
        ['a', 'ready'],
        ['b', 'accepted'],
        ['old', 'parked'],
      ])
    })

    test('a wait for any does not end with one that was cancelled', async () => {
      const spine = await fresh(open)
      const { id } = await forAll(spine)
      const input = { channel: 'c', envelope_id: id, receivers: ['a', 'b'] }
      const [first] = (await spine.channels.publish(input)).deliveries
      await spine.deliveries.cancel({ id: String(first?.id), reason: 'not needed' })
      const waiting = spine.channels.publish({ ...input, wait: 'any', timeout_ms: 60_000 })
      await spine.deliveries.accept(leaseOf(await receivedOne(spine, 'b', { wait_ms: 10_000 })))
      assert.deepEqual(states(await waiting), [
        ['a', 'cancelled'],
        ['b', 'accepted'],
      ])
    })

    test('who had the envelope through another channel has it once, and is in the answer of both', async () => {
      const spine = await fresh(open)
      const { id } = await forAll(spine)
      const publish = (channel: string, receivers: string[]) =>
        spine.channels.publish({ channel, envelope_id: id, receivers })
      const [first] = (await publish('one', ['a'])).deliveries
      const second = await publish('two', ['a', 'b'])
      assert.deepEqual(states(second), [
        ['a', 'ready'],
        ['b', 'ready'],
      ])
      assert.equal(second.deliveries[0]?.id, first?.id)
      assert.equal(second.settled, false)
    })

    test('a wait that runs out is no error: the answer says who is not there', async () => {
      const spine = await fresh(open)
      const { id } = await forAll(spine)
      for (const wait of ['all', 'any'] as const) {
        const input = { channel: 'c', envelope_id: id, receivers: ['a', 'b'], wait, timeout_ms: 1 }
        const publication = await spine.channels.publish(input)
        assert.deepEqual(states(publication), [
          ['a', 'ready'],
          ['b', 'ready'],
        ])
        assert.equal(publication.settled, false)
      }
    })

    test('what the receivers answered is joined: one continues all, with each output in its history', async () => {
      const spine = await fresh(open)
      const { id } = await forAll(spine)
      const published = await spine.channels.publish({ channel: 'c', envelope_id: id, receivers: ['a', 'b'] })
      await complete(spine, 'a', 'found 3 hotels')
      await complete(spine, 'b', 'found 2 trains')
      const joined = await sealed(spine, {
        source_agent: 'planner',
        previous: published.deliveries.map((delivery) => delivery.id),
      })
      assert.deepEqual(
        joined.chain.previous.map((link) => link.id),
        [id],
      )
      const told = joined.execution_history.map((entry) => [entry.agent, entry.action, entry.output])
      assert.deepEqual(told.toSorted(), [
        ['a', 'completed', 'found 3 hotels'],
        ['b', 'completed', 'found 2 trains'],
      ])
    })

    test('the channels that were published to are listed', async () => {
      const spine = await fresh(open)
      for (const channel of ['two', 'one', 'two']) {
        const { id } = await forAll(spine)
        await spine.channels.publish({ channel, envelope_id: id, receivers: ['a', 'b'] })
      }
      const { channels } = await spine.channels.list({})
      assert.deepEqual(
        channels.map(({ name: channel, publications }) => [channel, publications]),
        [
          ['one', 1],
          ['two', 2],
        ],
      )
      const page = await spine.channels.list({ limit: 1 })
      assert.equal((await spine.channels.list({ limit: 1, after: page.next })).channels[0]?.name, 'two')
    })
  })
}
