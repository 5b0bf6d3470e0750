// Real processes and SIGKILL: what was answered is on disk, and the work of a dead receiver is handed out again.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connect } from '../index.ts'
import type { Spine } from '../protocol/spine.ts'

const folder = mkdtempSync(join(tmpdir(), 'kill-'))
after(() => rmSync(folder, { recursive: true }))
const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const main = pathOf('../cli/main.ts')
const quiet = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => !/^(?:SPINE_|npm_lifecycle|NODE_TEST)/.test(key)),
)

/** A process whose first line of output is JSON. */
async function started(args: readonly string[]): Promise<{ child: ChildProcess; line: Record<string, string> }> {
  const child = spawn(process.execPath, args, { cwd: folder, env: quiet, stdio: ['ignore', 'pipe', 'inherit'] })
  after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const [text] = (await once(lines, 'line')) as [string]
  return { child, line: JSON.parse(text) }
}

const serve = (file: string) =>
  started([main, 'serve', '--store', `sqlite:${file}`, '--port', '0', '--json', '--log-level', 'error'])

async function killed(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

/** What a client was told before the server died. */
type Acknowledged = { memories: string[]; sent: string[]; completed: string[] }

/**
 * Several clients hand over and complete as fast as they can; the server is killed with the very answer that makes
 * `limit`. Calls under way then fail, and promise nothing.
 */
async function loadUntilKilled(endpoint: string, child: ChildProcess, limit: number): Promise<Acknowledged> {
  const spine = connect({ endpoint })
  const told: Acknowledged = { memories: [], sent: [], completed: [] }
  let answers = 0
  let gone: Promise<void> | undefined
  const note = (list: string[], id: string | undefined) => {
    if (gone || id === undefined) return
    list.push(id)
    answers += 1
    if (answers === limit) gone = killed(child).then(() => spine.close())
  }
  const client = async (agent: string) => {
    for (let turn = 0; !gone; turn += 1) {
      const { memories } = await spine.memories.store({ content: `Turn ${turn} of ${agent}.` })
      note(told.memories, memories[0]?.id)
      const { id: envelope_id } = await spine.handoffs.create({
        target_agent: agent,
        task_summary: `Turn ${turn}.`,
        previous: null,
      })
      note(told.sent, (await spine.deliveries.send({ envelope_id })).id)
      const { deliveries } = await spine.deliveries.receive({ agent, wait_ms: 0 })
      for (const { id, lease_token } of deliveries)
        note(told.completed, (await spine.deliveries.complete({ id, lease_token, output: { turn } })).id)
    }
  }
  await Promise.allSettled(Array.from({ length: 8 }, (_, index) => client(`agent-${index}`)))
  await gone
  return told
}

/** What was promised and is not there. */
async function missing(spine: Spine, { memories, sent, completed }: Acknowledged): Promise<string[]> {
  const lost: string[] = []
  const look = async (id: string, there: () => Promise<boolean>) => {
    if (!(await there().catch(() => false))) lost.push(id)
  }
  await Promise.all([
    ...memories.map((id) => look(id, async () => (await spine.memories.get({ id })).id === id)),
    ...sent.map((id) =>
      look(id, async () => {
        const { envelope_id } = await spine.deliveries.get({ id })
        return (await spine.handoffs.get({ id: envelope_id })).id === envelope_id
      }),
    ),
    ...completed.map((id) => look(id, async () => (await spine.deliveries.get({ id })).state === 'completed')),
  ])
  return lost
}

test('a server that is killed right after its answers has lost nothing of them, time after time', async () => {
  const file = join(folder, 'honest.db')
  const all: Acknowledged = { memories: [], sent: [], completed: [] }
  for (const limit of [40, 61, 90]) {
    const { child, line } = await serve(file)
    const told = await loadUntilKilled(String(line.endpoint), child, limit)
    assert.equal(told.memories.length + told.sent.length + told.completed.length, limit)
    for (const key of ['memories', 'sent', 'completed'] as const) all[key].push(...told[key])
  }
  const { child, line } = await serve(file)
  const spine = connect({ endpoint: String(line.endpoint) })
  assert.deepEqual(await missing(spine, all), [])
  await spine.close()
  await killed(child)
})

test('negative control: a server that answers before it writes has lost something', async () => {
  const file = join(folder, 'hasty.db')
  const { child, line } = await started([pathOf('./kill/write-behind-worker.ts'), file])
  const told = await loadUntilKilled(String(line.endpoint), child, 60)
  const restarted = await serve(file)
  const spine = connect({ endpoint: String(restarted.line.endpoint) })
  assert.notEqual((await missing(spine, told)).length, 0)
  await spine.close()
  await killed(restarted.child)
})

test('a lease survives the death of the server: its holder completes, and nobody else was given the work', async () => {
  const file = join(folder, 'lease.db')
  const first = await serve(file)
  const before = connect({ endpoint: String(first.line.endpoint) })
  const { id: envelope_id } = await before.handoffs.create({ target_agent: 'coder', task_summary: 'Hold on.' })
  await before.deliveries.send({ envelope_id })
  const { deliveries } = await before.deliveries.receive({ agent: 'coder', wait_ms: 0 })
  const [held] = deliveries
  assert.ok(held)
  await killed(first.child)
  await before.close()

  const second = await serve(file)
  const spine = connect({ endpoint: String(second.line.endpoint) })
  assert.deepEqual((await spine.deliveries.receive({ agent: 'coder', wait_ms: 0 })).deliveries, [])
  const { id, lease_token } = held
  const completed = await spine.deliveries.complete({ id, lease_token, output: 'held on' })
  assert.deepEqual([completed.state, completed.late, completed.output], ['completed', undefined, 'held on'])
  await spine.close()
  await killed(second.child)
})

test('a receiver that is killed in the middle of its lease is followed by redelivery within the lease and 2 s', async () => {
  const LEASE_MS = 1_000
  const server = await serve(join(folder, 'redelivery.db'))
  const endpoint = String(server.line.endpoint)
  const spine = connect({ endpoint })
  const { id: envelope_id } = await spine.handoffs.create({ target_agent: 'coder', task_summary: 'Do it.' })
  await spine.deliveries.send({ envelope_id })
  const receiver = await started([pathOf('./kill/receiver-worker.ts'), endpoint, String(LEASE_MS)])
  assert.equal((await spine.deliveries.get({ id: String(receiver.line.accepted) })).state, 'accepted')

  // While it lives its heartbeats keep the lease: nobody else gets it.
  const { deliveries: none } = await spine.deliveries.receive({ agent: 'coder', wait_ms: 2 * LEASE_MS })
  assert.deepEqual(none, [])
  await killed(receiver.child)
  const dead = performance.now()
  const { deliveries } = await spine.deliveries.receive({ agent: 'coder', wait_ms: 20_000 })
  const took = performance.now() - dead
  assert.deepEqual([deliveries[0]?.id, deliveries[0]?.attempt], [receiver.line.accepted, 2])
  assert.ok(took <= LEASE_MS + 2_000, `it took ${Math.round(took)} ms`)
  await spine.close()
  await killed(server.child)
})
