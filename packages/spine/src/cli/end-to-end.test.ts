// The program as people start it: demo, replay, the commands over a server and over a file, and how it fails.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { answerOf, type Ended, programFile, quietEnv } from '../testing/command.ts'

const folder = mkdtempSync(join(tmpdir(), 'cli-'))
after(() => rmSync(folder, { recursive: true }))

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [programFile, ...args], { cwd: folder, env: quietEnv })
  let [stdout, stderr] = ['', '']
  const firstAnswer = Promise.withResolvers<unknown>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    if (stdout.includes('\n') && stdout.startsWith('{')) firstAnswer.resolve(JSON.parse(stdout.split('\n')[0] ?? ''))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
  return { child, ended, firstAnswer: firstAnswer.promise }
}
const run = (...args: string[]): Promise<Ended> => start(args).ended

const turn = (i: number, agent: string, content: string, role = 'agent') => ({ i, agent, role, content })
const baking = (id: string, rounds: number) => {
  const turns = Array.from({ length: rounds }, (_, i) =>
    turn(i, i % 2 ? 'Baker' : 'Miller', `Round ${i}: the dough has ${600 + i} grams of flour.`),
  )
  const handoffs = turns.slice(1).map(({ i }) => ({
    from_agent: i % 2 ? 'Miller' : 'Baker',
    to_agent: i % 2 ? 'Baker' : 'Miller',
    at_turn: i,
    kind: 'agent',
  }))
  return {
    id,
    task: 'Bake bread for 12 people by 17:30.',
    constraints: ['No salt.', 'At most 900 grams of flour.'],
    turns,
    handoffs,
  }
}

test('the demo ends with every constraint kept by envelopes, and says what summaries lost', async () => {
  const ended = await run('demo', '--json')
  assert.equal(ended.code, 0, ended.stderr)
  const { envelopes, summaries } = answerOf(ended)
  assert.deepEqual(
    envelopes.checks.filter(({ kept }: { kept: boolean }) => !kept),
    [],
  )
  assert.equal(envelopes.reached.length, 9)
  assert.deepEqual(
    envelopes.hops.map(({ hop, from, to }: Record<string, unknown>) => [hop, from, to]),
    [
      [1, 'user', 'researcher'],
      [2, 'researcher', 'analyst'],
      [3, 'analyst', 'writer'],
      [4, 'writer', 'reviewer'],
    ],
  )
  for (const { tokens, max_tokens } of envelopes.hops) assert.ok(tokens <= max_tokens)
  assert.equal(summaries.checks.length, 9)
  assert.ok(ended.stderr.split('\n').every((line) => line.length <= 200))
})

test("the demo's chain can be kept and looked at: what survived, and what would travel", async () => {
  const store = `sqlite:${join(folder, 'demo.db')}`
  const sources = fileURLToPath(new URL('../rules', import.meta.url))
  const kept = await run('demo', sources, '--keep', join(folder, 'demo.db'), '--json')
  assert.equal(kept.code, 0, kept.stderr)
  const ids = answerOf(kept).envelopes.hops.map(({ envelope_id }: Record<string, string>) => envelope_id)
  const [first, last] = [ids[0], ids.at(-1)]
  assert.match(kept.stderr, new RegExp(`handoffs diff ${first} ${last} --store`))

  const diff = await run('handoffs', 'diff', first, last, '--store', store)
  assert.equal(diff.code, 0, diff.stderr)
  assert.match(diff.stdout, /^constraint +9 +9 +0 +0 +0 +0 +0$/m)
  assert.match(diff.stdout, /^ +4 {2}writer -> reviewer/m)
  const report = answerOf(await run('handoffs', 'diff', first, last, '--store', store, '--json'))
  assert.deepEqual([report.path, report.hops.length, report.kinds.intent.survived], ['chain', 4, 1])

  const preview = await run('handoffs', 'preview', last, '--store', store, '--budgets', '10,600,4000')
  assert.equal(preview.code, 0, preview.stderr)
  assert.match(preview.stdout, /^priority +10 +too small/m)
  assert.match(preview.stdout, /^priority +4000 +\d+ +\d+ %/m)
  assert.match(preview.stdout, /^Smallest possible: priority \d+ tokens\.$/m)
  assert.match(preview.stdout, /Nothing was sealed, sent or stored\.\n$/)
  const ahead = await run('handoffs', 'preview', '--to', 'x', '--summary', 'Go on.', '--store', store, '--json')
  assert.equal(answerOf(ahead).variants.length, 4)
  assert.equal((await run('handoffs', 'preview', '--store', store)).code, 2)
  assert.equal((await run('demo', sources, '--keep', join(folder, 'demo.db'))).code, 2)
})

test('a replay acknowledges every handoff of the log, also past the hop limit of one chain', async () => {
  const file = join(folder, 'log.jsonl')
  const odd = baking('odd name\twith spaces', 3)
  odd.turns[1] = turn(1, 'Baker', '')
  odd.turns.push(
    turn(3, 'user', `A long word: ${'x'.repeat(140_000)}\0`, 'human'),
    turn(4, 'oven', '{"done":true}', 'tool'),
  )
  const traces = [baking('short', 4), baking('long', 70), odd, baking('alone', 1)]
  writeFileSync(file, traces.map((trace) => JSON.stringify(trace)).join('\n'))
  const ended = await run('replay', file, '--json', '--concurrency', '3')
  assert.equal(ended.code, 0, ended.stderr)
  const { latency_p50_ms, latency_p99_ms, tokens_p50, ...summary } = answerOf(ended)
  assert.equal(summary.traces, 4)
  assert.equal(summary.handoffs, 3 + 69 + 2)
  assert.equal(summary.acknowledged, summary.handoffs)
  assert.equal(summary.failed, 0)
  assert.equal(summary.completeness, 1)
  assert.ok(tokens_p50 > 0 && latency_p50_ms > 0 && latency_p99_ms >= latency_p50_ms)
})

test('a log that is wrong is refused with line and place, and nothing is played', async () => {
  const file = join(folder, 'wrong.jsonl')
  writeFileSync(file, `${JSON.stringify(baking('good', 2))}\n{"id":"x","task":"t"}\n`)
  const { code, stderr } = await run('replay', file)
  assert.equal(code, 2)
  assert.match(stderr, /line 2: turns: /)
  const none = await run('replay', join(folder, 'none.jsonl'))
  assert.equal(none.code, 2)
  assert.match(none.stderr, /none\.jsonl cannot be read: there is no such file\. Give the path of a log/)
})

test('serve answers commands by its endpoint and by its store, and a signal ends it in good order', async (t) => {
  const store = `sqlite:${join(folder, 'served.db')}`
  const server = start(['serve', '--store', store, '--port', '0', '--json', '--log-level', 'error'])
  t.after(() => server.child.kill())
  const { endpoint } = (await Promise.race([server.firstAnswer, server.ended])) as { endpoint: string }
  const stored = await run(
    'memories',
    'store',
    'The window is Tuesday.',
    '--id',
    'window',
    '--endpoint',
    endpoint,
    '--json',
  )
  assert.equal(answerOf(stored).memories[0].version, 1, stored.stderr)
  const found = await run('memories', 'search', 'window', '--store', store, '--json')
  assert.deepEqual(
    answerOf(found).memories.map(({ id }: { id: string }) => id),
    ['window'],
  )
  const missing = await run('memories', 'get', 'nothing', '--endpoint', endpoint)
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /MEMORY_NOT_FOUND/)
  const port = new URL(endpoint).port
  const taken = await run('serve', '--store', `sqlite:${join(folder, 'other.db')}`, '--port', port)
  assert.deepEqual([taken.code, /Port \d+ on 127\.0\.0\.1 is in use[\s\S]*PORT_IN_USE/.test(taken.stderr)], [1, true])
  const locked = await run('serve', '--store', store, '--port', '0')
  assert.deepEqual([locked.code, /STORE_LOCKED/.test(locked.stderr)], [1, true])
  assert.equal(locked.stderr.match(/endpoint/g)?.length, 1, locked.stderr)
  // Also where both are so: the store says where it is served.
  assert.match((await run('serve', '--store', store, '--port', port)).stderr, /STORE_LOCKED/)
  server.child.kill('SIGTERM')
  assert.equal((await server.ended).code, 0)
  const after = await run('memories', 'get', 'window', '--store', store, '--json')
  assert.equal(answerOf(after).content, 'The window is Tuesday.')
})

test('failures are said in words: exit 1 when something failed, 2 when the call was wrong', async () => {
  const unreachable = await run('handoffs', 'list', '--endpoint', 'http://127.0.0.1:9', '--json')
  assert.equal(unreachable.code, 1)
  assert.equal(answerOf(unreachable).error.code, 'UNREACHABLE')
  const wrong = [
    ['serve', '--port', 'x'],
    ['memories', 'frobnicate'],
    ['nothing'],
    ['memories', 'store'],
    ['demo', join(folder, 'none')],
  ]
  for (const args of wrong) assert.equal((await run(...args)).code, 2, args.join(' '))
  assert.equal((await run('memories', 'list', '--store', `sqlite:${join(folder, 'none.db')}`)).code, 2)
})

test('help goes as deep as the commands do, and says the flags that every command takes', async () => {
  const deep = await run('help', 'parked', 'list')
  assert.deepEqual([deep.code, deep.stdout], [0, (await run('parked', 'list', '--help')).stdout])
  assert.match(deep.stdout, /^Usage: memory-spine parked list /)
  assert.match((await run('help')).stdout, /^Usage: memory-spine \[options\] \[command\]/)
  const unknown = await run('help', 'parked', 'frobnicate')
  assert.deepEqual([unknown.code, /unknown command 'parked frobnicate'/.test(unknown.stderr)], [2, true])
  assert.match((await run('serve', '--help')).stdout, /--store <store> +the store: sqlite:PATH/)
})

test('a start that is refused says why and leaves nothing behind', async (t) => {
  const at = mkdtempSync(join(folder, 'refused-'))
  const store = `sqlite:${join(at, 'z.db')}`
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const open = await run('serve', '--store', store, '--host', '0.0.0.0')
  assert.equal(open.code, 2)
  assert.match(open.stderr, /^Without keys .* set SPINE_API_KEYS, or listen on 127\.0\.0\.1\.\n$/)
  assert.equal((await run('serve', '--store', store, '--port', String(port))).code, 1)
  assert.deepEqual(readdirSync(at), [])
})

test('a store that cannot be opened is named, with the reason and what to do', async () => {
  writeFileSync(join(folder, 'text'), 'no store')
  for (const [file, reason] of [
    [join(folder, 'text', 'x.db'), /a part of the path is a file \(ENOTDIR\)/],
    [folder, /it is a folder/],
    [join(folder, 'text'), /not a database/],
    ...(existsSync('/proc/self') ? [['/proc/x.db', /no file can be made there \(ENOENT\)/] as const] : []),
  ] as const) {
    const { code, stderr, stdout } = await run('serve', '--store', `sqlite:${file}`, '--port', '0', '--json')
    assert.equal(code, 1, stderr)
    assert.match(stderr, reason)
    assert.ok(stderr.includes(`The store ${file} could not be opened`), stderr)
    assert.match(stderr, /STORE_NOT_OPENED/)
    assert.equal(JSON.parse(stdout).error.code, 'STORE_NOT_OPENED')
  }
})

test('config shows what is in force and masks secrets', async () => {
  const { code, stdout } = await run('config', '--port', '9001', '--api-key', 'hunter2')
  assert.equal(code, 0)
  assert.match(stdout, /port +9001 +flag --port/)
  assert.doesNotMatch(stdout, /hunter2/)
})
