/** Pushes as time passes: attempts, leases, breaker, addresses that are gone, several nodes, and nodes that close. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Delivery } from '../../protocol/delivery.ts'
import { pushSecret } from './hooks.ts'
import { pushTo } from './push.ts'
import { leaseOf, newNamespace, type OpenTimedSubject, refused, sent } from './subject.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const push_secrets = [pushSecret]

/** Real turns, because the other side is a real socket. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Of a spine that watches. */
export function pushAlertsSuite(name: string, openSubject: OpenTimedSubject): void {
  test(`what waits for an address that is gone is told, with what to do (${name})`, async () => {
    const { at, hooks, clock } = await openSubject()
    const spine = await at(newNamespace())
    await pushTo(
      spine,
      hooks.hook(() => ({ status: 410 })),
    )
    await sent(spine, { previous: null })
    while ((await spine.agents.get({ name: 'coder' })).push_stopped === undefined) await turn()
    await clock.jump(5 * MINUTE)
    await clock.advance(15 * SECOND)
    const [alert] = (await spine.alerts.list({})).alerts
    assert.deepEqual([alert?.rule, alert?.target], ['unclaimed', 'coder'])
    assert.match(alert?.next ?? '', /^Nothing is pushed to coder any more \(.*410\): set its profile again/)
  })
}

export function timedPushSuite(name: string, openSubject: OpenTimedSubject): void {
  const start = async () => {
    const subject = await openSubject()
    const { clock } = subject
    const spine = await subject.at(newNamespace())
    /** Lets a moment pass at a time until it is so. */
    const until = async (so: () => boolean | Promise<boolean>, step_ms = 1): Promise<void> => {
      for (let turns = 0; !(await so()); turns += 1) {
        assert.ok(turns < 20_000, 'it never happens')
        await clock.advance(step_ms)
        await turn()
      }
    }
    const find = ({ id }: { id: string }) => spine.deliveries.get({ id })
    const stateOf = async (delivery: Delivery) => (await find(delivery)).state
    return { ...subject, spine, until, find, stateOf }
  }

  describe(`push in time (${name})`, () => {
    test('a failure is an attempt: tried again later under the same id, parked after three, told as new when redriven', async () => {
      const { spine, hooks, clock, until, find, stateOf } = await start()
      const statuses = [500, 503, 404]
      const hook = hooks.hook(() => ({ status: statuses.shift() ?? 204 }))
      await pushTo(spine, hook)
      const { delivery } = await sent(spine)
      await until(() => hook.pushes.length === 1)
      await until(async () => (await stateOf(delivery)) === 'ready')
      const { ready_at, reason, history } = await find(delivery)
      assert.equal(reason, 'pushed: it answered 500')
      // Half of the cap of two seconds.
      assert.equal(Date.parse(ready_at) - Date.parse(history.at(-1)?.at ?? ''), SECOND)
      await clock.advance(2 * SECOND)
      await until(() => hook.pushes.length === 2)
      await until(async () => (await stateOf(delivery)) === 'ready')
      await clock.advance(3 * SECOND)
      await until(async () => (await stateOf(delivery)) === 'parked')
      const { id } = delivery
      assert.equal((await find(delivery)).reason, 'pushed: it answered 404')
      await spine.parked.redrive({ ids: [id] })
      await until(async () => (await stateOf(delivery)) === 'accepted')
      assert.deepEqual(
        hook.pushes.map(({ headers, data }) => [headers['webhook-id'], data.attempt]),
        [
          [id, 1],
          [id, 2],
          [id, 3],
          [`${id}.1`, 1],
        ],
      )
      assert.equal(new Set(hook.pushes.map(({ data }) => data.lease_token)).size, 4)
    })

    test('what was accepted and not completed is pushed again when the lease of the profile is over', async () => {
      const { spine, hooks, clock, until, stateOf } = await start()
      const hook = hooks.hook()
      await pushTo(spine, hook, { accept_lease_ms: 5 * MINUTE })
      const { delivery } = await sent(spine)
      await until(async () => (await stateOf(delivery)) === 'accepted')
      const [first] = hook.pushes
      assert.ok(first)
      await clock.advance(4 * MINUTE)
      await spine.deliveries.heartbeat(leaseOf(first.data))
      await clock.advance(4 * MINUTE)
      assert.deepEqual([hook.pushes.length, await stateOf(delivery)], [1, 'accepted'])
      await clock.advance(2 * MINUTE)
      await until(() => hook.pushes.length === 2)
      await until(async () => (await stateOf(delivery)) === 'accepted')
      await refused(spine.deliveries.complete(leaseOf(first.data)), 'LEASE_LOST')
      const [, second] = hook.pushes
      assert.ok(second)
      assert.equal((await spine.deliveries.complete(leaseOf(second.data))).state, 'completed')
    })

    test('a receiver that asks for time gets it', async () => {
      const { spine, hooks, clock, until, stateOf } = await start()
      const hook = hooks.hook((_push, count) => (count === 1 ? { status: 429, headers: { 'retry-after': '120' } } : {}))
      await pushTo(spine, hook)
      const { delivery } = await sent(spine)
      await until(() => hook.pushes.length === 1)
      await until(async () => (await stateOf(delivery)) === 'ready')
      await clock.advance(119 * SECOND)
      assert.equal(hook.pushes.length, 1)
      await clock.advance(5 * SECOND)
      await until(async () => (await stateOf(delivery)) === 'accepted')
    })

    test('an address that fails opens the breaker; what waits keeps its attempts, and one probe shows that it is back', async () => {
      const { spine, hooks, clock, until, find } = await start()
      let broken = true
      const hook = hooks.hook(() => (broken ? { status: 302, headers: { location: '/elsewhere' } } : {}))
      await pushTo(spine, hook)
      const failing = [await sent(spine), await sent(spine), await sent(spine)].map(({ delivery }) => delivery)
      const parked = async () => (await spine.parked.list({})).deliveries.length
      await until(async () => (await parked()) === failing.length, 50)
      assert.equal((await spine.agents.get({ name: 'coder' })).breaker?.state, 'open')
      const waiting = [await sent(spine), await sent(spine)].map(({ delivery }) => delivery)
      await clock.advance(30 * SECOND)
      assert.equal(hook.pushes.length, 9)
      broken = false
      await clock.advance(31 * SECOND)
      const accepted = async () => (await spine.deliveries.list({ state: 'accepted' })).deliveries.length
      await until(async () => (await accepted()) === 1, 20)
      assert.equal(hook.pushes.length, 10)
      // The first heartbeat shows that it works on it.
      const [probe] = hook.pushes.slice(-1)
      assert.ok(probe)
      await spine.deliveries.heartbeat(leaseOf(probe.data))
      await until(async () => (await accepted()) === waiting.length, 20)
      const { claims, attempts } = await find(waiting[1] as Delivery)
      assert.deepEqual([claims, attempts], [1, 1])
    })

    test('an address that says it is gone gets nothing more until the profile is set again; nothing is lost', async () => {
      const { spine, hooks, clock, until, find, stateOf } = await start()
      const hook = hooks.hook((_push, count) => (count === 1 ? { status: 410 } : {}))
      await pushTo(spine, hook)
      const [{ delivery: first }, { delivery: second }] = [await sent(spine), await sent(spine)]
      await until(async () => (await spine.agents.get({ name: 'coder' })).push_stopped !== undefined)
      await until(async () => (await stateOf(first)) !== 'leased' && (await stateOf(second)) !== 'leased')
      const pushed = hook.pushes.length
      const { delivery: third } = await sent(spine)
      await clock.advance(10 * SECOND)
      assert.equal(hook.pushes.length, pushed)
      assert.equal((await spine.agents.get({ name: 'coder' })).push_stopped, 'pushed: it answered 410')
      assert.equal((await find(third)).attempts, 0)
      const { push_stopped } = await spine.agents.put({ name: 'coder', push_url: hook.url })
      assert.equal(push_stopped, undefined)
      await until(async () => (await spine.deliveries.list({ state: 'accepted' })).deliveries.length === 3)
    })

    test('an address that was left says that it is gone: the new one is pushed to', async () => {
      const { spine, hooks, clock, until, stateOf } = await start()
      const { promise: late, resolve: answerNow } = Promise.withResolvers<{ status: number }>()
      const old = hooks.hook(() => late)
      await pushTo(spine, old)
      const { delivery } = await sent(spine)
      await until(() => old.pushes.length === 1)
      await pushTo(spine, hooks.hook())
      // Every node knows of it by now.
      await clock.advance(3 * SECOND)
      answerNow({ status: 410 })
      await until(async () => (await stateOf(delivery)) === 'accepted')
      assert.equal((await spine.agents.get({ name: 'coder' })).push_stopped, undefined)
    })

    test('a message that the receiver refuses is parked at once, and the address stays well', async () => {
      const { spine, hooks, until, stateOf } = await start()
      const hook = hooks.hook(() => ({ status: 422 }))
      await pushTo(spine, hook)
      const { delivery } = await sent(spine)
      await until(async () => (await stateOf(delivery)) === 'parked')
      assert.equal(hook.pushes.length, 1)
      assert.equal((await spine.agents.get({ name: 'coder' })).breaker, undefined)
    })

    test('a receiver that took over by a call keeps what it has, whatever became of its answer', async () => {
      const { spine, hooks, clock, until, stateOf } = await start()
      const hook = hooks.hook(async ({ data }) => {
        await spine.deliveries.accept(leaseOf(data))
        return { status: 500 }
      })
      await pushTo(spine, hook)
      const { delivery } = await sent(spine)
      await until(async () => (await stateOf(delivery)) === 'accepted')
      const began = clock.now()
      await until(() => clock.now() > began + 4 * SECOND, 20)
      assert.deepEqual([hook.pushes.length, await stateOf(delivery)], [1, 'accepted'])
    })

    test('a name that leads to a private address is never spoken to', async () => {
      const { spine, until, find, stateOf } = await start()
      await spine.agents.put({ name: 'coder', push_url: 'https://localhost/', push_secrets })
      const { delivery } = await sent(spine)
      await until(async () => (await stateOf(delivery)) === 'parked', 50)
      assert.match((await find(delivery)).reason ?? '', /localhost resolves to .*not a public address/)
    })

    test('of two nodes one pushes, and at most eight at a time to one agent', async () => {
      const { spine, hooks, clock, openAnother, until } = await start()
      const another = await openAnother()
      const open = Promise.withResolvers<void>()
      const hook = hooks.hook(async () => {
        await open.promise
        return { body: { state: 'completed' } }
      })
      await pushTo(spine, hook)
      // The other node has looked who is pushed to.
      await clock.advance(3 * SECOND)
      for (let number = 0; number < 24; number += 1) await sent(spine)
      await until(() => hook.pushes.length === 16)
      await clock.advance(5 * SECOND)
      assert.equal(hook.pushes.length, 16)
      open.resolve()
      await until(async () => (await spine.deliveries.list({ state: 'completed' })).deliveries.length === 24)
      assert.equal(new Set(hook.pushes.map(({ data }) => data.id)).size, 24)
      assert.equal(hook.pushes.length, 24)
      await another.close()
    })

    test('a node that closes stores what is answered in time; the rest ends with its lease, and another node pushes it', async () => {
      const { hooks, clock, openAnother, until, at } = await start()
      const namespace = newNamespace()
      const spine = await at(namespace)
      const stateOf = async ({ id }: Delivery) => (await spine.deliveries.get({ id })).state
      const another = await openAnother()
      const answer = Promise.withResolvers<void>()
      const hook = hooks.hook(async (_push, count) => {
        if (count === 1) await answer.promise
        return count === 2 ? 'silence' : {}
      })
      const identity = { namespace }
      await another.agents.put({ name: 'coder', push_url: hook.url, push_secrets }, { identity })
      await until(() => true)
      // The node of the suite would push too: it does not know the agent before its next look.
      const one = await sent(spine)
      await until(() => hook.pushes.length === 1)
      const two = await sent(spine)
      await until(() => hook.pushes.length === 2)
      const closing = another.close()
      answer.resolve()
      await until(async () => (await stateOf(one.delivery)) === 'accepted')
      await clock.advance(5 * SECOND)
      await closing
      assert.equal(await stateOf(two.delivery), 'leased')
      await clock.advance(61 * SECOND)
      await until(async () => (await stateOf(two.delivery)) === 'accepted')
      assert.equal(hook.pushes.at(-1)?.headers['webhook-id'], two.delivery.id)
    })
  })
}
