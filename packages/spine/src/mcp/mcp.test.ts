// The MCP server through the official clients: both protocol eras over a pipe and over HTTP, and the older SDK.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as OldStdioTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { connect } from '../client/connect.ts'
import { createSpine, openSqlite } from '../embedded.ts'
import type { Spine } from '../protocol/spine.ts'
import { createServer, type SpineServer } from '../server.ts'
import { readLock } from '../store/lock.ts'
import { programFile, quietEnv } from '../testing/command.ts'
import { newDatabase } from '../testing/postgres/database.ts'
import { mcpHandler } from './serve.ts'

const folder = mkdtempSync(join(tmpdir(), 'mcp-'))

let spine: Spine
let server: SpineServer
let endpoint: string

before(async () => {
  spine = await createSpine({ database: await openSqlite({ file: join(folder, 'served.db'), ballast: { bytes: 0 } }) })
  server = createServer({ spine, mounts: { '/mcp': mcpHandler({ spine, version: '0.0.0' }) }, log_level: 'silent' })
  endpoint = await server.listen()
})
after(async () => {
  await server.close()
  await spine.close()
  rmSync(folder, { recursive: true })
})

type Answer = { structuredContent?: unknown; content?: unknown; isError?: boolean | undefined }
type Caller = { callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<Answer> }

/** The structure of an answer that is no refusal. */
async function call<T = Record<string, unknown>>(
  client: Caller,
  name: string,
  given: Record<string, unknown> = {},
): Promise<T> {
  const answer = await client.callTool({ name, arguments: given })
  assert.notEqual(answer.isError, true, JSON.stringify(answer.content))
  return answer.structuredContent as T
}

const wordsOf = (answer: Answer) => (answer.content as { text: string }[]).map(({ text }) => text).join('\n')

const stdio = (args: readonly string[], env: Record<string, string> = {}) => ({
  command: process.execPath,
  args: [programFile, 'mcp', ...args],
  env: { ...quietEnv, ...env },
  stderr: 'inherit' as const,
})

async function overHttp(namespace: string, era: 'auto' | 'legacy' = 'auto'): Promise<Client> {
  const client = new Client({ name: 'test', version: '0' }, { versionNegotiation: { mode: era } })
  const requestInit = { headers: { 'spine-namespace': namespace } }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${endpoint}/mcp`), { requestInit }))
  after(() => client.close())
  return client
}

async function overPipe(
  args: readonly string[],
  era: 'auto' | 'legacy' = 'auto',
  env: Record<string, string> = {},
): Promise<Client> {
  const client = new Client({ name: 'test', version: '0' }, { versionNegotiation: { mode: era } })
  await client.connect(new StdioClientTransport(stdio(args, env)))
  after(() => client.close())
  return client
}

type Taken = { deliveries: { delivery_id: string; text: string; from: string }[] }

/** A whole handoff by tools alone: made, taken, accepted, handed on, finished. */
async function handOver(planner: Caller, coder: Caller, tester: Caller): Promise<void> {
  const named = (agent: string) => ({ agent })
  const memory = await call(planner, 'memory_store', {
    content: 'The gateway answers 429 after 12 requests.',
    ...named('planner'),
  })
  const made = await call(planner, 'handoff_create', {
    target_agent: 'coder',
    intent: 'Payments must survive a short outage.',
    task_summary: `Write the retry logic as memory ${memory.id} says.`,
    constraints: { language: 'python' },
    ...named('planner'),
  })
  assert.deepEqual(made.memory_refs, [memory.id])

  const { deliveries } = await call<Taken>(coder, 'handoff_inbox', named('coder'))
  const [taken] = deliveries
  assert.ok(taken)
  assert.match(taken.text, /Payments must survive a short outage/)
  const { delivery_id } = taken
  assert.equal((await call(coder, 'handoff_ack', { delivery_id, answer: 'accepted' })).state, 'accepted')
  const next = await call(coder, 'handoff_forward', {
    delivery_id,
    target_agent: 'tester',
    task_summary: 'Test the retry logic.',
    output: 'retry.py',
    state: { decisions: [{ decision: 'full jitter', reason: 'no thundering herd' }] },
  })

  const [second] = (await call<Taken>(tester, 'handoff_inbox', named('tester'))).deliveries
  assert.match(second?.text ?? '', /Payments must survive a short outage[\s\S]*language: python[\s\S]*full jitter/)
  const done = await call(tester, 'handoff_complete', { delivery_id: second?.delivery_id, output: { passed: 12 } })
  assert.deepEqual([done.state, done.output], ['completed', { passed: 12 }])
  const status = await call<Taken & { hop: number }>(planner, 'handoff_status', { envelope_id: next.envelope_id })
  assert.equal(status.hop, 2)
}

test('a handoff goes from agent to agent by tools alone over HTTP, in both protocol eras', async () => {
  const [modern, legacy] = [await overHttp('by-http'), await overHttp('by-http', 'legacy')]
  await handOver(modern, legacy, modern)
})

test('hosts over pipes share one store, in both protocol eras and with the older SDK', async () => {
  const store = ['--store', `sqlite:${join(folder, 'shared.db')}`]
  const [first, second] = [await overPipe(store), await overPipe(store, 'legacy')]
  const third = new OldClient({ name: 'old', version: '0' })
  await third.connect(new OldStdioTransport(stdio(store)))
  after(() => third.close())
  await handOver(first, second, third as unknown as Caller)
})

test('when the host that has the store ends, the next call of another takes over', async () => {
  const store = ['--store', `sqlite:${join(folder, 'passed-on.db')}`]
  const first = await overPipe(store)
  await call(first, 'memory_store', { id: 'kept', content: 'Stored by the first host.' })
  const second = await overPipe(store)
  assert.equal((await call(second, 'memory_get', { id: 'kept' })).content, 'Stored by the first host.')
  await first.close()
  assert.equal((await call(second, 'memory_get', { id: 'kept' })).content, 'Stored by the first host.')
})

test('a host serves its store as it is configured: with the policy for secrets, and to those with a key', async () => {
  const file = join(folder, 'configured.db')
  const digest = createHash('sha256').update('ours').digest('hex')
  const env = { SPINE_SECRETS: 'refuse', SPINE_API_KEYS: `hosts:default:${digest}`, SPINE_API_KEY: 'ours' }
  const client = await overPipe(['--store', `sqlite:${file}`], 'auto', env)
  const content = `Push with ghp_${randomBytes(18).toString('hex')}.`
  const refused = await client.callTool({ name: 'memory_store', arguments: { content } })
  assert.match(wordsOf(refused as Answer), /^SECRET_FOUND/)
  const stranger = connect({ endpoint: readLock(file)?.endpoint ?? '', api_key: '' })
  await assert.rejects(stranger.memories.list({}), { code: 'UNAUTHENTICATED' })
  await stranger.close()
})

test('hosts share a PostgreSQL store through the database itself', async (t) => {
  const { url, remove } = await newDatabase()
  t.after(remove)
  const [first, second] = [await overPipe(['--store', url]), await overPipe(['--store', url, '--namespace', 'other'])]
  await call(first, 'memory_store', { id: 'kept', content: 'Stored by the first host.' })
  assert.equal((await second.callTool({ name: 'memory_get', arguments: { id: 'kept' } })).isError, true)
  const third = await overPipe(['--store', url])
  assert.equal((await call(third, 'memory_get', { id: 'kept' })).content, 'Stored by the first host.')
})

test('the configuration of docs/mcp.md makes a store at home', async () => {
  const document = readFileSync(new URL('../../../../docs/mcp.md', import.meta.url), 'utf8')
  const { mcpServers } = JSON.parse(/```json\n([\s\S]*?)```/.exec(document)?.[1] ?? '')
  const { command, args, env } = mcpServers['memory-spine']
  assert.deepEqual([command, ...args.slice(0, 3)], ['npx', '-y', 'memory-spine', 'mcp'])
  const client = await overPipe(args.slice(3), 'auto', { ...env, HOME: folder, USERPROFILE: folder })
  assert.equal((await call(client, 'memory_store', { content: 'Stored at home.' })).author, 'planner')
  await client.close()
  assert.ok(existsSync(join(folder, 'spine.db')))
})

test('a session that ends gives back what it had not accepted', async () => {
  const store = ['--endpoint', endpoint, '--namespace', 'given-back']
  const first = await overPipe([...store, '--agent', 'coder'])
  const there = connect({ endpoint, namespace: 'given-back' })
  const { id: envelope_id } = await there.handoffs.create({ target_agent: 'coder', task_summary: 'Next.' })
  const { id } = await there.deliveries.send({ envelope_id })
  assert.equal((await call<Taken>(first, 'handoff_inbox')).deliveries.length, 1)
  await first.close()
  const { deliveries } = await there.deliveries.receive({ agent: 'coder', wait_ms: 60_000 })
  assert.deepEqual(
    deliveries.map((one) => one.id),
    [id],
  )
  await there.close()
})

test('work that was taken in an answer that never arrived is handed to the next one who asks', async (t) => {
  const lost = Promise.withResolvers<void>()
  const answering = Promise.withResolvers<void>()
  const { deliveries } = spine
  const receive: typeof deliveries.receive = async (...call) => {
    const taken = await deliveries.receive(...call)
    answering.resolve()
    await lost.promise
    return taken
  }
  const mount = mcpHandler({ spine: { ...spine, deliveries: { ...deliveries, receive } }, version: '0.0.0' })
  const gone = Promise.withResolvers<void>()
  const watching: typeof mount = (request, ...rest) => {
    request.signal.addEventListener('abort', () => gone.resolve(), { once: true })
    return mount(request, ...rest)
  }
  const other = createServer({ spine, mounts: { '/mcp': watching }, log_level: 'silent' })
  t.after(() => other.close())
  const url = new URL('/mcp', await other.listen())
  const { id: envelope_id } = await spine.handoffs.create({ target_agent: 'unlucky', task_summary: 'Next.' })
  const { id } = await spine.deliveries.send({ envelope_id })

  const call = { name: 'handoff_inbox', arguments: { agent: 'unlucky' } }
  const host = new AbortController()
  const asking = fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: call }),
    signal: host.signal,
  })
  await answering.promise
  host.abort()
  await assert.rejects(asking)
  await gone.promise
  lost.resolve()
  const [next] = (await spine.deliveries.receive({ agent: 'unlucky', wait_ms: 60_000 })).deliveries
  assert.equal(next?.id, id)
})

test('a refusal is an answer that says its code and what to do next', async () => {
  const client = await overHttp('refused')
  const answer = await client.callTool({ name: 'handoff_complete', arguments: { delivery_id: 'dlv-none' } })
  assert.equal(answer.isError, true)
  assert.match(wordsOf(answer as Answer), /^LEASE_LOST: .*handoff_inbox/)
  const small = await client.callTool({
    name: 'handoff_create',
    arguments: { target_agent: 'coder', task_summary: 'Do it.', max_tokens: 2 },
  })
  assert.match(wordsOf(small as Answer), /BUDGET_TOO_SMALL/)
})

test('a question goes back to the sender, and a declined delivery to the fallback', async () => {
  const client = await overHttp('answers')
  await spine.agents.put({ name: 'busy', fallback_agent: 'spare' }, { identity: { namespace: 'answers' } })
  for (const target_agent of ['coder', 'busy'])
    await call(client, 'handoff_create', { target_agent, task_summary: 'Do it.', agent: 'planner' })
  const [asked] = (await call<Taken>(client, 'handoff_inbox', { agent: 'coder' })).deliveries
  const question = { delivery_id: asked?.delivery_id, answer: 'needs_clarification', reason: 'Which branch?' }
  assert.deepEqual((({ state, question: said }) => [state, said])(await call(client, 'handoff_ack', question)), [
    'parked',
    'Which branch?',
  ])
  const [declined] = (await call<Taken>(client, 'handoff_inbox', { agent: 'busy' })).deliveries
  await call(client, 'handoff_ack', { delivery_id: declined?.delivery_id, answer: 'declined', reason: 'no time' })
  assert.equal((await call<Taken>(client, 'handoff_inbox', { agent: 'spare' })).deliveries.length, 1)
})

test('envelopes and memories are read by address', async () => {
  const client = await overHttp('by-address')
  await call(client, 'memory_store', { id: 'plan', content: 'First plan.' })
  await call(client, 'memory_store', { id: 'plan', content: 'Second plan.' })
  const read = async (uri: string) => {
    const [content] = (await client.readResource({ uri })).contents
    return content && 'text' in content ? content.text : undefined
  }
  assert.equal(await read('spine://memory/plan'), 'Second plan.')
  assert.equal(await read('spine://memory/plan@1'), 'First plan.')
  const made = await call(client, 'handoff_create', { target_agent: 'coder', task_summary: 'Follow the plan.' })
  assert.match((await read(`spine://envelope/${made.envelope_id}`)) ?? '', /## Do next\nFollow the plan\./)
})

test('the trace of a request travels in the envelope', async () => {
  const client = await overHttp('traced')
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const answer = await client.callTool({
    name: 'handoff_create',
    arguments: { target_agent: 'coder', task_summary: 'Follow me.' },
    _meta: { traceparent },
  })
  const { envelope_id } = answer.structuredContent as { envelope_id: string }
  const envelope = await spine.handoffs.get({ id: envelope_id }, { identity: { namespace: 'traced' } })
  assert.equal(envelope.traceparent, traceparent)
})

test('every tool has a title, words for a model, and schemas of what goes in and comes out', async () => {
  const client = await overHttp('described')
  const { tools } = await client.listTools()
  assert.equal(tools.length, 11)
  for (const { name, title, description, inputSchema, outputSchema } of tools) {
    assert.ok(title && (description?.length ?? 0) > 40, name)
    assert.equal(inputSchema.type, 'object', name)
    assert.equal(outputSchema?.type, 'object', name)
  }
})

test('hostile bytes and strangers are refused at the door', async () => {
  const send = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${endpoint}/mcp`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
  assert.equal((await send('{"a":1,"a":2}')).status, 400)
  assert.equal((await send(`${'['.repeat(100)}${']'.repeat(100)}`)).status, 400)
  assert.equal((await send('{}', { origin: 'http://evil.example' })).status, 403)
})
