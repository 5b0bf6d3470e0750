/**
 * A fault drill over a real server: break something, and see which alert comes, and after how long. A receiver that is
 * killed in the middle of its work again and again, a receiver that never comes back, a memory that is deleted while
 * handoffs refer to it, and two agents that send the same work round in a circle. Thresholds are the defaults, except
 * that a drill does not wait five minutes for a receiver: `unclaimed_ms` is 10 s here.
 */

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connect } from '../packages/spine/src/client/connect.ts'
import type { AlertRule } from '../packages/spine/src/protocol/alert.ts'
import type { Spine } from '../packages/spine/src/protocol/spine.ts'

const { values: flags } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const LEASE_MS = 1_000
const UNCLAIMED_MS = 10_000

type Line = { fault: string; alert: string; tier: string; after_s: number; said: string }

/** Waits for the alert of a rule; the time runs from when the fault was made. */
function watchFor(spine: Spine) {
  const raised = new Map<string, { at: number; tier: string; title: string }>()
  const waiting = new Map<string, () => void>()
  const ending = new AbortController()
  const read = async () => {
    for (let after = 'now'; !ending.signal.aborted; ) {
      const page = await spine.health.events(
        { after, types: 'alert.raised', wait_ms: 20_000 },
        { signal: ending.signal },
      )
      after = page.next
      for (const { data } of page.events) {
        const { rule, tier, title } = data as { rule: string; tier: string; title: string }
        if (!raised.has(rule)) raised.set(rule, { at: performance.now(), tier, title })
        waiting.get(rule)?.()
      }
    }
  }
  const reading = read().catch((error) => {
    if (!ending.signal.aborted) throw error
  })
  return {
    async alert(fault: string, rule: AlertRule, since: number): Promise<Line> {
      if (!raised.has(rule)) await new Promise<void>((resolve) => waiting.set(rule, resolve))
      const { at, tier, title } = raised.get(rule) ?? { at: 0, tier: '', title: '' }
      return { fault, alert: rule, tier, after_s: Math.round((at - since) / 100) / 10, said: title }
    },
    async end() {
      ending.abort()
      await reading
    },
  }
}

async function startServer(folder: string): Promise<{ child: ChildProcess; endpoint: string }> {
  const program = fileURLToPath(new URL('../packages/spine/src/cli/main.ts', import.meta.url))
  const given = [
    'serve',
    '--port',
    '0',
    '--store',
    `sqlite:${join(folder, 'spine.db')}`,
    '--log-level',
    'silent',
    '--json',
  ]
  const child = spawn(process.execPath, [program, ...given], { stdio: ['ignore', 'pipe', 'ignore'] })
  for await (const line of createInterface({ input: child.stdout })) {
    const { endpoint } = JSON.parse(line) as { endpoint?: string }
    if (endpoint !== undefined) return { child, endpoint }
  }
  throw new Error('the server ended before it listened')
}

/** This file again, as a receiver that accepts one delivery and then does nothing more. */
async function forkReceiver(endpoint: string, agent: string): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), [], {
    env: { ...process.env, DRILL_RECEIVER: `${endpoint} ${agent}` },
  })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  await new Promise((resolve) => child.once('message', resolve))
  child.kill('SIGKILL')
  await gone
}

async function beReceiver(endpoint: string, agent: string): Promise<void> {
  const spine = connect({ endpoint })
  for (;;) {
    const [delivery] = (await spine.deliveries.receive({ agent, lease_ms: LEASE_MS })).deliveries
    if (!delivery) continue
    await spine.deliveries.accept({ id: delivery.id, lease_token: delivery.lease_token })
    process.send?.('accepted')
    await new Promise(() => setInterval(() => {}, 60_000))
  }
}

const handOver = async (spine: Spine, target_agent: string) => {
  const { id } = await spine.handoffs.create({ target_agent, task_summary: 'Review the retry.', previous: null })
  await spine.deliveries.send({ envelope_id: id })
}

async function killReceiver(spine: Spine, endpoint: string, watch: ReturnType<typeof watchFor>): Promise<Line[]> {
  const fault = 'a receiver is killed in the middle of its work, three times for each of three handoffs'
  const lines: Line[] = []
  let killed_at = 0
  for (let handoff = 0; handoff < 3; handoff += 1) {
    await handOver(spine, 'crasher')
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await forkReceiver(endpoint, 'crasher')
      killed_at = performance.now()
    }
    if (handoff > 0) continue
    lines.push(await watch.alert('a receiver is killed three times in a row', 'attempts_failing', killed_at))
    lines.push(await watch.alert('its handoff has no attempt left', 'handoff_failed', killed_at))
  }
  lines.push(await watch.alert(fault, 'breaker_open', killed_at))
  return lines
}

async function loseReceiver(spine: Spine, watch: ReturnType<typeof watchFor>): Promise<Line[]> {
  const since = performance.now()
  await handOver(spine, 'absent')
  return [await watch.alert(`nobody receives (limit ${UNCLAIMED_MS / 1_000} s)`, 'unclaimed', since)]
}

async function breakMemory(spine: Spine, watch: ReturnType<typeof watchFor>): Promise<Line[]> {
  const [memory] = (await spine.memories.store({ memories: [{ content: 'Max 3 retries, with jitter.' }] })).memories
  if (!memory) throw new Error('nothing was stored')
  await spine.memories.delete({ id: memory.id })
  for (let handoff = 0; handoff < 20; handoff += 1)
    await spine.handoffs.create({
      target_agent: 'coder',
      task_summary: 'Go on.',
      memory_ids: [memory.id],
      previous: null,
    })
  return [await watch.alert('a memory is deleted that 20 handoffs refer to', 'completeness_low', performance.now())]
}

async function loopRoute(spine: Spine, watch: ReturnType<typeof watchFor>): Promise<Line[]> {
  await handOver(spine, 'ping')
  for (let agent = 'ping'; ; agent = agent === 'ping' ? 'pong' : 'ping') {
    const [held] = (await spine.deliveries.receive({ agent })).deliveries
    if (!held) continue
    const target_agent = agent === 'ping' ? 'pong' : 'ping'
    const handoff = { target_agent, task_summary: 'Have a look at this.' }
    const refused = await spine.deliveries.forward({ id: held.id, lease_token: held.lease_token, handoff }).then(
      () => false,
      () => true,
    )
    if (refused)
      return [await watch.alert('two agents send the same work round in a circle', 'loop_stopped', performance.now())]
  }
}

async function drill(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-drill-'))
  const { child, endpoint } = await startServer(folder)
  const spine = connect({ endpoint })
  const watch = watchFor(spine)
  try {
    await spine.health.set_thresholds({ unclaimed_ms: UNCLAIMED_MS })
    const lines = [
      ...(await loopRoute(spine, watch)),
      ...(await breakMemory(spine, watch)),
      ...(await killReceiver(spine, endpoint, watch)),
      ...(await loseReceiver(spine, watch)),
    ]
    const { verdict } = await spine.health.report({})
    if (flags.json) process.stdout.write(`${JSON.stringify({ lines, verdict })}\n`)
    else {
      console.table(lines)
      console.log(verdict.sentence)
    }
  } finally {
    await watch.end()
    await spine.close()
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
    await rm(folder, { recursive: true, force: true })
  }
}

const [endpoint, agent] = process.env.DRILL_RECEIVER?.split(' ') ?? []
if (endpoint && agent) await beReceiver(endpoint, agent)
else await drill()
