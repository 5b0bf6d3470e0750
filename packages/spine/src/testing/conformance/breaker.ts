/** The breaker of a target: when it opens, what waits meanwhile, the one probe, and what the probe decides. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Spine } from '../../protocol/spine.ts'
import {
  leaseOf,
  newNamespace,
  type OpenTimedSubject,
  received,
  receivedOne,
  refused,
  sealed,
  sent,
} from './subject.ts'

const MINUTE = 60_000
type Lease = { id: string; lease_token: string }

export function breakerSuite(name: string, open: OpenTimedSubject): void {
  const start = async () => {
    const subject = await open()
    return { ...subject, spine: await subject.at(newNamespace()) }
  }
  const send = (spine: Spine) => sent(spine, { previous: null })
  const failed = async (spine: Spine) => {
    await send(spine)
    for (let attempt = 0; attempt < 3; attempt += 1)
      await spine.deliveries.nack({ ...leaseOf(await receivedOne(spine)), reason: 'down', delay_ms: 0 })
  }
  const absent = async (spine: Spine) => {
    const { envelope } = await send(spine)
    await spine.parked.park({ envelope_id: envelope.id, reason: 'nobody came' })
  }
  const thrice = async (spine: Spine, fail: (spine: Spine) => Promise<void> = failed) => {
    for (let count = 0; count < 3; count += 1) await fail(spine)
  }
  const breaker = async (spine: Spine) => (await spine.agents.get({ name: 'coder' })).breaker
  const look = (spine: Spine) => spine.deliveries.receive({ agent: 'coder', wait_ms: 0 })
  const claimedAtOnce = async (spine: Spine): Promise<Lease[]> => {
    const inboxes = await Promise.all(Array.from({ length: 10 }, () => received(spine, 'coder', { max: 5 })))
    return inboxes.flat().map(leaseOf)
  }
  /** Open, with some queued, and the time of the probe has come. */
  const probeable = async () => {
    const place = await start()
    await thrice(place.spine)
    for (let count = 0; count < 4; count += 1) await send(place.spine)
    await place.clock.jump(MINUTE)
    return place
  }

  describe(`breaker (${name})`, () => {
    test('three exhausted in a row open it for a minute; what is queued waits and loses no attempt', async () => {
      const { spine, clock } = await start()
      await failed(spine)
      await failed(spine)
      assert.deepEqual(await breaker(spine), { state: 'closed', failures: 2 })
      await failed(spine)
      assert.deepEqual(await breaker(spine), { state: 'open', failures: 3, retry_after_ms: MINUTE })
      const { delivery } = await send(spine)
      assert.deepEqual(await look(spine), { deliveries: [], retry_after_ms: MINUTE })
      await clock.advance(MINUTE - 1_000)
      assert.deepEqual(await look(spine), { deliveries: [], retry_after_ms: 1_000 })
      assert.deepEqual(await spine.deliveries.get({ id: delivery.id }), delivery)
    })

    test('a sender that waits fails fast while it is open or tried; what it sent is stored', async () => {
      const { spine, clock } = await start()
      await thrice(spine)
      const wait = async () => {
        const { id } = await sealed(spine, { previous: null })
        const error = await refused(spine.deliveries.send({ envelope_id: id, wait: 'accepted' }), 'CIRCUIT_OPEN')
        const [stored] = (await spine.deliveries.list({ envelope_id: id })).deliveries
        assert.deepEqual([stored?.state, stored?.id], ['ready', error.extra.delivery_id])
        return error
      }
      const error = await wait()
      assert.deepEqual([error.retryable, error.extra.retry_after_ms], [true, MINUTE])
      await clock.jump(MINUTE)
      await receivedOne(spine)
      await wait()
    })

    test('of many receivers at once one gets the one probe', async () => {
      const { spine } = await probeable()
      const probes = await claimedAtOnce(spine)
      assert.equal(probes.length, 1)
      assert.equal((await breaker(spine))?.state, 'half_open')
      assert.deepEqual(await claimedAtOnce(spine), [])
      await spine.deliveries.complete(probes[0] as Lease)
      assert.equal(await breaker(spine), undefined)
      assert.equal((await claimedAtOnce(spine)).length, 3)
    })

    const closers: Record<string, (spine: Spine, probe: Lease) => Promise<unknown>> = {
      completed: (spine, probe) => spine.deliveries.complete(probe),
      forwarded: (spine, probe) =>
        spine.deliveries.forward({ ...probe, handoff: { target_agent: 'next', task_summary: 'x' } }),
      'a heartbeat after accept': async (spine, probe) => {
        await spine.deliveries.heartbeat(probe)
        await spine.deliveries.accept(probe)
        assert.equal((await breaker(spine))?.state, 'half_open')
        await spine.deliveries.heartbeat(probe)
      },
      ...Object.fromEntries(
        (['declined', 'needs_clarification', 'fatal'] as const).map((kind) => [
          `nack ${kind}`,
          (spine: Spine, probe: Lease) => spine.deliveries.nack({ ...probe, kind, reason: 'no' }),
        ]),
      ),
    }
    for (const [how, close] of Object.entries(closers))
      test(`the probe closes it: ${how}`, async () => {
        const { spine } = await probeable()
        await close(spine, leaseOf(await receivedOne(spine)))
        assert.equal(await breaker(spine), undefined)
        assert.equal((await received(spine, 'coder', { max: 9 })).length, 3)
      })

    test('each probe that is handed back doubles the time, up to ten minutes', async () => {
      const { spine, clock } = await probeable()
      for (const minutes of [2, 4, 8, 10, 10]) {
        await spine.deliveries.nack({ ...leaseOf(await receivedOne(spine)), reason: 'down', delay_ms: 0 })
        const opened = await breaker(spine)
        assert.deepEqual([opened?.state, opened?.retry_after_ms], ['open', minutes * MINUTE])
        await clock.jump(minutes * MINUTE - 1)
        assert.deepEqual(await received(spine), [])
        await clock.jump(1)
      }
    })

    test('a probe whose lease ends doubles the time', async () => {
      const { spine, clock } = await probeable()
      await receivedOne(spine)
      await clock.jump(MINUTE + 1_000)
      const opened = await breaker(spine)
      assert.deepEqual([opened?.state, opened?.retry_after_ms], ['open', 2 * MINUTE])
      assert.deepEqual(await claimedAtOnce(spine), [])
    })

    test('a probe that is given back unread is followed by one more', async () => {
      const { spine } = await probeable()
      await spine.deliveries.release(leaseOf(await receivedOne(spine)))
      assert.equal((await claimedAtOnce(spine)).length, 1)
      assert.deepEqual(await claimedAtOnce(spine), [])
    })

    test('a probe that its sender cancels is followed by one more', async () => {
      const { spine, clock } = await probeable()
      await spine.deliveries.cancel({ id: (await receivedOne(spine)).id })
      await clock.advance(5_000)
      assert.equal((await claimedAtOnce(spine)).length, 1)
      assert.deepEqual(await claimedAtOnce(spine), [])
    })

    test('with nothing queued the next send is the probe, and its sender may wait', async () => {
      const { spine, clock, idle } = await start()
      await thrice(spine)
      await clock.jump(MINUTE)
      const waiting = received(spine, 'coder', { wait_ms: 20_000 })
      await idle()
      const { id } = await sealed(spine, { previous: null })
      const sending = spine.deliveries.send({ envelope_id: id, wait: 'accepted' })
      const [probe] = await waiting
      assert.ok(probe)
      assert.equal((await breaker(spine))?.state, 'half_open')
      await spine.deliveries.accept(leaseOf(probe))
      assert.equal((await sending).state, 'accepted')
    })

    test('opened because nobody came: senders fail fast, the first receive is the probe at once', async () => {
      const { spine } = await start()
      await thrice(spine, absent)
      assert.equal((await breaker(spine))?.state, 'open')
      const { id } = await sealed(spine, { previous: null })
      await refused(spine.deliveries.send({ envelope_id: id, wait: 'accepted' }), 'CIRCUIT_OPEN')
      await send(spine)
      const probes = await claimedAtOnce(spine)
      assert.equal(probes.length, 1)
      await spine.deliveries.complete(probes[0] as Lease)
      assert.equal(await breaker(spine), undefined)
      assert.equal((await claimedAtOnce(spine)).length, 1)
    })

    test('opened because nobody came, then somebody waits: the next sender may wait too', async () => {
      const { spine, idle } = await start()
      await thrice(spine, absent)
      assert.equal((await breaker(spine))?.state, 'open')
      const waiting = received(spine, 'coder', { wait_ms: 20_000 })
      await idle()
      const { id } = await sealed(spine, { previous: null })
      const sending = spine.deliveries.send({ envelope_id: id, wait: 'accepted' })
      const [probe] = await waiting
      assert.ok(probe)
      await spine.deliveries.complete(leaseOf(probe))
      assert.equal((await sending).state, 'completed')
      assert.equal(await breaker(spine), undefined)
    })

    test('leases that end and senders that give up count too', async () => {
      const { spine, clock } = await start()
      await spine.agents.put({ name: 'coder', fallback_agent: 'backup' })
      await send(spine)
      for (let attempt = 0; attempt < 3; attempt += 1) {
        await spine.deliveries.accept(leaseOf(await receivedOne(spine)))
        await clock.jump(MINUTE + 1_000)
      }
      assert.equal((await breaker(spine))?.failures, 1)
      for (let count = 0; count < 2; count += 1) await spine.deliveries.reroute({ id: (await send(spine)).delivery.id })
      assert.deepEqual(await breaker(spine), { state: 'open', failures: 3, retry_after_ms: MINUTE })
    })

    test('a success in between begins the count anew; declined and fatal are no failures', async () => {
      const { spine } = await start()
      const one = async () => {
        await send(spine)
        return leaseOf(await receivedOne(spine))
      }
      await failed(spine)
      await failed(spine)
      await spine.deliveries.complete(await one())
      await failed(spine)
      await failed(spine)
      assert.equal((await breaker(spine))?.state, 'closed')
      for (const kind of ['fatal', 'declined', 'needs_clarification'] as const)
        await spine.deliveries.nack({ ...(await one()), kind, reason: 'no' })
      assert.equal(await breaker(spine), undefined)
    })

    test('an open one is not closed by what was claimed before', async () => {
      const { spine } = await start()
      await send(spine)
      const early = leaseOf(await receivedOne(spine))
      await thrice(spine)
      await spine.deliveries.complete(early)
      assert.equal((await breaker(spine))?.state, 'open')
    })

    test('it is reset by hand', async () => {
      const { spine } = await start()
      await refused(spine.agents.reset_breaker({ name: 'nobody' }), 'AGENT_NOT_FOUND')
      await thrice(spine)
      await send(spine)
      assert.equal((await spine.agents.reset_breaker({ name: 'coder' })).breaker, undefined)
      assert.equal((await claimedAtOnce(spine)).length, 1)
    })

    test('the breaker of one target is nothing to another', async () => {
      const { spine } = await start()
      await thrice(spine)
      await sent(spine, { target_agent: 'other', previous: null })
      assert.equal((await received(spine, 'other')).length, 1)
    })
  })
}
