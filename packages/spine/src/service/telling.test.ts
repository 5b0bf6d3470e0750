// How a webhook hears of alerts: signed, in order, again after a failure, never twice once it was heard.

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Spine } from '../protocol/spine.ts'
import { openSqlite } from '../store/sqlite.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { watched } from '../testing/watched.ts'
import { createSpine } from './spine.ts'
import type { AlertChange } from './watch.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const SECOND = 1_000

type Heard = { headers: IncomingHttpHeaders; body: string; type: string; rule: string }

/** A spine that tells a webhook on loopback, which answers with these statuses in turn, then with 204. */
async function telling({
  statuses = [] as number[],
  allowed = true,
  hangs = false,
  onAlert = (_change: AlertChange) => {},
} = {}) {
  const heard: Heard[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    const { type, data } = JSON.parse(body)
    heard.push({ headers: request.headers, body, type, rule: data.rule })
    if (!hangs) response.writeHead(statuses.shift() ?? 204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-'))
  const { database, idle } = watched(await openSqlite({ file: join(folder, 'spine.db'), ballast: { bytes: 0 } }))
  const clock = manualClock({ idle })
  const changes: AlertChange[] = []
  const spine = await createSpine({
    database,
    clock,
    chance: { uniform: () => 0.5, hex: (digits) => 'f'.repeat(digits) },
    alert_webhook: { url: `http://${host}/alerts`, secrets: [secret] },
    webhook_allow: allowed ? [host] : [],
    onAlert(change) {
      changes.push(change)
      onAlert(change)
    },
  })
  return {
    spine,
    heard,
    changes,
    /** Lets time pass until it is so; the other side is a real socket, which takes real turns. */
    async until(so: () => boolean | Promise<boolean>, step_ms = SECOND) {
      for (let turns = 0; !(await so()); turns += 1) {
        assert.ok(turns < 2_000, 'it never happens')
        await clock.advance(step_ms)
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    async [Symbol.asyncDispose]() {
      await spine.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A loop is stopped: one warning, which a redrive resolves. */
async function stopLoop(spine: Spine, namespace = 'default'): Promise<string> {
  const as = { identity: { namespace } }
  const created = {
    target_agent: 'coder',
    task_summary: 'Do it.',
    previous: null,
    max_hops: 1,
  }
  const { id: envelope_id } = await spine.handoffs.create(created, as)
  const { id } = await spine.deliveries.send({ envelope_id }, as)
  const [held] = (await spine.deliveries.receive({ agent: 'coder', wait_ms: 0 }, as)).deliveries
  assert.ok(held)
  const handoff = { target_agent: 'writer', task_summary: 'And on.' }
  await assert.rejects(spine.deliveries.forward({ id, lease_token: held.lease_token, handoff }, as))
  return id
}

test('a webhook hears once that an alert was raised and once that it was resolved, signed', async () => {
  await using place = await telling()
  const { spine, heard, changes, until } = place
  const id = await stopLoop(spine)
  await until(() => heard.length === 1)
  await spine.parked.redrive({ ids: [id], extra_hops: 1 })
  await until(() => heard.length === 2)
  assert.deepEqual(
    heard.map(({ type, rule }) => `${type} ${rule}`),
    ['alert.raised loop_stopped', 'alert.resolved loop_stopped'],
  )
  for (const { headers, body } of heard) {
    const { 'webhook-id': message, 'webhook-timestamp': at, 'webhook-signature': signature } = headers
    const key = Buffer.from(secret.slice(6), 'base64')
    const mac = createHmac('sha256', key).update(`${message}.${at}.${body}`).digest('base64')
    assert.equal(signature, `v1,${mac}`)
  }
  assert.deepEqual(
    changes.map(({ namespace, alert }) => `${namespace} ${alert.rule} ${alert.state}`),
    ['default loop_stopped open', 'default loop_stopped resolved'],
  )
  await until(() => true)
  assert.equal(heard.length, 2)
})

test('what was not heard is told again, later each time, under the same id', async () => {
  await using place = await telling({ statuses: [500, 503, 429] })
  const { spine, heard, until } = place
  await stopLoop(spine)
  await until(() => heard.length === 4)
  assert.equal(new Set(heard.map(({ headers }) => headers['webhook-id'])).size, 1)
  const at = heard.map(({ headers }) => Number(headers['webhook-timestamp']))
  const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0))
  // Half of 8, 16 and 32 seconds, and up to two until somebody looks.
  for (const [index, wait] of waits.entries()) {
    const half = 4 * 2 ** index
    assert.ok(wait >= half && wait <= half + 3, `${wait} s instead of ${half}`)
  }
})

test('a resolution that comes before the alert was heard is told after it', async () => {
  await using place = await telling({ statuses: [500] })
  const { spine, heard, until } = place
  const id = await stopLoop(spine)
  await until(() => heard.length === 1)
  await spine.parked.discard({ ids: [id], reason: 'no longer needed' })
  await until(() => heard.length === 3)
  assert.deepEqual(
    heard.map(({ type }) => type),
    ['alert.raised', 'alert.raised', 'alert.resolved'],
  )
})

test('what is silenced is listed, and not told, not even its end', async () => {
  await using place = await telling()
  const { spine, heard, until } = place
  const first = await stopLoop(spine)
  await until(() => heard.length === 1)
  const [alert] = (await spine.alerts.list({})).alerts
  assert.ok(alert)
  await spine.alerts.silence({ id: alert.id, for_ms: 3_600_000 })
  await spine.parked.discard({ ids: [first], reason: 'no longer needed' })
  const open = async () => (await spine.alerts.list({})).alerts
  await until(async () => (await open()).length === 0)
  await stopLoop(spine)
  await until(async () => (await open()).length === 1)
  const [again] = await open()
  assert.notEqual(again?.id, alert.id)
  assert.ok(again?.silenced_until)
  assert.equal(heard.length, 1)
})

test('an address that is private and not allowed is never spoken to', async () => {
  await using place = await telling({ allowed: false })
  const { spine, heard, until } = place
  await stopLoop(spine)
  await until(async () => (await spine.alerts.list({})).alerts.length === 1)
  await until(() => true)
  assert.deepEqual(heard, [])
})

test('a webhook that does not answer holds up neither what is judged nor the end', async () => {
  await using place = await telling({ hangs: true })
  const { spine, heard, changes, until } = place
  await stopLoop(spine)
  await until(() => heard.length === 1)
  await stopLoop(spine, 'other')
  const began = performance.now()
  await until(() => changes.length === 2)
  await spine.close()
  assert.ok(performance.now() - began < 10_000, 'it waited for the webhook')
})

test('one who cannot hear of an alert keeps no other from being raised', async () => {
  const onAlert = () => {
    throw new Error('Nobody listens.')
  }
  await using place = await telling({ onAlert })
  const { spine, heard, until } = place
  for (const namespace of ['first', 'second', 'third']) await stopLoop(spine, namespace)
  await until(() => heard.length === 3)
})
