/** Deliveries: send, accept, complete, hand back, park. What needs time to pass is in leases.ts. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contents, fresh, leaseOf, type OpenSubject, received, receivedOne, refused, sealed, sent } from './subject.ts'

export function deliveriesSuite(name: string, open: OpenSubject): void {
  describe(`deliveries (${name})`, { concurrency: 8 }, () => {
    test('a send makes one delivery per envelope and receiver', async () => {
      const spine = await fresh(open)
      const { envelope, delivery } = await sent(spine, { source_agent: 'planner' })
      const { id, envelope_id, source_agent, target, state, priority, claims, attempts, epoch } = delivery
      assert.match(id, /^dlv_/)
      assert.deepEqual(
        [envelope_id, source_agent, target, state, priority, claims, attempts, epoch],
        [envelope.id, 'planner', 'coder', 'ready', 'normal', 0, 0, 0],
      )
      assert.deepEqual(await spine.deliveries.get({ id }), delivery)
      const warnings: string[] = []
      const onWarning = (warning: string) => void warnings.push(warning)
      assert.deepEqual(await spine.deliveries.send({ envelope_id: envelope.id }, { onWarning }), delivery)
      assert.deepEqual(warnings, [])
      const repeat = { envelope_id: envelope.id, priority: 'high' } as const
      assert.deepEqual(await spine.deliveries.send(repeat, { onWarning }), delivery)
      assert.match(warnings.join(), /sent to coder before: it keeps the priority and the deadline/)
      assert.notEqual((await spine.deliveries.send({ envelope_id: envelope.id, target: 'other' })).id, id)
      assert.equal((await spine.deliveries.list({ envelope_id: envelope.id })).deliveries.length, 2)
    })

    test('many are sent at once, each answered for itself, and each found again', async () => {
      const spine = await fresh(open)
      const seal = (task_summary: string) => sealed(spine, { task_summary, previous: null })
      const [a, b, c] = [await seal('a'), await seal('b'), await seal('c')]
      const items = [
        { envelope: a },
        { envelope_id: b.id, target: 'tester', priority: 'high' as const },
        { envelope_id: 'nobody' },
        { envelope: { ...c, task: { ...c.task, summary: 'something else' } } },
        { envelope_id: c.id, idempotency_key: 'k' },
        { envelope_id: a.id, idempotency_key: 'k' },
        {},
      ]
      const { results } = await spine.deliveries.send_many({ items })
      assert.deepEqual(
        results.map(({ delivery, error }) => delivery?.target ?? error?.code),
        ['coder', 'tester', 'ENVELOPE_NOT_FOUND', 'DIGEST_MISMATCH', 'coder', 'IDEMPOTENCY_CONFLICT', 'INVALID_INPUT'],
      )
      assert.deepEqual((await spine.deliveries.send_many({ items })).results, results)
      const held = await received(spine, 'coder', { max: 4 })
      assert.deepEqual([held.length, held[0]?.envelope, held[1]?.envelope], [2, a, c])
    })

    test('a send of nothing, of two things, of the unknown, or to a channel is refused', async () => {
      const spine = await fresh(open)
      const envelope = await sealed(spine)
      const channel = await sealed(spine, { target_agent: 'broadcast', previous: null })
      await refused(spine.deliveries.send({}), 'INVALID_INPUT')
      await refused(spine.deliveries.send({ envelope_id: envelope.id, envelope }), 'INVALID_INPUT')
      await refused(spine.deliveries.send({ envelope_id: 'nobody' }), 'ENVELOPE_NOT_FOUND')
      await refused(spine.deliveries.send({ envelope_id: channel.id }), 'INVALID_INPUT')
      await refused(spine.deliveries.get({ id: 'nobody' }), 'DELIVERY_NOT_FOUND')
      assert.deepEqual((await spine.deliveries.list({})).deliveries, [])
    })

    test('claim, accept, heartbeat, complete: states, counts, times, history', async () => {
      const spine = await fresh(open)
      const { envelope } = await sent(spine)
      const claimed = await receivedOne(spine, 'coder', { lease_ms: 30_000 })
      assert.deepEqual(
        [claimed.state, claimed.claims, claimed.attempts, claimed.attempt, claimed.epoch],
        ['leased', 1, 0, 1, 1],
      )
      assert.deepEqual(claimed.envelope, envelope)
      const lease = leaseOf(claimed)
      const accepted = await spine.deliveries.accept(lease)
      assert.deepEqual([accepted.state, accepted.claims, accepted.attempts], ['accepted', 1, 1])
      const kept = await spine.deliveries.heartbeat({ ...lease, lease_ms: 90_000 })
      assert.equal(kept.state, 'accepted')
      assert.ok(Date.parse(String(kept.lease_until)) > Date.parse(String(accepted.lease_until)))
      const output = { files: ['a.ts'], gaps: [], note: 'é 日本 "quoted"' }
      const completed = await spine.deliveries.complete({ ...lease, output })
      assert.deepEqual(
        [completed.state, completed.attempts, completed.output, completed.late],
        ['completed', 1, output, undefined],
      )
      assert.equal(completed.lease_until, undefined)
      assert.ok(completed.accepted_at && completed.settled_at)
      assert.deepEqual(
        completed.history.map(({ event }) => event),
        ['send', 'claim', 'accept', 'complete'],
      )
      assert.deepEqual(await spine.deliveries.get({ id: lease.id }), completed)
    })

    test('a complete without an accept counts the attempt', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const completed = await spine.deliveries.complete(leaseOf(await receivedOne(spine)))
      assert.deepEqual([completed.state, completed.attempts, completed.output], ['completed', 1, undefined])
      assert.ok(completed.accepted_at)
    })

    test('a repeat of the same call answers as before, and says so', async () => {
      const spine = await fresh(open)
      const first = async () => {
        const { delivery } = await sent(spine, { previous: null })
        const claimed = (await received(spine, 'coder', { max: 9 })).find(({ id }) => id === delivery.id)
        assert.ok(claimed)
        return leaseOf(claimed)
      }
      const one = await first()
      const repeats = {
        accept: () => spine.deliveries.accept(one),
        complete: () => spine.deliveries.complete({ ...one, output: 1 }),
      }
      for (const call of Object.values(repeats)) {
        const answer = await call()
        assert.equal(answer.duplicate, undefined)
        assert.deepEqual(await call(), { ...answer, duplicate: true })
      }
      assert.deepEqual((await spine.deliveries.complete({ ...one, output: 'other' })).output, 1)
      for (const call of [
        (lease: typeof one) => spine.deliveries.release(lease),
        (lease: typeof one) => spine.deliveries.nack({ ...lease, reason: 'busy', delay_ms: 60_000 }),
        (lease: typeof one) => spine.deliveries.nack({ ...lease, reason: 'no', kind: 'fatal' }),
      ]) {
        const lease = await first()
        const answer = await call(lease)
        assert.deepEqual(await call(lease), { ...answer, duplicate: true })
      }
    })

    test('of three acknowledgements at once one is the first and two are repeats', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const lease = leaseOf(await receivedOne(spine))
      const answers = await Promise.all([1, 2, 3].map((output) => spine.deliveries.complete({ ...lease, output })))
      assert.equal(answers.filter(({ duplicate }) => duplicate).length, 2)
      assert.equal(new Set(answers.map(({ output }) => output)).size, 1)
      const { history } = await spine.deliveries.get({ id: lease.id })
      assert.equal(history.filter(({ event }) => event === 'complete').length, 1)
    })

    test('a wrong token is a lost lease, an unknown delivery is unknown; both change nothing', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const { id } = await receivedOne(spine)
      const before = await spine.deliveries.get({ id })
      for (const [lease, code] of [
        [{ id, lease_token: 'lt_guessed' }, 'LEASE_LOST'],
        [{ id: 'dlv_nobody', lease_token: 'lt_guessed' }, 'DELIVERY_NOT_FOUND'],
      ] as const) {
        for (const action of ['accept', 'complete', 'heartbeat', 'release'] as const)
          await refused(spine.deliveries[action](lease), code)
        await refused(spine.deliveries.nack({ ...lease, reason: 'x' }), code)
        await refused(spine.deliveries.nack({ ...lease, reason: 'x', kind: 'fatal' }), code)
      }
      assert.deepEqual(await spine.deliveries.get({ id }), before)
    })

    test('a release gives the claim back', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const first = await receivedOne(spine)
      const released = await spine.deliveries.release(leaseOf(first))
      assert.deepEqual([released.state, released.claims, released.attempts], ['ready', 0, 0])
      await refused(spine.deliveries.complete(leaseOf(first)), 'WRONG_STATE')
      const second = await receivedOne(spine)
      assert.deepEqual([second.claims, second.attempt, second.epoch], [1, 1, 2])
      await refused(spine.deliveries.complete(leaseOf(first)), 'LEASE_LOST')
      await spine.deliveries.accept(leaseOf(second))
      await refused(spine.deliveries.release(leaseOf(second)), 'WRONG_STATE')
    })

    test('a nack hands it back with its reason until the attempts are spent, then it is parked', async () => {
      const spine = await fresh(open)
      const { delivery } = await sent(spine)
      for (const attempt of [1, 2, 3]) {
        const claimed = await receivedOne(spine)
        assert.equal(claimed.attempt, attempt)
        // An attempt is counted once, whether it was accepted before or not.
        if (attempt === 2) await spine.deliveries.accept(leaseOf(claimed))
        const handed = await spine.deliveries.nack({ ...leaseOf(claimed), reason: `try ${attempt}`, delay_ms: 0 })
        assert.deepEqual(
          [handed.state, handed.attempts, handed.reason],
          [attempt < 3 ? 'ready' : 'parked', attempt, `try ${attempt}`],
        )
      }
      assert.deepEqual(await received(spine), [])
      const parked = await spine.deliveries.get({ id: delivery.id })
      assert.deepEqual(
        parked.history.filter(({ event }) => event === 'nack_retry').map(({ reason }) => reason),
        ['try 1', 'try 2', 'try 3'],
      )
    })

    test('a fatal nack parks at once', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const lease = leaseOf(await receivedOne(spine))
      await spine.deliveries.accept(lease)
      const parked = await spine.deliveries.nack({ ...lease, kind: 'fatal', reason: 'cannot "read"\nthis' })
      assert.deepEqual([parked.state, parked.attempts, parked.reason], ['parked', 1, 'cannot "read"\nthis'])
      assert.equal(parked.history.at(-1)?.reason, 'cannot "read"\nthis')
      await refused(spine.deliveries.complete(lease), 'WRONG_STATE')
      assert.deepEqual((await spine.deliveries.list({ state: 'parked' })).deliveries, [parked])
    })

    test('many are settled in one commit, each answered for itself', async () => {
      const spine = await fresh(open)
      for (let index = 0; index < 4; index += 1) await sent(spine, { previous: null })
      const [a, b, c, d] = (await received(spine, 'coder', { max: 4 })).map(leaseOf)
      assert.ok(a && b && c && d)
      const { results } = await spine.deliveries.settle({
        items: [
          { action: 'accept', ...a },
          { action: 'complete', ...b, output: 'b' },
          { action: 'nack', ...c, reason: 'no', kind: 'fatal' },
          { action: 'complete', ...d, lease_token: 'wrong' },
          { action: 'release', ...d },
          { action: 'heartbeat', id: 'nobody', lease_token: 'x' },
        ],
      })
      assert.deepEqual(
        results.map(({ delivery, error }) => delivery?.state ?? error?.code),
        ['accepted', 'completed', 'parked', 'LEASE_LOST', 'ready', 'DELIVERY_NOT_FOUND'],
      )
    })

    test('several calls of one settle on one delivery are carried out in their order', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const lease = leaseOf(await receivedOne(spine))
      const { results } = await spine.deliveries.settle({
        items: [
          { action: 'accept', ...lease },
          { action: 'complete', ...lease, output: 7 },
          { action: 'heartbeat', ...lease },
        ],
      })
      assert.deepEqual(
        results.map(({ delivery, error }) => delivery?.state ?? error?.code),
        ['accepted', 'completed', 'WRONG_STATE'],
      )
    })

    test('the sender parks what nobody accepted, makes a parked one where there is none, and hears if it was too late', async () => {
      const spine = await fresh(open)
      const one = await sent(spine)
      const parked = await spine.parked.park({ envelope_id: one.envelope.id, reason: 'nobody came' })
      assert.deepEqual(
        [parked.id, parked.state, parked.reason, parked.code],
        [one.delivery.id, 'parked', 'nobody came', undefined],
      )
      assert.deepEqual(await received(spine), [])
      const made = await spine.parked.park({ envelope_id: one.envelope.id, target: 'other', reason: 'never sent' })
      assert.deepEqual([made.state, made.target], ['parked', 'other'])

      await sent(spine, { previous: null })
      const leased = await receivedOne(spine)
      assert.equal((await spine.parked.park({ envelope_id: leased.envelope_id, reason: 'slow' })).state, 'parked')
      await refused(spine.deliveries.accept(leaseOf(leased)), 'WRONG_STATE')

      await sent(spine, { previous: null })
      const accepted = await receivedOne(spine)
      const before = await spine.deliveries.accept(leaseOf(accepted))
      const late = await spine.parked.park({ envelope_id: accepted.envelope_id, reason: 'slow' })
      assert.deepEqual(late, { ...before, code: 'ALREADY_ACCEPTED' })
      await spine.deliveries.complete(leaseOf(accepted))
      assert.equal(
        (await spine.parked.park({ envelope_id: accepted.envelope_id, reason: 'x' })).code,
        'ALREADY_ACCEPTED',
      )
      await refused(spine.parked.park({ envelope_id: 'nobody', reason: 'x' }), 'ENVELOPE_NOT_FOUND')
    })

    test('of an accept and a park at once exactly one wins, and both are told the same', async () => {
      const spine = await fresh(open)
      for (let turn = 0; turn < 10; turn += 1) {
        // Another agent each time: parkings in a row would open its breaker.
        const target_agent = `coder-${turn}`
        const { envelope } = await sent(spine, { target_agent, previous: null })
        const lease = leaseOf(await receivedOne(spine, target_agent))
        const [accepted, parked] = await Promise.allSettled([
          spine.deliveries.accept(lease),
          spine.parked.park({ envelope_id: envelope.id, reason: 'race' }),
        ])
        assert.equal(parked.status, 'fulfilled')
        const { state } = await spine.deliveries.get({ id: lease.id })
        assert.equal(accepted.status === 'fulfilled', state === 'accepted')
        if (parked.status === 'fulfilled')
          assert.equal(parked.value.code, state === 'accepted' ? 'ALREADY_ACCEPTED' : undefined)
      }
    })

    test('a deadline that has passed expires the delivery at once; it comes from the call, the envelope or the constraint', async () => {
      const spine = await fresh(open)
      const past = '2020-01-01T00:00:00Z'
      const future = '2999-01-01T00:00:00.000Z'
      const state = async (call: Parameters<typeof sealed>[1], deadline?: string) => {
        const { id } = await sealed(spine, { ...call, previous: null })
        return spine.deliveries.send({ envelope_id: id, ...(deadline ? { deadline } : {}) })
      }
      assert.equal((await state({}, past)).state, 'expired')
      assert.equal((await state({ deadline: past })).state, 'expired')
      assert.equal((await state({ constraints: { deadline: past } })).state, 'expired')
      assert.equal((await state({ deadline: past, constraints: { deadline: past } }, future)).deadline, future)
      const week = await state({})
      assert.ok(Math.abs(Date.parse(week.deadline) - Date.parse(week.created_at) - 7 * 86_400_000) < 1_000)
      assert.equal((await received(spine, 'coder', { max: 9 })).length, 2)
    })

    test('what the receiver cannot read or fit is parked with the reason', async () => {
      const spine = await fresh(open)
      const envelope = await sealed(spine, { task_summary: 'word '.repeat(200) })
      await spine.agents.put({ name: 'small', context_window: 100 })
      await spine.agents.put({ name: 'old', accepts_versions: ['3'] })
      await spine.agents.put({ name: 'new', accepts_versions: ['3', '2.0'] })
      const send = async (target: string) =>
        spine.deliveries.send({ envelope_id: envelope.id, target, wait: 'accepted', timeout_ms: 0 })
      const small = await send('small')
      assert.deepEqual([small.state, /room for 100 tokens/.test(String(small.reason))], ['parked', true])
      const old = await send('old')
      assert.deepEqual([old.state, /reads versions 3/.test(String(old.reason))], ['parked', true])
      await refused(send('new'), 'ACK_TIMEOUT')
    })

    test('a list is newest first, filtered, and goes on where it stopped', async () => {
      const spine = await fresh(open)
      const made = []
      for (const target_agent of ['a', 'b', 'a'])
        made.push((await sent(spine, { target_agent, previous: null })).delivery.id)
      const ids = async (input: Parameters<typeof spine.deliveries.list>[0]) =>
        (await spine.deliveries.list(input)).deliveries.map(({ id }) => id)
      assert.deepEqual(await ids({}), made.toReversed())
      assert.deepEqual(await ids({ target: 'a' }), [made[2], made[0]])
      await received(spine, 'b')
      assert.deepEqual(await ids({ state: 'leased' }), [made[1]])
      const { next } = await spine.deliveries.list({ limit: 2 })
      assert.deepEqual(await ids({ limit: 2, after: next }), [made[0]])
      assert.ok(await contents(spine))
    })
  })
}
