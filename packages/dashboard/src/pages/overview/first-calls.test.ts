// What the empty page offers to be pasted is pasted: each program runs as it stands over a real server.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { noPython, startPython } from '../../../../../clients/python/run.ts'
import { MemorySpine } from '../../../../spine/src/client/memory-spine.ts'
import { createSpine, openSqlite } from '../../../../spine/src/embedded.ts'
import { createServer } from '../../../../spine/src/server.ts'
import { type Language, languages, programIn, stepsIn } from './first-calls.ts'

const modules = fileURLToPath(new URL('../../../../../node_modules', import.meta.url))
const noCurl = spawnSync('curl', ['--version']).status === 0 ? false : 'there is no curl here'

/** How each is run: as the comment at its top says, or as a shell does with what is pasted. */
const run: Readonly<Record<Language, (file: string, endpoint: string) => ChildProcess>> = {
  TypeScript: (file) =>
    spawn(process.execPath, ['--conditions=@memory-spine/source', file], { stdio: ['ignore', 'pipe', 'pipe'] }),
  Python: (file, endpoint) => startPython(['-u', file], endpoint).child,
  curl: (file) => spawn('sh', [file], { stdio: ['ignore', 'pipe', 'pipe'] }),
}
const missing: Readonly<Record<Language, string | false>> = { TypeScript: false, Python: noPython, curl: noCurl }

for (const language of languages)
  test(`the first calls in ${language}, pasted as a whole, finish one handoff`, {
    skip: missing[language],
  }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'first-calls-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const spine = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
    t.after(() => spine.close())
    const server = createServer({ spine, log_level: 'silent' })
    t.after(() => server.close())
    const endpoint = await server.listen()
    // A folder in which `memory-spine` is installed.
    await symlink(modules, join(folder, 'node_modules'), 'junction')
    const file = join(folder, 'first.ts')
    await writeFile(file, programIn(language, endpoint))

    const child = run[language](file, endpoint)
    const said: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => said.push(String(chunk)))
    const closed = once(child, 'close')
    t.after(async () => {
      child.kill('SIGKILL')
      await closed
    })
    const ended = closed.then(([code]) => assert.equal(code, 0, said.join('')))
    const completions = new MemorySpine({ spine }).events({
      after: '0-0',
      types: ['delivery.complete'],
      signal: t.signal,
    })
    const completed = completions.next()
    await Promise.race([completed, ended.then(() => completed)])

    const { deliveries } = await spine.deliveries.list({})
    assert.deepEqual(
      deliveries.map(({ state, target, source_agent, output }) => [state, target, source_agent, output]),
      [['completed', 'builder', 'planner', 'Retries are in.']],
    )
    assert.equal((await spine.memories.list({})).memories.length, 1)
    // What the agent read holds what was stored for it.
    assert.match(said.join(''), /Never retry a 409/)
  })

test('each piece says where this server is', () => {
  for (const language of languages) assert.ok(stepsIn(language, 'http://here:1')[0]?.includes('http://here:1'))
})
