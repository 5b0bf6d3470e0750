import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandoffClient } from '../client/handoff-client.ts'
import { testSpine } from '../testing.ts'

test('time stands still until it is moved: a lease ends when the clock says so', async () => {
  await using spine = await testSpine()
  const { memory, clock } = spine
  const envelope = await memory.agentHandoff({ target_agent: 'coder', task_summary: 'Fix it.' })
  await spine.deliveries.send({ envelope_id: envelope.id })
  const { deliveries } = await spine.deliveries.receive({ agent: 'coder', wait_ms: 0, lease_ms: 60_000 })
  const [delivery] = deliveries
  assert.ok(delivery)
  const state = async () => (await spine.deliveries.get({ id: delivery.id })).state
  await clock.advance(59_000)
  assert.equal(await state(), 'leased')
  await clock.advance(2_000)
  assert.equal(await state(), 'ready')
})

test('the same seed makes the same ids', async () => {
  const ids = async (seed: string) => {
    await using spine = await testSpine({ seed })
    return (await spine.memory.agentHandoff({ target_agent: 'coder', task_summary: 'Fix it.' })).id
  }
  assert.equal(await ids('one'), await ids('one'))
  assert.notEqual(await ids('one'), await ids('two'))
})

test('a receiver and a sender that retries live on the same clock', async () => {
  await using spine = await testSpine({ agent: 'researcher', start: Date.UTC(2030, 0, 1) })
  const { memory, clock, pacing } = spine
  const client = new HandoffClient(memory, { pacing })
  const envelope = await memory.agentHandoff({ target_agent: 'coder', task_summary: 'Fix it.' })
  const sending = client.sendHandoff(envelope)
  await clock.advance(20_000)
  memory.receive('coder', () => 'fixed', { pacing })
  await clock.advance(20_000)
  assert.equal((await sending).source_agent, 'researcher')
  assert.equal((await spine.deliveries.get({ id: (await sending).id })).output, 'fixed')
  assert.equal(envelope.created_at, '2030-01-01T00:00:00.000Z')
})
