// The commands of whoever runs a store, as they are typed: dead letters, events, cleaning, copying.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MemorySpine } from '../client/memory-spine.ts'
import { answerOf, commandsOver } from '../testing/command.ts'

const folder = mkdtempSync(join(tmpdir(), 'running-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'spine.db')
const run = commandsOver(file, { cwd: folder })

const parked = await (async () => {
  const spine = await MemorySpine.open(file)
  const ids: string[] = []
  for (const target_agent of ['coder', 'writer', 'tester']) {
    const envelope = await spine.agentHandoff({ target_agent, task_summary: 'Write it down.', previous: null })
    ids.push((await spine.parkEnvelope(envelope, { reason: `${target_agent} never came` })).id)
  }
  await spine.close()
  return ids
})()

test('the dead-letter box is listed, one is shown with its record, and there are two ways out', async () => {
  const listed = await run('parked', 'list')
  assert.match(listed.stdout, /coder never came/)
  const shown = await run('parked', 'show', parked[0] ?? '')
  assert.match(shown.stdout, /parked because: coder never came/)
  assert.match(shown.stdout, /parked redrive dlv_/)
  assert.equal((await run('parked', 'get', parked[0] ?? '')).stdout, shown.stdout)

  const redriven = await run('--json', 'parked', 'redrive', parked[0] ?? '', 'dlv-unknown')
  assert.equal(redriven.code, 1)
  assert.deepEqual(
    answerOf(redriven).results.map((one: Record<string, { state?: string; code?: string }>) => [
      one.delivery?.state,
      one.error?.code,
    ]),
    [
      ['ready', undefined],
      [undefined, 'DELIVERY_NOT_FOUND'],
    ],
  )
  const refused = await run('parked', 'redrive', 'dlv-unknown', '--deadline', '2020-01-01T00:00:00Z', parked[1] ?? '')
  assert.match(refused.stdout, /^DELIVERY_NOT_FOUND: Check the id and the namespace\.$/m)
  assert.match(refused.stdout, /^DEADLINE_PASSED: Give a later `deadline` with the redrive, or discard it\.$/m)
  const discarded = await run('--json', 'parked', 'discard', '--all', '--target', 'writer', '--reason', 'not needed')
  assert.deepEqual([discarded.code, answerOf(discarded).results.length], [0, 1])
  assert.equal(answerOf(await run('--json', 'parked', 'list')).deliveries.length, 1)
})

test('a redrive of nothing, or of everything and something, is a wrong call', async () => {
  assert.equal((await run('parked', 'redrive')).code, 2)
  assert.equal((await run('parked', 'redrive', '--all', parked[2] ?? '')).code, 2)
})

test('an empty variable of the shell is a wrong call, not all there is', async () => {
  const before = answerOf(await run('--json', 'parked', 'list')).deliveries.length
  const all = await run('parked', 'discard', '--all', '--target', '', '--reason', 'not needed')
  assert.deepEqual([all.code, all.stderr], [2, '--target is empty: give a value.\n'])
  assert.equal((await run('parked', 'redrive', '')).code, 2)
  assert.match((await run('backup', '')).stderr, /^file is empty/)
  assert.equal(answerOf(await run('--json', 'parked', 'list')).deliveries.length, before)
  assert.ok(before > 0)
})

test('events come line by line with their cursors, and end where the stream ends', async () => {
  const { stdout } = await run('--json', 'events', '--no-follow', '--types', 'delivery.send')
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    events.map(({ target }) => target),
    ['coder', 'writer', 'tester'],
  )
  const again = await run('--json', 'events', '--no-follow', '--after', events[1].cursor, '--types', 'delivery.send')
  assert.equal(answerOf(again).target, 'tester')
})

test('a dry cleaning counts, and a backup is a store that the commands read', async () => {
  assert.equal(answerOf(await run('--json', 'gc', '--dry-run')).dry_run, true)
  const copy = join(folder, 'copy.db')
  assert.equal(answerOf(await run('--json', 'backup', copy)).file, copy)
  const again = await run('backup', copy)
  assert.equal(again.code, 2)
  assert.match(again.stderr, /copy\.db exists already: give a new name/)
  const { stdout } = await run('--store', `sqlite:${copy}`, '--json', 'handoffs', 'list')
  assert.equal(JSON.parse(stdout).handoffs.length, 3)
})
