/** The patterns of the source document, against a real spine in this process. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { testSpine } from '../testing/test-spine.ts'
import { HandoffClient } from './handoff-client.ts'
import { Inbox } from './inbox.ts'
import { MemorySpine } from './memory-spine.ts'
import { systemPacing } from './pacing.ts'

/** What happens at all happens sooner, on any machine. */
const PATIENCE_MS = 60_000

async function open(t: TestContext): Promise<MemorySpine> {
  const { createSpine, openSqlite } = await import('../embedded.ts')
  const spine = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
  const memory = new MemorySpine({ spine, agent: 'researcher' })
  t.after(() => memory.close())
  return memory
}

test('broadcast: one envelope is published to three, and each works on it for itself', async (t) => {
  const memory = await open(t)
  const receivers = ['code-generator', 'test-writer', 'doc-writer']
  const inbox = new Inbox()
  for (const agent of receivers)
    memory.receive(agent, ({ envelope, delivery }) =>
      inbox.once(delivery, () => ({ by: agent, summary: envelope.task.summary })),
    )
  const envelope = await memory.agentHandoff({ target_agent: 'broadcast', task_summary: 'Migrate to OAuth 2.1.' })
  const channel = memory.getChannel('oauth-migration')
  const published = await channel.publish({
    envelope,
    receivers,
    delivery: 'at-least-once',
    wait: 'all',
    goal: 'completed',
    timeout_ms: PATIENCE_MS,
  })
  assert.deepEqual([published.settled, published.not_completed], [true, []])
  assert.deepEqual(
    published.deliveries.map(({ target, state, output }) => ({ target, state, output })).toSorted(byTarget),
    receivers
      .map((target) => ({
        target,
        state: 'completed',
        output: { by: target, summary: 'Migrate to OAuth 2.1.' },
      }))
      .toSorted(byTarget),
  )
  assert.deepEqual(await channel.status(envelope), published)
  assert.equal((await channel.status(envelope.id)).deliveries.length, 3)
})

const byTarget = (left: { target: string }, right: { target: string }) => (left.target < right.target ? -1 : 1)

test('choreographed: A hands on to B, B to C, and C has the intent and the work of both', async (t) => {
  const memory = await open(t)
  memory.receive('a', ({ forward }) => forward({ target_agent: 'b', task_summary: 'Write it.', output: 'plan of a' }))
  memory.receive('b', async ({ forward }) => {
    await forward({ target_agent: 'c', task_summary: 'Test it.', output: 'code of b' })
    return 'not used'
  })
  const { promise, resolve } = Promise.withResolvers<{ path: string[]; intent: string; text: string }>()
  memory.receive('c', ({ envelope, text }) => {
    resolve({ path: [...envelope.chain.path], intent: String(envelope.task.intent), text })
    return 'tested'
  })
  const root = await memory.agentHandoff({ target_agent: 'a', task_summary: 'Plan it.', intent: 'Never touch prod.' })
  await memory.deliverHandoff(root, { timeout_ms: PATIENCE_MS })
  const { path, intent, text } = await promise
  assert.deepEqual([path, intent], [['researcher', 'a', 'b', 'c'], 'Never touch prod.'])
  assert.ok(text.includes('plan of a') && text.includes('code of b'), text)
  const last = async () => (await memory.deliveries.list({ target: 'c' })).deliveries[0]
  while ((await last())?.state !== 'completed') await systemPacing.sleep(5)
  const [ofB] = (await memory.deliveries.list({ target: 'b' })).deliveries
  assert.deepEqual([ofB?.state, ofB?.output, (await last())?.output], ['completed', 'code of b', 'tested'])
})

test('direct: nobody comes, the fallback agent takes it; without one it is parked', async () => {
  await using spine = await testSpine({ agent: 'researcher' })
  const { memory, clock, pacing } = spine
  await memory.agents.put({ name: 'coder', fallback_agent: 'senior' })
  memory.receive('senior', () => 'done by the fallback', { pacing })
  const client = new HandoffClient(memory, { max_retries: 2, timeout_ms: 5_000, pacing })
  const handoff = (target_agent: string) =>
    memory.agentHandoff({ target_agent, task_summary: 'Fix it.', previous: null })
  const taken = client.sendHandoff(await handoff('coder'))
  // Two waits, and the pause between them.
  await clock.advance(12_000)
  assert.equal((await taken).target, 'senior')
  const given_up = assert.rejects(client.sendHandoff(await handoff('nobody')), { name: 'HandoffError', code: 'PARKED' })
  await clock.advance(12_000)
  await given_up
  assert.deepEqual(
    (await memory.spine.parked.list({})).deliveries.map(({ target }) => target),
    ['nobody'],
  )
})
