// Chains from end to end, with the helpers that users have: what goes in, what comes out, and what happens in between
// when agents die, run in circles, or do not come.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandoffClient } from '../client/handoff-client.ts'
import { Inbox } from '../client/inbox.ts'
import type { Received } from '../client/received.ts'
import type { Delivery } from '../protocol/delivery.ts'
import type { ReceivedDelivery } from '../protocol/operations/deliveries.ts'
import { toMs } from '../protocol/scalars.ts'
import {
  type ChainStep,
  effectLog,
  expectConstraintsSurvived,
  expectIntentPreserved,
  expectNoDuplicateEffects,
  runChain,
  type TestSpine,
  testSpine,
} from '../testing.ts'

const SECOND = 1_000

test('A to B to C to D: the last agent does what the user asked the first one for', async () => {
  const intent = 'Give me the ports of billing and search as JSON, sorted by port. Never print a password.'
  await using spine = await testSpine({ agent: 'user' })
  await spine.memories.store({
    memories: [
      { id: 'ms-1', content: 'billing listens on port 9100, its password is hunter2.', title: 'billing' },
      { id: 'ms-2', content: 'search listens on port 9050, its password is swordfish.', title: 'search' },
    ],
  })
  const found = (received: Received): Record<string, number> =>
    Object.fromEntries(
      [...received.text.matchAll(/(billing|search) listens on port (\d+)/g)].map(([, name, port]) => [
        name,
        Number(port),
      ]),
    )
  const steps: ChainStep[] = [
    { agent: 'researcher', handler: () => 'Both are described in ms-1 and ms-2.', task_summary: 'Read ms-1 and ms-2.' },
    { agent: 'reader', handler: found, task_summary: 'Decide on a format, see ms-1 and ms-2.' },
    { agent: 'designer', handler: () => 'An object, name to port.', task_summary: 'Write it, from ms-1 and ms-2.' },
    {
      agent: 'writer',
      handler: (received) => {
        // All that the writer has is its envelope.
        assert.ok(received.text.includes('sorted by port') && received.text.includes('An object, name to port.'))
        const ports = Object.entries(found(received)).sort(([, left], [, right]) => left - right)
        return JSON.stringify(Object.fromEntries(ports))
      },
    },
  ]
  const constraints = { security: 'never print a password', max_cost: 5 }
  const run = await runChain(spine, steps, { intent, constraints, task_summary: 'Find the ports.' })
  assert.equal(run.output, '{"search":9050,"billing":9100}')
  assert.doesNotMatch(String(run.output), /hunter2|swordfish/)
  expectIntentPreserved(run, intent)
  expectConstraintsSurvived(run, constraints)
  assert.deepEqual(
    run.envelopes.map(({ chain }) => chain.hop),
    [1, 2, 3, 4],
  )
  assert.deepEqual(run.envelopes[3]?.chain.path.slice(1), ['researcher', 'reader', 'designer', 'writer'])
})

test('a broadcast to three of which one dies: all three complete, no effect is made twice, and the branches join', async () => {
  await using spine = await testSpine({ agent: 'researcher' })
  const { memory, clock, pacing } = spine
  const receivers = ['code-generator', 'test-writer', 'doc-writer']
  const inbox = new Inbox()
  const effects = effectLog()
  const branch = ({ delivery }: Received) =>
    inbox.once(delivery, () => {
      effects.add(delivery)
      return `done by ${delivery.target}`
    })
  const envelope = await memory.agentHandoff({
    target_agent: 'broadcast',
    task_summary: 'Migrate to OAuth 2.1.',
    intent: 'Migrate us to OAuth 2.1 without an outage.',
  })
  const publishing = memory
    .getChannel('oauth-migration')
    .publish({ envelope, receivers, wait: 'all', goal: 'completed', timeout_ms: 600_000 })

  const dies = async (agent: string): Promise<ReceivedDelivery> => {
    const { deliveries } = await spine.deliveries.receive({ agent, lease_ms: 60_000 })
    const [delivery] = deliveries
    assert.ok(delivery)
    await spine.deliveries.accept({ id: delivery.id, lease_token: delivery.lease_token })
    // It made its effect, and never got to say so.
    await inbox.once(delivery, () => {
      effects.add(delivery)
      return `done by ${agent}`
    })
    return delivery
  }
  const dead = await dies('doc-writer')
  for (const agent of receivers) memory.receive(agent, branch, { pacing })
  await clock.advance(30 * SECOND)
  const half = await memory.getChannel('oauth-migration').status(envelope)
  assert.deepEqual(byTarget(half.deliveries), {
    'code-generator': 'completed',
    'doc-writer': 'accepted',
    'test-writer': 'completed',
  })
  await clock.advance(40 * SECOND)
  const published = await publishing
  assert.deepEqual([published.settled, published.not_completed], [true, []])
  const again = published.deliveries.find(({ target }) => target === 'doc-writer')
  assert.deepEqual([again?.id, again?.attempts, again?.output], [dead.id, 2, 'done by doc-writer'])
  assert.equal(effects.count, 3)
  expectNoDuplicateEffects(effects)

  const joined = await memory.agentHandoff({
    target_agent: 'reviewer',
    task_summary: 'Review the three.',
    previous: published.deliveries.map(({ id }) => id),
  })
  const outputs = joined.execution_history.flatMap((entry) => ('output' in entry ? [entry.output] : []))
  assert.deepEqual(outputs.toSorted(), receivers.map((agent) => `done by ${agent}`).toSorted())
  expectIntentPreserved([envelope, joined])
  assert.deepEqual([joined.chain.hop, joined.chain.previous.map(({ id }) => id)], [2, [envelope.id]])
})

const byTarget = (deliveries: readonly Delivery[]) =>
  Object.fromEntries(deliveries.map(({ target, state }) => [target, state]).toSorted())

/** Agents that decide by themselves who is next; ends when nothing moves any more. */
async function letRun(spine: TestSpine, routes: Readonly<Record<string, (received: Received) => unknown>>) {
  const refused: string[] = []
  for (const [agent, handler] of Object.entries(routes))
    spine.memory.receive(agent, handler, {
      pacing: spine.pacing,
      onError: (error) => refused.push((error as { code?: string }).code ?? String(error)),
    })
  const root = await spine.memory.agentHandoff({ target_agent: 'a', task_summary: 'Begin.', intent: 'Sort it out.' })
  await spine.deliveries.send({ envelope_id: root.id })
  await spine.clock.advance(SECOND)
  const { deliveries } = await spine.deliveries.list({ limit: 1_000 })
  return { refused, deliveries: deliveries.toReversed(), states: deliveries.toReversed().map(({ state }) => state) }
}

test('a route that would loop for ever with new words each time is stopped after ten hops, and the work is parked', async () => {
  await using spine = await testSpine({ agent: 'user' })
  let round = 0
  const next = (target_agent: string) => async (received: Received) => {
    round += 1
    await received.forward({ target_agent, task_summary: `Not mine, for the ${round}. time.` })
  }
  const { refused, deliveries, states } = await letRun(spine, { a: next('b'), b: next('c'), c: next('a') })
  assert.deepEqual(refused, ['HOP_LIMIT'])
  assert.deepEqual(states, [...Array<string>(9).fill('completed'), 'parked'])
  const parked = deliveries.at(-1)
  assert.match(String(parked?.reason), /hop 11 of at most 10.*Path: user > a > b > c > a > b > c > a > b > c > a > b/)

  // The way out: a person looks at it and lets it go on.
  await spine.parked.redrive({ ids: [String(parked?.id)], extra_hops: 2 })
  await spine.clock.advance(SECOND)
  const after = await spine.deliveries.list({ limit: 1_000 })
  assert.equal(after.deliveries.length, 12)
  assert.deepEqual(refused, ['HOP_LIMIT', 'HOP_LIMIT'])
})

test('two agents that hand the same work to each other are stopped when it comes by for the third time', async () => {
  await using spine = await testSpine({ agent: 'user' })
  const next = (target_agent: string) => async (received: Received) => {
    await received.forward({ target_agent, task_summary: 'Please look at it.' })
  }
  const { refused, states, deliveries } = await letRun(spine, { a: next('b'), b: next('a') })
  assert.deepEqual(refused, ['CYCLE'])
  assert.deepEqual(states, [...Array<string>(4).fill('completed'), 'parked'])
  assert.match(String(deliveries.at(-1)?.reason), /CYCLE: a hands the same work to b for the third time/)
})

test('a writer and a reviewer who go back and forth five times and change something are not stopped', async () => {
  await using spine = await testSpine({ agent: 'user' })
  const drafts: string[] = []
  const { refused, states, deliveries } = await letRun(spine, {
    a: async ({ envelope, forward }) => {
      drafts.push(`draft ${drafts.length + 1}`)
      const state = { ...envelope.task.state, progress: `draft ${drafts.length} is written` }
      await forward({ target_agent: 'b', task_summary: 'Review the draft.', state, output: drafts.at(-1) })
    },
    b: async ({ envelope, forward }) => {
      if (drafts.length === 5) return 'approved'
      const state = { ...envelope.task.state, progress: `draft ${drafts.length} is reviewed` }
      await forward({ target_agent: 'a', task_summary: 'Improve the draft.', state })
      return undefined
    },
  })
  assert.deepEqual(refused, [])
  assert.deepEqual(states, Array<string>(10).fill('completed'))
  assert.equal(deliveries.at(-1)?.output, 'approved')
  const { envelopes } = await spine.handoffs.lineage({ id: String(deliveries.at(-1)?.envelope_id) })
  assert.equal(envelopes.at(-1)?.chain.hop, 10)
  expectIntentPreserved(envelopes, 'Sort it out.')
})

/** A sender whose target never comes: how it ended, and how long it took. */
async function givenUp(spine: TestSpine, client: HandoffClient, advance_ms: number) {
  const envelope = await spine.memory.agentHandoff({ target_agent: 'coder', task_summary: 'Fix it.', previous: null })
  const began = spine.clock.now()
  let ended = Number.NaN
  const sending = client.sendHandoff(envelope).catch((error: unknown) => {
    ended = spine.clock.now()
    return error as { name: string; code: string; extra: Record<string, unknown> }
  })
  await spine.clock.advance(advance_ms)
  const failure = await sending
  const { deliveries } = await spine.deliveries.list({ envelope_id: envelope.id })
  const waits = (deliveries[0]?.history ?? [])
    .filter(({ event }) => event === 'ack_timeout')
    .map(({ at }) => toMs(at) - began)
  return { failure, took: ended - began, waits, delivery: deliveries[0] }
}

test('by default a sender waits 15 s three times, with growing pauses, then parks it for a person', async () => {
  await using spine = await testSpine()
  const random = () => 0.999
  const client = new HandoffClient(spine.memory, { pacing: { ...spine.pacing, random } })
  const { failure, waits, took, delivery } = await givenUp(spine, client, 60 * SECOND)
  assert.deepEqual([failure.name, (failure as { code: string }).code], ['HandoffError', 'PARKED'])
  // Pauses of 2 s and 4 s at most, and none after the last wait.
  assert.deepEqual(waits, [15_000, 31_998, 50_994])
  assert.equal(took, 50_994)
  const { deliveries } = await spine.parked.list({})
  assert.deepEqual(
    deliveries.map(({ id, state }) => [id, state]),
    [[delivery?.id, 'parked']],
  )
  assert.match(String(deliveries[0]?.reason), /given up after 3 waits/)
})

test('pauses between waits grow to 30 s and no further', async () => {
  await using spine = await testSpine()
  const client = new HandoffClient(spine.memory, { max_retries: 8, pacing: { ...spine.pacing, random: () => 0.999 } })
  const { waits } = await givenUp(spine, client, 600 * SECOND)
  const pauses = waits.slice(1).map((at, index) => at - Number(waits[index]) - 15_000)
  assert.deepEqual(pauses, [1_998, 3_996, 7_992, 15_984, 29_970, 29_970, 29_970])
})

test('after three exhausted handoffs to one target its breaker is open for 60 s: senders hear of it at once', async () => {
  await using spine = await testSpine()
  const client = new HandoffClient(spine.memory, { pacing: spine.pacing })
  for (let count = 1; count <= 3; count += 1)
    assert.equal((await givenUp(spine, client, 60 * SECOND)).failure.name, 'HandoffError')
  const breaker = async () => (await spine.agents.get({ name: 'coder' })).breaker
  const opened = await breaker()
  assert.equal(opened?.state, 'open')
  const fast = await givenUp(spine, client, 0)
  assert.deepEqual([fast.failure.name, fast.took], ['CircuitOpenError', 0])
  const left = Number((fast.failure as { extra: Record<string, unknown> }).extra.retry_after_ms)
  assert.ok(left > 0 && left <= 60 * SECOND, `${left} ms`)
  assert.equal(fast.delivery?.state, 'ready')
  // Another target is none the worse, and after the minute this one is tried again.
  const other = await spine.memory.agentHandoff({ target_agent: 'tester', task_summary: 'Test it.', previous: null })
  const direct = spine.memory.deliverHandoff(other).catch((error: { name: string }) => error.name)
  await spine.clock.advance(left)
  assert.equal(await Promise.race([direct, 'still waiting']), 'HandoffTimeoutError')
  spine.memory.receive('coder', () => 'fixed', { pacing: spine.pacing })
  await spine.clock.advance(5 * SECOND)
  assert.equal((await spine.deliveries.get({ id: String(fast.delivery?.id) })).output, 'fixed')
  assert.equal(await breaker(), undefined)
})

test('by default a handler that fails has three attempts, with pauses, and is then parked with its last error', async () => {
  await using spine = await testSpine()
  const tries: number[] = []
  spine.memory.receive(
    'coder',
    () => {
      tries.push(spine.clock.now())
      throw new Error(`failed for the ${tries.length}. time`)
    },
    { pacing: spine.pacing, onError: () => {} },
  )
  const { id } = await spine.memory.agentHandoff({ target_agent: 'coder', task_summary: 'Fix it.' })
  const sent = await spine.deliveries.send({ envelope_id: id })
  await spine.clock.advance(60 * SECOND)
  const delivery = await spine.deliveries.get({ id: sent.id })
  assert.deepEqual([delivery.state, delivery.attempts, tries.length], ['parked', 3, 3])
  assert.match(String(delivery.reason), /failed for the 3. time/)
  const [first = 0, second = 0, third = 0] = tries
  // Full jitter: up to 2 s and 4 s, and up to a second until a waiting receiver looks again.
  assert.ok(second - first <= 3 * SECOND && third - second <= 5 * SECOND, tries.join(' '))
})
