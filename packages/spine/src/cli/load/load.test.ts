// The load test as people start it: a server of its own, a bound on handoffs, one line of JSON; and how it refuses.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))

const run = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    // A variable that is set for other commands must not be where the load goes.
    const env = { ...process.env, SPINE_ENDPOINT: 'http://127.0.0.1:1', SPINE_API_KEY: 'not for this server' }
    execFile(process.execPath, [main, 'load', ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })

test('a bounded load ends by itself with every handoff acknowledged and a figure for each stage', async () => {
  const { code, stdout, stderr } = await run('--json', '--concurrency', '4', '--duration', '60', '--max-handoffs', '40')
  assert.equal(code, 0, stderr)
  const answer = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  assert.deepEqual(
    [answer.handoffs, answer.failed, answer.completeness, answer.leases_lost, answer.verdict, answer.errors],
    [40, 0, 1, 0, 'healthy', {}],
  )
  for (const [stage, { samples, p50_ms, p99_ms }] of Object.entries<Record<string, number>>(answer.stages)) {
    assert.ok((samples ?? 0) >= 36, `${stage} has ${samples} samples`)
    assert.ok((p50_ms ?? 0) <= (p99_ms ?? 0))
  }
  // What is explained below the table is a row of it.
  assert.doesNotMatch(stderr, /^seal /m)
})

test('a load beyond the bounds is refused before a server is started', async () => {
  const { code, stderr } = await run('--concurrency', '10001')
  assert.equal(code, 2)
  assert.match(stderr, /--concurrency: at most 10000/)
})
