// /metrics over a real server: what Prometheus reads, with bounded labels, and the files of docs/monitoring beside it.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSpine, openSqlite } from '../embedded.ts'
import type { Spine } from '../protocol/spine.ts'
import { createServer } from '../server.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { watched } from '../testing/watched.ts'

const run = promisify(execFile)
const monitoring = fileURLToPath(new URL('../../../../docs/monitoring/', import.meta.url))

/** A server, and what its /metrics says after the handoffs of `work` have been counted. */
async function scraped(work: (spine: Spine, advance: (ms: number) => Promise<void>) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  const { database, idle } = watched(await openSqlite({ file: join(folder, 'spine.db'), ballast: { bytes: 0 } }))
  const clock = manualClock({ idle })
  const spine = await createSpine({ database, clock })
  const server = createServer({ spine, log_level: 'silent' })
  try {
    await work(spine, clock.advance)
    await clock.advance(2_000)
    const { statusCode, headers, body } = await server.inject({ url: '/metrics' })
    assert.equal(statusCode, 200)
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
    return body
  } finally {
    await server.close()
    await spine.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function handOver(spine: Spine, target_agent: string, advance?: () => Promise<void>): Promise<void> {
  const { id: envelope_id } = await spine.handoffs.create({ target_agent, task_summary: 'Do it.', previous: null })
  await spine.deliveries.send({ envelope_id })
  await advance?.()
  const [held] = (await spine.deliveries.receive({ agent: target_agent, wait_ms: 0 })).deliveries
  assert.ok(held)
  await spine.deliveries.complete({ id: held.id, lease_token: held.lease_token })
}

const seriesOf = (body: string, series: string): number | undefined => {
  const line = body.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length))
}

test('counters, the latency histogram and gauges say what happened', async () => {
  const body = await scraped(async (spine, advance) => {
    await handOver(spine, 'coder', () => advance(700))
    await handOver(spine, 'coder')
    const { id } = await spine.handoffs.create({ target_agent: 'writer', task_summary: 'Do it.', previous: null })
    await spine.deliveries.send({ envelope_id: id })
  })
  assert.equal(seriesOf(body, 'memory_spine_handoffs_total{target="coder"}'), 2)
  assert.equal(seriesOf(body, 'memory_spine_handoffs_total{target="writer"}'), 1)
  assert.equal(seriesOf(body, 'memory_spine_handoffs_completed_total{target="coder"}'), 2)
  assert.equal(seriesOf(body, 'memory_spine_handoff_latency_seconds_bucket{mode="queued",le="0.5"}'), 1)
  assert.equal(seriesOf(body, 'memory_spine_handoff_latency_seconds_bucket{mode="queued",le="1"}'), 2)
  assert.equal(seriesOf(body, 'memory_spine_handoff_latency_seconds_count{mode="queued"}'), 2)
  assert.equal(seriesOf(body, 'memory_spine_handoff_latency_seconds_count{mode="direct"}'), 0)
  assert.equal(seriesOf(body, 'memory_spine_queue_ready{target="writer"}'), 1)
  assert.equal(seriesOf(body, 'memory_spine_breaker_state{target="coder"}'), 0)
  assert.equal(seriesOf(body, 'memory_spine_completeness_ratio'), 1)
  assert.equal(seriesOf(body, 'memory_spine_alerts_open{tier="critical"}'), 0)
  assert.ok(Number(seriesOf(body, 'memory_spine_process_resident_memory_bytes')) > 0)
})

test('work in the background that fails is logged when it begins to, and counted each time', async () => {
  const spine = await createSpine({ database: openSqliteInline() })
  const lines: string[] = []
  const server = createServer({ spine, log_destination: { write: (line) => void lines.push(line) } })
  for (const failures of [1, 2, 3]) server.noteTrouble({ work: 'retention', error: new Error('disk full'), failures })
  const { body } = await server.inject({ url: '/metrics' })
  assert.equal(seriesOf(body, 'memory_spine_background_failures_total{work="retention"}'), 3)
  const logged = lines.map((line) => JSON.parse(line)).filter(({ work }) => work === 'retention')
  assert.deepEqual(
    logged.map(({ level, err }) => [level, err.message]),
    [[50, 'disk full']],
  )
  await server.close()
  await spine.close()
})

test('however many targets there are, twenty have a name and the rest are one', async () => {
  const body = await scraped(async (spine) => {
    for (let index = 0; index < 25; index += 1) await handOver(spine, `agent-${index}`)
  })
  const series = body.split('\n').filter((line) => line.startsWith('memory_spine_handoffs_total{'))
  assert.equal(series.length, 21)
  assert.equal(seriesOf(body, 'memory_spine_handoffs_total{target="other"}'), 5)
})

test('where there are keys, metrics need one and show its namespace alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  const { database, idle } = watched(await openSqlite({ file: join(folder, 'spine.db'), ballast: { bytes: 0 } }))
  const clock = manualClock({ idle })
  const spine = await createSpine({ database, clock })
  const sha256 = createHash('sha256').update('msk_a').digest('hex')
  const server = createServer({ spine, log_level: 'silent', keys: `k1:theirs:${sha256}` })
  try {
    await handOver(spine, 'coder')
    await clock.advance(2_000)
    assert.equal((await server.inject({ url: '/metrics' })).statusCode, 401)
    const { body } = await server.inject({ url: '/metrics', headers: { authorization: 'Bearer msk_a' } })
    assert.equal(seriesOf(body, 'memory_spine_handoffs_total{target="coder"}'), undefined)
    assert.equal(seriesOf(body, 'memory_spine_parked'), 0)
  } finally {
    await server.close()
    await spine.close()
    await rm(folder, { recursive: true, force: true })
  }
})

test('the board and the rules ask only for what /metrics has', async () => {
  const body = await scraped((spine) => handOver(spine, 'coder'))
  const known = new Set(
    [...body.matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
    ),
  )
  for (const file of ['grafana.json', 'alerts.yml']) {
    const text = await readFile(join(monitoring, file), 'utf8')
    const asked = new Set(text.match(/\bmemory_spine_\w+/g))
    assert.ok(asked.size > 5, file)
    assert.deepEqual(
      [...asked].filter((name) => !known.has(name)),
      [],
      file,
    )
  }
})

test('promtool finds no fault in the metrics, the rules and the scrape configuration', async (context) => {
  const installed = await run('promtool', ['--version']).then(
    () => true,
    () => false,
  )
  if (!installed) return context.skip('promtool is not installed (Debian: apt-get install prometheus)')
  await run('promtool', ['check', 'rules', join(monitoring, 'alerts.yml')])
  await run('promtool', ['check', 'config', join(monitoring, 'prometheus.yml')])
  const body = await scraped((spine) => handOver(spine, 'coder'))
  const checking = run('promtool', ['check', 'metrics'])
  checking.child.stdin?.end(body)
  const { stdout, stderr } = await checking
  assert.equal(`${stdout}${stderr}`.trim(), '')
})
