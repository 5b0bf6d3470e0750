// `health` and `alerts` as they are typed, over a store in which a target fails.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MemorySpine } from '../client/memory-spine.ts'
import { answerOf, commandsOver } from '../testing/command.ts'
import { durationMs } from './health.ts'

const folder = mkdtempSync(join(tmpdir(), 'health-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'spine.db')
const run = commandsOver(file, { cwd: folder })

/** A handoff whose attempts are spent, and the alerts that come of it. */
async function failOnce(): Promise<void> {
  const spine = await MemorySpine.open(file)
  const { id: envelope_id } = await spine.agentHandoff({
    target_agent: 'coder',
    task_summary: 'Do it.',
    previous: null,
  })
  await spine.deliveries.send({ envelope_id })
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const [held] = (await spine.deliveries.receive({ agent: 'coder' })).deliveries
    assert.ok(held)
    const { id, lease_token } = held
    await spine.deliveries.nack({ id, lease_token, kind: 'retry', reason: 'HTTP 503', delay_ms: 0 })
  }
  let raised = 0
  for await (const _ of spine.events({ after: '0-0', types: ['alert.raised'] })) {
    raised += 1
    if (raised === 2) break
  }
  await spine.close()
}
await failOnce()

test('health says in words and figures how it stands', async () => {
  const { code, stdout } = await run('health')
  assert.equal(code, 0)
  assert.match(stdout, /^Nothing arrives at coder\. 1 warning, 1 info\n/)
  assert.match(stdout, /last 1h +1 delivery\n/)
  assert.match(stdout, /failure rate +100 %, 1 of 1 delivery that ended\n/)
  assert.match(stdout, /failed attempts +3, /)
  assert.match(stdout, /0 gaps in 0 of 1 envelope\n/)
  assert.match(stdout, /coder +closed/)
  const { figures } = answerOf(await run('--json', 'health', '--window', '5m', '--target', 'coder'))
  assert.equal(figures.failed, 1)
  const wrong = await run('health', '--window', '2h')
  assert.deepEqual([wrong.code, /one of 5m, 1h, 24h/.test(wrong.stderr)], [2, true])
})

test('alerts are listed with what to do, acknowledged and silenced', async () => {
  const { stdout } = await run('alerts')
  assert.match(stdout, /WARNING {2}3 attempts in a row failed at coder/)
  assert.match(stdout, /HTTP 503/)
  assert.match(stdout, /See whether coder is running/)
  const { alerts } = answerOf(await run('--json', 'alerts', 'list'))
  const id = alerts[0].id
  const acknowledged = await run('alerts', 'acknowledge', id, '--agent', 'ana', '--note', 'restarting')
  assert.match(acknowledged.stdout, /ana is on it/)
  const silenced = answerOf(await run('--json', 'alerts', 'silence', id, '--for', '2h'))
  assert.ok(Date.parse(silenced.silenced_until) > Date.now())
  assert.match((await run('alerts')).stdout, /ana is on it, silenced/)
})

test('a time is a number with a unit', () => {
  assert.deepEqual(
    ['90', '90s', '30m', '2h', '1d', '0'].map(durationMs),
    [90_000, 90_000, 1_800_000, 7_200_000, 86_400_000, 0],
  )
  for (const text of ['', 'soon', '-1h', '1w']) assert.throws(() => durationMs(text), /must be like/)
})

test('the breaker of an agent that is well again is closed by hand', async () => {
  const spine = await MemorySpine.open(file)
  for (let handoff = 0; handoff < 3; handoff += 1) {
    const { id: envelope_id } = await spine.agentHandoff({ target_agent: 'tester', task_summary: 'x', previous: null })
    await spine.deliveries.send({ envelope_id })
    await spine.parked.park({ envelope_id, reason: 'tester never came' })
  }
  assert.equal((await spine.agents.get({ name: 'tester' })).breaker?.state, 'open')
  await spine.close()
  const { code, stdout } = await run('agents', 'reset-breaker', 'tester')
  assert.equal(code, 0)
  assert.match(stdout, /^The breaker of tester is closed/)
  const later = await MemorySpine.open(file)
  assert.equal((await later.agents.get({ name: 'tester' })).breaker, undefined)
  await later.close()
  const unknown = await run('agents', 'reset-breaker', 'nobody')
  assert.deepEqual([unknown.code, /AGENT_NOT_FOUND/.test(unknown.stderr)], [1, true])
})
