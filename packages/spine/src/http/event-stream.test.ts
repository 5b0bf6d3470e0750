// The event stream as browsers read it: server-sent events over a real socket, and a reader that comes back.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createNodeServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { FastifyReply } from 'fastify'
import { createServer } from '../server.ts'
import { createSpine } from '../service/spine.ts'
import { openSqliteInline } from '../store/sqlite.ts'
import { writeStream } from './event-stream.ts'

type Sent = { id?: string; event?: string; data?: string }

/** Reads whole events off a stream. */
async function* sentEvents(answer: Response): AsyncGenerator<Sent> {
  let text = ''
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString()
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const sent = { id: field('id'), event: field('event'), data: field('data') }
      if (sent.data !== undefined) yield sent as Sent
    }
  }
}

async function served() {
  const spine = await createSpine({ database: openSqliteInline() })
  const server = createServer({ spine, log_level: 'silent' })
  const endpoint = await server.listen()
  const handOver = async (target_agent: string) => {
    const { id: envelope_id } = await spine.handoffs.create({ target_agent, task_summary: 'Next.', previous: null })
    await spine.deliveries.send({ envelope_id })
  }
  const open = (headers: Record<string, string> = {}, query = '') =>
    fetch(`${endpoint}/v1/events${query}`, { headers: { accept: 'text/event-stream', ...headers } })
  const close = async () => {
    await server.close()
    await spine.close()
  }
  return { handOver, open, close }
}

test('a stream tells what was and what comes, each event under its cursor', async () => {
  const { handOver, open, close } = await served()
  await handOver('coder')
  const answer = await open()
  assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/)
  const events = sentEvents(answer)
  const seen: Sent[] = []
  for await (const event of events) {
    seen.push(event)
    if (seen.length === 2) await handOver('writer')
    if (seen.length === 4) break
  }
  assert.deepEqual(
    seen.map(({ event }) => event),
    ['handoff.create', 'delivery.send', 'handoff.create', 'delivery.send'],
  )
  for (const { id, data } of seen) assert.equal(JSON.parse(data ?? '').cursor, id)
  await close()
})

test('a stream begins with its first event, or with where it stands when there is none', async (t) => {
  const { handOver, open, close } = await served()
  t.after(close)
  const begins = async (query: string) => {
    const { value } = (await (await open({}, query)).body?.getReader().read()) ?? {}
    return Buffer.from(value ?? []).toString()
  }
  assert.match(await begins(''), /^: nothing new\nid: 0-0\n\n/)
  await handOver('coder')
  assert.match(await begins(''), /^id: \d+-\d+\nevent: handoff\.create\n/)
})

test('a reader that comes back with the last id it saw misses nothing and sees nothing twice', async () => {
  const { handOver, open, close } = await served()
  await handOver('coder')
  const first = await sentEvents(await open()).next()
  await handOver('writer')
  const seen: (string | undefined)[] = []
  for await (const { data } of sentEvents(await open({ 'last-event-id': first.value?.id ?? '' }, '?after=0-0'))) {
    const { type, target } = JSON.parse(data ?? '')
    seen.push(`${type} ${target}`)
    if (seen.length === 3) break
  }
  assert.deepEqual(seen, ['delivery.send coder', 'handoff.create writer', 'delivery.send writer'])
  await close()
})

test('a place that is none is answered with a problem, not with a stream', async () => {
  const { open, close } = await served()
  const answer = await open({}, '?after=yesterday')
  assert.equal(answer.status, 400)
  assert.equal(((await answer.json()) as { code: string }).code, 'INVALID_INPUT')
  await close()
})

test('a server that stops ends its streams', async () => {
  const { handOver, open, close } = await served()
  await handOver('coder')
  const events = sentEvents(await open())
  await events.next()
  await close()
  let after = 0
  for await (const _ of events) after += 1
  assert.ok(after <= 1)
})

const LARGE = 'x'.repeat(100_000)

/** A stream that always has more to tell, over a real connection: its answer here, and there whoever does not read it yet. */
async function endless(t: TestContext, signal: AbortSignal) {
  let told = 0
  const next = async () => {
    told += 1
    const item = { cursor: `1-${told}`, type: 'delivery.send', text: LARGE }
    return { events: [item], next: item.cursor }
  }
  const streams = Promise.withResolvers<{ raw: ServerResponse; ended: Promise<void> }>()
  const server = createNodeServer((_request, raw) => {
    const reply = { raw, hijack() {}, getHeaders: () => ({}) } as unknown as FastifyReply
    streams.resolve({ raw, ended: writeStream(reply, { member: 'events', input: {}, next, signal }) })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const request = get({ port: (server.address() as AddressInfo).port })
  request.on('error', () => {})
  t.after(() => request.destroy())
  const [[answer], stream] = await Promise.all([
    once(request, 'response') as Promise<[IncomingMessage]>,
    streams.promise,
  ])
  answer.on('error', () => {})
  return { answer, ...stream }
}

/** Until nothing more goes out, because nobody reads. */
async function stuck(raw: ServerResponse): Promise<void> {
  while (!raw.writableNeedDrain) await new Promise(setImmediate)
}

test('a reader that does not read keeps no stream from ending', async (t) => {
  const stop = new AbortController()
  const { raw, ended } = await endless(t, stop.signal)
  await stuck(raw)
  stop.abort()
  await ended
  assert.ok(raw.destroyed, 'what is stuck would hold the connection')
})

test('a slow reader leaves no listeners behind', async (t) => {
  const stop = new AbortController()
  const { answer, raw, ended } = await endless(t, stop.signal)
  await stuck(raw)
  const listeners = () => ['close', 'drain', 'error'].map((event) => raw.listenerCount(event))
  const before = listeners()
  for (let round = 0; round < 20; round += 1) {
    const drained = once(raw, 'drain')
    answer.resume()
    await drained
    answer.pause()
    await stuck(raw)
  }
  assert.deepEqual(listeners(), before)
  stop.abort()
  await ended
})
