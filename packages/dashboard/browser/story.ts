/**
 * A team of agents at work, for tests and pictures: a chain with a broadcast, a narrowed and a waived constraint, gaps,
 * a memory too large to travel whole, a receiver that fails until its breaker opens, and a dead letter of each kind.
 * Everything goes through the calls that agents make; nothing is written past them.
 */

import type { HandoffInput } from '../../spine/src/protocol/handoff.ts'
import type { ReceivedDelivery } from '../../spine/src/protocol/operations/deliveries.ts'
import type { Spine } from '../../spine/src/protocol/spine.ts'
import type { House } from './stage.ts'
import { memories } from './story-memories.ts'

const intent =
  'Visitors buy seats on the map that were sold a minute ago. Fix the seat map so that a sold seat is never shown as free, keep the old links working, and do not touch the till.'

const task_id = 'seat-map'

/** The ids that tests look for. */
export type Story = {
  /** Envelopes of the chain from its root on. */
  chain: string[]
  /** The envelope that went to three receivers. */
  broadcast: string
}

export async function tell(house: House): Promise<Story> {
  const { spine } = house
  await spine.memories.store({ memories: memories.map((memory) => ({ task_id, ...memory })) })
  await spine.agents.put({ name: 'manual-writer', fallback_agent: 'translator' })
  await spine.agents.put({ name: 'builder', context_window: 32_000, reserved_tokens: 8_000 })
  await smallTalk(house)
  house.passUntil(600_000)
  await failures(house)
  await questions(house)
  house.passUntil(195_000)
  const story = await seatMap(house)
  await send(spine, {
    source_agent: 'planner',
    target_agent: 'manual-writer',
    task_summary: 'The opening hours for the manual',
    previous: null,
  })
  house.passUntil(0)
  return story
}

async function take(spine: Spine, agent: string): Promise<ReceivedDelivery> {
  const { deliveries } = await spine.deliveries.receive({ agent, wait_ms: 0 })
  const [delivery] = deliveries
  if (!delivery) throw new Error(`nothing waits for ${agent}`)
  return delivery
}

const accept = (spine: Spine, { id, lease_token }: ReceivedDelivery) =>
  spine.deliveries.accept({ id, lease_token, lease_ms: 600_000 })

async function send(spine: Spine, call: HandoffInput): Promise<string> {
  const { id } = await spine.handoffs.create(call)
  await spine.deliveries.send({ envelope_id: id })
  return id
}

/** The chain that the pictures show: asked, researched, planned, built by three, reviewed with too small a budget. */
async function seatMap(house: House): Promise<Story> {
  const { spine, pass } = house
  const first = await send(spine, {
    source_agent: 'visitor-desk',
    target_agent: 'researcher',
    task_id,
    intent,
    previous: null,
    max_tokens: 8_000,
    task_summary: 'Find out why a sold seat can be shown as free, and for how long.',
    constraints: {
      till: 'do not touch the till',
      links: 'old links keep working',
      language: 'TypeScript',
      max_age_s: 60,
      launch: '2026-12-01',
    },
    locked: ['till'],
    memory_ids: ['sm-101', 'sm-102'],
  })
  pass(340)
  const research = await take(spine, 'researcher')
  await accept(spine, research)
  pass(94_000)
  const { envelope: second } = await spine.deliveries.forward({
    id: research.id,
    lease_token: research.lease_token,
    output: { found: 'a cache of 90 s in front of the seat table' },
    handoff: {
      target_agent: 'planner',
      max_tokens: 12_000,
      task_summary:
        'Decide how the map learns of a sale within 2 s. The cache in front of seats.json lives 90 s; the till posts to /sold at once. See sm-103 through sm-106.',
      constraints: { style: 'follow src/map/' },
      state: {
        progress: 'cause found',
        decisions: [
          { decision: 'the cache of 90 s is the cause', reason: '41 of 44 cases fall into it', by: 'researcher' },
          { decision: 'the seat table is right at all times', by: 'researcher' },
        ],
        open_questions: ['May the map poll at all on museum night?'],
      },
      execution_history: [
        { agent: 'researcher', action: 'read 44 complaints', decision: 'the cache is the cause', memory_id: 'sm-103' },
      ],
    },
  })
  pass(1_200)
  const plan = await take(spine, 'planner')
  await accept(spine, plan)
  pass(61_000)
  const { envelope: third } = await spine.deliveries.forward({
    id: plan.id,
    lease_token: plan.lease_token,
    output: { plan: 'events from the till, a poll of 30 s as the net' },
    channel: 'seat-map-build',
    receivers: ['builder', 'tester', 'manual-writer'],
    handoff: {
      max_tokens: 4_200,
      memory_ids: ['sm-199'],
      task_summary:
        'Build the live seat map as decided, based on sm-103 through sm-108 and sm-199. Only the map changes; the till keeps posting to /sold.',
      constraints: { max_age_s: 2, launch: null },
      waive: { launch: 'the museum moved it to spring in ticket 2290' },
      amendments: [{ text: 'The launch moves to spring.', by: 'user', waives: ['launch'] }],
      state: {
        progress: 'planned',
        decisions: [
          { decision: 'the cache of 90 s is the cause', reason: '41 of 44 cases fall into it', by: 'researcher' },
          { decision: 'the seat table is right at all times', by: 'researcher' },
          {
            decision: 'server-sent events from /sold to the map',
            reason: 'one way is enough',
            rejected: ['web sockets', 'polling every second'],
            by: 'planner',
          },
          { decision: 'a poll of 30 s stays as the net', reason: 'the hall has bad reception', by: 'planner' },
          { decision: 'a seat that is unknown is drawn as sold', by: 'planner' },
        ],
        remaining: ['build', 'test on museum night', 'write the manual'],
        open_questions: ['Who tells the kiosks in the hall?'],
      },
      execution_history: [
        {
          agent: 'planner',
          action: 'weighed three ways to tell the map',
          decision: 'server-sent events',
          rejected: ['web sockets', 'polling every second'],
        },
      ],
      expected_output: { format: 'a pull request', criteria: ['no sold seat is shown as free', 'p95 under 2 s'] },
    },
  })
  pass(300)
  const build = await take(spine, 'builder')
  pass(5_000)
  await spine.deliveries.nack({
    id: build.id,
    lease_token: build.lease_token,
    kind: 'retry',
    reason: 'the workspace was busy',
    delay_ms: 0,
  })
  pass(800)
  const again = await take(spine, 'builder')
  pass(700)
  await accept(spine, again)
  const test = await take(spine, 'tester')
  await accept(spine, test)
  await spend(house, 'manual-writer', 'HTTP 503 from the docs host: upstream connect error')
  pass(6_000)
  const { envelope: fourth } = await spine.deliveries.forward({
    id: again.id,
    lease_token: again.lease_token,
    output: { pull_request: 412 },
    handoff: {
      target_agent: 'reviewer',
      max_tokens: 1_500,
      strategy: 'summary_refs',
      task_summary: 'Review pull request 412: does the map keep every promise of the plan?',
      state: {
        progress: 'built',
        decisions: [
          { decision: 'server-sent events from /sold to the map', reason: 'one way is enough', by: 'planner' },
          { decision: 'a poll of 30 s stays as the net', by: 'planner' },
          { decision: 'reconnect with jitter of 1 to 4 s', by: 'builder' },
        ],
        remaining: ['review'],
      },
    },
  })
  pass(1_400)
  const review = await take(spine, 'reviewer')
  await accept(spine, review)
  return { chain: [first, second.id, third.id, fourth.id], broadcast: third.id }
}

/** All attempts of what waits for an agent, each handed back with the same words. */
async function spend({ spine, pass }: House, agent: string, reason: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const { id, lease_token } = await take(spine, agent)
    pass(2_200)
    await spine.deliveries.nack({ id, lease_token, kind: 'retry', reason, delay_ms: 0 })
    pass(1_700 * (attempt + 1))
  }
}

/** Handoffs that go well, as most do, over most of an hour. */
async function smallTalk({ spine, pass }: House): Promise<void> {
  const pairs = [
    ['front-desk', 'bookings', 'Move the school class of 14 May to the afternoon'],
    ['bookings', 'mailer', 'Tell the school about the new time'],
    ['crawler', 'summariser', 'Weekly digest of what visitors wrote'],
    ['summariser', 'editor', 'Shorten the digest to one page'],
    ['front-desk', 'refunds', 'Order 88412 was paid twice on 3 November'],
    ['planner', 'translator', 'The opening hours in French and Dutch'],
  ] as const
  for (const [index, [source_agent, target_agent, task_summary]] of [
    ...pairs,
    ...pairs,
    ...pairs,
    ...pairs,
  ].entries()) {
    const include_recent = (index * 5) % 8
    await send(spine, { source_agent, target_agent, task_summary, previous: null, max_tokens: 2_000, include_recent })
    pass(280 + task_summary.length * 7)
    const delivery = await take(spine, target_agent)
    await accept(spine, delivery)
    pass(90_000 + task_summary.length * 800)
    await spine.deliveries.complete({ id: delivery.id, lease_token: delivery.lease_token, output: { ok: true } })
  }
  await send(spine, {
    source_agent: 'front-desk',
    target_agent: 'archivist',
    task_summary: 'File the letters of November',
    previous: null,
  })
  await send(spine, {
    source_agent: 'crawler',
    target_agent: 'price-scout',
    max_tokens: 6_000,
    task_summary: 'Compare the prices of the other museums',
    memory_ids: ['sm-104', 'sm-198'],
    previous: null,
  })
  const scout = await take(spine, 'price-scout')
  await accept(spine, scout)
  pass(11_000)
  await spine.deliveries.complete({ id: scout.id, lease_token: scout.lease_token })
}

/** A receiver that fails twice: once more, and its breaker opens and what comes later waits. */
async function failures(house: House): Promise<void> {
  const { spine, pass } = house
  for (const task_summary of ['Describe the new map in the manual', 'A page on kiosks for the manual']) {
    const call = { source_agent: 'planner', target_agent: 'manual-writer', task_summary, previous: null }
    await send(spine, call)
    pass(300)
    await spend(house, 'manual-writer', 'HTTP 503 from the docs host: upstream connect error')
  }
}

/** Dead letters that are nobody's fault: a question, a refusal, a deadline that is over. */
async function questions({ spine, pass }: House): Promise<void> {
  await send(spine, {
    source_agent: 'front-desk',
    target_agent: 'refunds',
    task_summary: 'Refund the guided tour of Sunday',
    previous: null,
  })
  pass(900)
  const asked = await take(spine, 'refunds')
  pass(4_000)
  const lease = { id: asked.id, lease_token: asked.lease_token }
  await spine.deliveries.nack({ ...lease, kind: 'needs_clarification', reason: 'Which of the two tours on Sunday?' })
  await send(spine, {
    source_agent: 'crawler',
    target_agent: 'summariser',
    task_summary: 'Summarise the scans of the guest book',
    previous: null,
  })
  pass(500)
  const fatal = await take(spine, 'summariser')
  pass(2_000)
  await spine.deliveries.nack({
    id: fatal.id,
    lease_token: fatal.lease_token,
    kind: 'fatal',
    reason: 'the scans are pictures, this agent reads text only',
  })
}
