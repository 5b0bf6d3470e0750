/** Handing on: forward, the ways a receiver says no, and what a sender can still do about a delivery. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HandoffInput } from '../../protocol/handoff.ts'
import type { Spine } from '../../protocol/spine.ts'
import {
  fresh,
  handedOver,
  leaseOf,
  type OpenSubject,
  received,
  receivedOne,
  refused,
  sealed,
  sent,
} from './subject.ts'

type Next = Omit<HandoffInput, 'previous' | 'target_agent'> & { target_agent?: string }
const testing = { target_agent: 'tester', task_summary: 'Test it.' }

/** The agent takes its one delivery and hands it on. */
const pass = async (spine: Spine, from: string, handoff: Next) =>
  spine.deliveries.forward({ ...leaseOf(await receivedOne(spine, from)), handoff })

/** What is sealed and sent. */
const moves = async (spine: Spine) => [await spine.handoffs.list({}), await spine.deliveries.list({})]

export function forwardSuite(name: string, open: OpenSubject): void {
  describe(`forward (${name})`, { concurrency: 8 }, () => {
    test('a forward completes, seals and sends; the next one sees what was answered', async () => {
      const spine = await fresh(open)
      const held = await handedOver(spine, { intent: 'Ship it.', constraints: { max_cost: 9 }, source_agent: 'boss' })
      const answer = await spine.deliveries.forward({ ...leaseOf(held), output: { files: 2 }, handoff: testing })
      const { delivery, envelope, deliveries } = answer
      assert.deepEqual(
        [delivery.id, delivery.state, delivery.output, delivery.successor, delivery.attempts],
        [held.id, 'completed', { files: 2 }, envelope.id, 1],
      )
      assert.equal(delivery.history.at(-1)?.event, 'forward')
      const { source_agent, target_agent, task, constraints, chain } = envelope
      assert.deepEqual(
        [source_agent, target_agent, task.intent, constraints, chain.path, chain.linked],
        ['coder', 'tester', 'Ship it.', { max_cost: 9 }, ['boss', 'coder', 'tester'], 'given'],
      )
      assert.deepEqual(
        envelope.execution_history.map((entry) => [entry.agent, entry.action, entry.output, entry.delivery_id]),
        [['coder', 'completed', '{"files":2}', held.id]],
      )
      const next = await receivedOne(spine, 'tester')
      assert.deepEqual([deliveries.length, deliveries[0]?.id, next.envelope], [1, next.id, envelope])
      assert.deepEqual(await spine.deliveries.get({ id: held.id }), delivery)
    })

    test('a forward wakes the receiver that waits for it, and the sender that waits for the first', async () => {
      const spine = await fresh(open)
      const { id } = await sealed(spine)
      const sender = spine.deliveries.send({ envelope_id: id, wait: 'completed', timeout_ms: 60_000 })
      const lease = leaseOf(await receivedOne(spine, 'coder', { wait_ms: 10_000 }))
      const waiting = received(spine, 'tester', { wait_ms: 30_000 })
      const { envelope } = await spine.deliveries.forward({ ...lease, handoff: testing })
      assert.equal((await waiting)[0]?.envelope_id, envelope.id)
      assert.equal((await sender).successor, envelope.id)
    })

    test('an overtaken, settled or invented lease hands on nothing', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const stale = leaseOf(await receivedOne(spine))
      await spine.deliveries.release(stale)
      const current = leaseOf(await receivedOne(spine))
      const forward = (lease: { id: string; lease_token: string }, also: (typeof lease)[] = []) =>
        spine.deliveries.forward({ ...lease, also, handoff: testing })
      const other = await handedOver(spine, { target_agent: 'other', previous: null })
      const before = await moves(spine)
      await refused(forward(stale), 'LEASE_LOST')
      await refused(forward({ ...current, lease_token: 'lt_guessed' }), 'LEASE_LOST')
      await refused(forward({ id: 'dlv_nobody', lease_token: 'lt_guessed' }), 'DELIVERY_NOT_FOUND')
      await refused(forward(leaseOf(other), [stale]), 'LEASE_LOST')
      assert.deepEqual(await moves(spine), before)
      await spine.deliveries.complete(current)
      const after = await moves(spine)
      await refused(forward(current), 'WRONG_STATE')
      assert.deepEqual(await moves(spine), after)
      assert.deepEqual(await received(spine, 'tester'), [])
    })

    test('a repeat answers as before; of several at once one hands on', async () => {
      const spine = await fresh(open)
      const lease = leaseOf(await handedOver(spine))
      const call = () => spine.deliveries.forward({ ...lease, output: 1, handoff: testing })
      const answers = await Promise.all([call(), call(), call()])
      const first = answers.find(({ delivery }) => !delivery.duplicate)
      assert.ok(first)
      const repeat = { ...first, delivery: { ...first.delivery, duplicate: true } }
      assert.deepEqual(
        answers.filter((answer) => answer !== first),
        [repeat, repeat],
      )
      assert.deepEqual(await call(), repeat)
      assert.equal((await spine.handoffs.list({})).handoffs.length, 2)
      assert.equal((await received(spine, 'tester', { max: 9 })).length, 1)
    })

    test('without a target the profile says who is next, or nobody is', async () => {
      const spine = await fresh(open)
      const held = await handedOver(spine)
      const forward = (handoff: Next) => spine.deliveries.forward({ ...leaseOf(held), handoff })
      await refused(forward({ task_summary: 'x' }), 'INVALID_INPUT')
      await refused(forward({ task_summary: 'x', target_agent: 'broadcast' }), 'INVALID_INPUT')
      await spine.agents.put({ name: 'coder', next_agent: 'writer' })
      assert.equal((await forward({ task_summary: 'x' })).envelope.target_agent, 'writer')
    })

    test('a forward to a channel sends to every receiver, and a repeat says the same', async () => {
      const spine = await fresh(open)
      const held = await handedOver(spine)
      const input = { ...leaseOf(held), channel: 'reviews', handoff: { task_summary: 'Review it.' } }
      await refused(spine.deliveries.forward(input), 'INVALID_INPUT')
      await spine.agents.put({ name: 'old', accepts_versions: ['1'] })
      const call = () => spine.deliveries.forward({ ...input, receivers: ['b', 'old', 'a', 'b'] })
      const { delivery, envelope, deliveries } = await call()
      assert.equal(envelope.target_agent, 'broadcast')
      assert.deepEqual(
        deliveries.map(({ target, state, channel }) => [target, state, channel]),
        [
          ['a', 'ready', 'reviews'],
          ['b', 'ready', 'reviews'],
          ['old', 'parked', 'reviews'],
        ],
      )
      const status = await spine.channels.status({ channel: 'reviews', envelope_id: envelope.id })
      assert.deepEqual(status.deliveries, deliveries)
      assert.deepEqual(await call(), { delivery: { ...delivery, duplicate: true }, envelope, deliveries })
    })

    test('branches join: one forward ends both, both are continued, constraints are united', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { target_agent: 'broadcast', intent: 'Plan it.', constraints: { max_cost: 9 } })
      await spine.channels.publish({ channel: 'c', envelope_id: root.id, receivers: ['a', 'b'] })
      const branch = (agent: string, constraints: Record<string, string>) =>
        pass(spine, agent, { target_agent: 'joiner', task_summary: 'Join.', constraints })
      const left = await branch('a', { region: 'EU' })
      const right = await branch('b', { style: 'plain' })
      const [one, two] = await received(spine, 'joiner', { max: 2 })
      assert.ok(one && two)
      const joined = await spine.deliveries.forward({
        ...leaseOf(one),
        also: [leaseOf(two)],
        output: 'both read',
        handoff: testing,
      })
      const { chain, constraints, task, execution_history } = joined.envelope
      assert.deepEqual(new Set(chain.previous.map(({ id }) => id)), new Set([left.envelope.id, right.envelope.id]))
      assert.deepEqual(constraints, { max_cost: 9, region: 'EU', style: 'plain' })
      assert.deepEqual([task.intent, chain.hop], ['Plan it.', 3])
      assert.ok(execution_history.some((entry) => entry.output === 'both read'))
      for (const { id } of [one, two]) {
        const ended = await spine.deliveries.get({ id })
        assert.deepEqual([ended.state, ended.successor], ['completed', joined.envelope.id])
      }
    })

    test('the hop limit parks the delivery with the path; a redrive with more hops lets it go on', async () => {
      const spine = await fresh(open)
      const held = await handedOver(spine, { source_agent: 'boss', max_hops: 1 })
      const forward = (lease: { id: string; lease_token: string }) =>
        spine.deliveries.forward({ ...lease, output: 'lost?', handoff: testing })
      for (let turn = 0; turn < 2; turn += 1)
        assert.deepEqual((await refused(forward(leaseOf(held)), 'HOP_LIMIT')).extra.path, ['boss', 'coder', 'tester'])
      const parked = await spine.parked.get({ id: held.id })
      assert.match(String(parked.reason), /HOP_LIMIT.*boss > coder > tester/)
      assert.equal(parked.history.at(-1)?.event, 'refused')
      assert.equal((await spine.handoffs.list({})).handoffs.length, 1)
      await spine.parked.redrive({ ids: [held.id], extra_hops: 1 })
      const { envelope } = await forward(leaseOf(await receivedOne(spine)))
      assert.deepEqual([envelope.chain.hop, envelope.chain.max_hops], [2, 2])
      await refused(pass(spine, 'tester', { target_agent: 'x', task_summary: 'x' }), 'HOP_LIMIT')
      assert.equal((await spine.parked.list({ target: 'tester' })).deliveries.length, 1)
    })

    test('who takes over from a redriven one may use its hops too', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'coder', fallback_agent: 'backup' })
      const held = await handedOver(spine, { max_hops: 1 })
      await refused(spine.deliveries.forward({ ...leaseOf(held), handoff: testing }), 'HOP_LIMIT')
      await spine.parked.redrive({ ids: [held.id], extra_hops: 1 })
      await spine.deliveries.reroute({ id: held.id })
      assert.equal((await pass(spine, 'backup', testing)).envelope.chain.hop, 2)
    })

    test('a refused forward with a stale lease parks nothing', async () => {
      const spine = await fresh(open)
      await sent(spine, { max_hops: 1 })
      const stale = leaseOf(await receivedOne(spine))
      await spine.deliveries.release(stale)
      const held = await receivedOne(spine)
      await refused(spine.deliveries.forward({ ...stale, handoff: testing }), 'LEASE_LOST')
      assert.equal((await spine.deliveries.get({ id: held.id })).state, 'leased')
    })

    test('work in a circle is parked with the path; a redrive with a warning lets it go on', async () => {
      const spine = await fresh(open)
      const turn = 'Your turn.'
      await sent(spine, { source_agent: 'writer', target_agent: 'reviewer', task_summary: turn })
      const hop = (from: string, to: string) => pass(spine, from, { target_agent: to, task_summary: turn })
      for (const [from, to] of [
        ['reviewer', 'writer'],
        ['writer', 'reviewer'],
        ['reviewer', 'writer'],
      ] as const)
        await hop(from, to)
      await refused(hop('writer', 'reviewer'), 'CYCLE')
      const [parked] = (await spine.parked.list({})).deliveries
      assert.match(String(parked?.reason), /CYCLE.*writer > reviewer > writer/)
      await spine.parked.redrive({ ids: [String(parked?.id)], cycle: 'warn' })
      const { envelope } = await hop('writer', 'reviewer')
      assert.deepEqual([envelope.chain.hop, envelope.chain.cycle], [5, 'warn'])
    })

    test('a writer and a reviewer who go back and forth five times and change something are no circle', async () => {
      const spine = await fresh(open)
      const change = (draft: number) => ({ task_summary: 'Your turn.', state: { progress: `draft ${draft}` } })
      await sent(spine, { source_agent: 'writer', target_agent: 'reviewer', max_hops: 20, ...change(0) })
      for (let draft = 1; draft <= 5; draft += 1) {
        await pass(spine, 'reviewer', { target_agent: 'writer', ...change(draft) })
        await pass(spine, 'writer', { target_agent: 'reviewer', ...change(draft) })
      }
      assert.equal((await receivedOne(spine, 'reviewer')).envelope.chain.hop, 11)
    })

    test('what is declined goes to the fallback, once, else it is parked', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'coder', fallback_agent: 'backup' })
      await spine.agents.put({ name: 'backup', fallback_agent: 'third' })
      const { envelope } = await sent(spine)
      const decline = (lease: { id: string; lease_token: string }) =>
        spine.deliveries.nack({ ...lease, kind: 'declined', reason: 'not mine' })
      const lease = leaseOf(await receivedOne(spine))
      await refused(decline({ ...lease, lease_token: 'lt_guessed' }), 'LEASE_LOST')
      const declined = await decline(lease)
      assert.deepEqual([declined.state, declined.reason], ['rerouted', 'not mine'])
      assert.deepEqual(await decline(lease), { ...declined, duplicate: true })
      const next = await receivedOne(spine, 'backup')
      assert.deepEqual([next.id, next.envelope], [declined.successor, envelope])
      const again = await decline(leaseOf(next))
      assert.deepEqual([again.state, again.successor], ['parked', undefined])
      assert.deepEqual(await received(spine, 'third'), [])
    })

    test('a fallback that cannot read it or had it already is skipped; one of many settled finds its own', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'coder', fallback_agent: 'old' })
      await spine.agents.put({ name: 'old', accepts_versions: ['3'] })
      const decline = async () => {
        const lease = leaseOf(await receivedOne(spine))
        const item = { action: 'nack', kind: 'declined', reason: 'not mine', ...lease } as const
        return (await spine.deliveries.settle({ items: [item] })).results[0]?.delivery?.state
      }
      await sent(spine, { previous: null })
      assert.equal(await decline(), 'parked')
      await spine.agents.put({ name: 'coder', fallback_agent: 'backup' })
      const { envelope } = await sent(spine, { previous: null })
      await spine.deliveries.send({ envelope_id: envelope.id, target: 'backup' })
      assert.equal(await decline(), 'parked')
      await sent(spine, { previous: null })
      assert.equal(await decline(), 'rerouted')
    })

    test('a question parks it; the handoff that answers closes it', async () => {
      const spine = await fresh(open)
      await sent(spine, { source_agent: 'boss' })
      const lease = leaseOf(await receivedOne(spine))
      const ask = () => spine.deliveries.nack({ ...lease, kind: 'needs_clarification', reason: 'Which city?' })
      const asked = await ask()
      assert.deepEqual([asked.state, asked.question], ['parked', 'Which city?'])
      assert.deepEqual(await ask(), { ...asked, duplicate: true })
      const answer = await sealed(spine, { source_agent: 'boss', previous: lease.id, task_summary: 'Oslo.' })
      const closed = await spine.deliveries.get({ id: lease.id })
      assert.deepEqual([closed.state, closed.successor], ['cancelled', answer.id])
      assert.equal(closed.history.at(-1)?.event, 'answered')
      await sealed(spine, { source_agent: 'boss', previous: lease.id })
      assert.equal((await spine.deliveries.get({ id: lease.id })).successor, answer.id)
    })

    test('what is parked for another reason is not closed by a handoff that continues it', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const lease = leaseOf(await receivedOne(spine))
      await spine.deliveries.nack({ ...lease, kind: 'fatal', reason: 'broken' })
      await sealed(spine, { source_agent: 'boss', previous: lease.id })
      assert.equal((await spine.deliveries.get({ id: lease.id })).state, 'parked')
    })

    test('a sender reroutes what is ready to the fallback, in one step', async () => {
      const spine = await fresh(open)
      const { envelope, delivery } = await sent(spine)
      const reroute = (id = delivery.id) => spine.deliveries.reroute({ id, reason: 'nobody there' })
      await refused(reroute('dlv_nobody'), 'DELIVERY_NOT_FOUND')
      await refused(reroute(), 'NO_FALLBACK')
      await spine.agents.put({ name: 'coder', fallback_agent: 'backup' })
      await spine.agents.put({ name: 'backup', fallback_agent: 'third' })
      const lease = leaseOf(await receivedOne(spine))
      await refused(reroute(), 'WRONG_STATE')
      await spine.deliveries.release(lease)
      const answer = await reroute()
      assert.deepEqual(
        [answer.delivery.state, answer.delivery.reason, answer.delivery.successor],
        ['rerouted', 'nobody there', answer.next.id],
      )
      assert.deepEqual([answer.next.target, answer.next.envelope_id], ['backup', envelope.id])
      assert.deepEqual(await reroute(), { ...answer, delivery: { ...answer.delivery, duplicate: true } })
      await refused(reroute(answer.next.id), 'NO_FALLBACK')
      assert.equal((await receivedOne(spine, 'backup')).envelope.digest, envelope.digest)
      await refused(spine.deliveries.complete(lease), 'WRONG_STATE')
    })

    test('a reroute skips a fallback that cannot read it, has no room, or had it; nothing changes then', async () => {
      const spine = await fresh(open)
      const { envelope, delivery } = await sent(spine, { task_summary: 'word '.repeat(200) })
      await spine.agents.put({ name: 'old', accepts_versions: ['3'] })
      await spine.agents.put({ name: 'small', context_window: 100 })
      await spine.deliveries.send({ envelope_id: envelope.id, target: 'had' })
      for (const fallback_agent of ['old', 'small', 'had', 'coder']) {
        await spine.agents.put({ name: 'coder', fallback_agent })
        await refused(spine.deliveries.reroute({ id: delivery.id }), 'NO_FALLBACK')
      }
      assert.deepEqual(await spine.deliveries.get({ id: delivery.id }), delivery)
    })

    test('of several reroutes at once one moves it, and all are told of the same next delivery', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'coder', fallback_agent: 'backup' })
      for (let round = 0; round < 5; round += 1) {
        const { id } = (await sent(spine, { previous: null })).delivery
        const answers = await Promise.all([1, 2, 3].map(() => spine.deliveries.reroute({ id })))
        assert.equal(new Set(answers.map(({ next }) => next.id)).size, 1)
        assert.equal(answers.filter(({ delivery }) => delivery.duplicate !== true).length, 1)
      }
    })

    test('a reroute beside a send of the same envelope to the fallback leads to a delivery that is there', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'coder', fallback_agent: 'backup' })
      for (let round = 0; round < 10; round += 1) {
        const { envelope, delivery } = await sent(spine, { previous: null })
        const [rerouted] = await Promise.allSettled([
          spine.deliveries.reroute({ id: delivery.id }),
          spine.deliveries.send({ envelope_id: envelope.id, target: 'backup' }),
        ])
        const { state, successor } = await spine.deliveries.get({ id: delivery.id })
        if (rerouted.status === 'fulfilled') assert.equal(rerouted.value.next.id, rerouted.value.delivery.successor)
        if (state === 'ready') assert.equal(rerouted.status, 'rejected')
        else assert.equal((await spine.deliveries.get({ id: String(successor) })).target, 'backup')
      }
    })

    test('a cancel beside the nack that hands it back takes it back, or finds it accepted still', async () => {
      const spine = await fresh(open)
      for (let round = 0; round < 10; round += 1) {
        const { id } = (await sent(spine, { previous: null })).delivery
        const lease = leaseOf(await receivedOne(spine))
        await spine.deliveries.accept(lease)
        const [cancelling] = await Promise.allSettled([
          spine.deliveries.cancel({ id }),
          spine.deliveries.nack({ ...lease, reason: 'busy', delay_ms: 86_400_000 }),
        ])
        if (cancelling.status === 'rejected') assert.equal(cancelling.reason.code, 'ALREADY_ACCEPTED')
        else assert.equal(cancelling.value.state, 'cancelled')
      }
    })

    test('a sender cancels what nobody accepted; who waits for it hears of it', async () => {
      const spine = await fresh(open)
      const { envelope, delivery } = await sent(spine)
      const waiting = spine.deliveries.send({ envelope_id: envelope.id, wait: 'accepted', timeout_ms: 60_000 })
      // A send that repeats may hold the row for a moment.
      const lease = leaseOf(await receivedOne(spine, 'coder', { wait_ms: 10_000 }))
      const cancel = (id = delivery.id) => spine.deliveries.cancel({ id, reason: 'changed my mind' })
      const cancelled = await cancel()
      assert.deepEqual([cancelled.state, cancelled.reason], ['cancelled', 'changed my mind'])
      assert.equal((await waiting).state, 'cancelled')
      assert.deepEqual(await cancel(), { ...cancelled, duplicate: true })
      await refused(spine.deliveries.complete(lease), 'WRONG_STATE')
      await refused(cancel('dlv_nobody'), 'DELIVERY_NOT_FOUND')
      const ready = (await sent(spine, { previous: null })).delivery
      assert.equal((await cancel(ready.id)).state, 'cancelled')
      assert.deepEqual(await received(spine), [])
      const held = await handedOver(spine, { previous: null })
      await refused(cancel(held.id), 'ALREADY_ACCEPTED')
      await spine.deliveries.complete(leaseOf(held))
      await refused(cancel(held.id), 'ALREADY_ACCEPTED')
      const other = await handedOver(spine, { previous: null })
      await spine.deliveries.nack({ ...leaseOf(other), kind: 'fatal', reason: 'no' })
      await refused(cancel(other.id), 'WRONG_STATE')
    })
  })
}
