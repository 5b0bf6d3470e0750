/** The examples of the README, of docs/delivery.md and of docs/testing.md, run as they stand there. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { format } from 'node:util'
import { createSpine, openSqlite } from './embedded.ts'
import { deliveryTable } from './protocol/delivery.ts'
import { createServer } from './server.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

function blockAfter(marker: string, file = 'README.md'): string {
  const document = readFileSync(root + file, 'utf8')
  const [, code] = document.slice(document.indexOf(marker)).match(/```ts\n([\s\S]*?)```/) ?? []
  assert.ok(code, `${file} has no block after ${marker}`)
  return code
}

/** Examples as modules beside this one, so that a run of one is not mostly the start of a process. */
const examples = new Map<string, string>()
registerHooks({
  load: (url, context, next) => {
    const source = examples.get(url)
    return source === undefined ? next(url, context) : { format: 'module-typescript', source, shortCircuit: true }
  },
  resolve: (specifier, context, next) =>
    examples.has(specifier) ? { url: specifier, shortCircuit: true } : next(specifier, context),
})

/** What it says on the console. */
async function run(t: TestContext, code: string): Promise<string> {
  const url = new URL(`example-${examples.size}.ts`, import.meta.url).href
  examples.set(url, code)
  const log = t.mock.method(console, 'log', () => {})
  await import(url)
  return log.mock.calls.map((call) => format(...call.arguments)).join('\n')
}

test('the README’s handoff prints version, tokens and the five references, is received and handed on', async (t) => {
  const spine = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
  const server = createServer({ spine, log_level: 'silent' })
  const endpoint = await server.listen({ host: '127.0.0.1', port: 0 })
  try {
    const example = (name: string) => blockAfter(`<!-- example: ${name} -->`)
    const yours = 'const writeCode = async (_text: string, _options: object) => "retry()"\n'
    const end = 'await spine.deliveries.send({ envelope_id: handoff.id, wait: "completed" })\nawait spine.close()\n'
    const code = [example('first-handoff'), yours, example('receiver'), example('deliver'), end].join('')
    const said = (await run(t, code.replace('http://127.0.0.1:8788', endpoint))).trim().split('\n')
    const [version, tokens, ...refs] = said
    assert.equal(version, '2')
    assert.ok(Number(tokens) > 0 && Number(tokens) <= 4000)
    assert.deepEqual(
      refs.join(' ').match(/ms-\d+/g),
      [1, 2, 3, 4, 5].map((index) => `ms-482${index}`),
    )
    assert.match(said.at(-1) ?? '', /accepted|completed/)
    const { deliveries } = await spine.deliveries.receive({ agent: 'reviewer', wait_ms: 60_000 })
    assert.equal(deliveries[0]?.envelope.chain.hop, 2)
  } finally {
    await server.close()
    await spine.close()
  }
})

const pages = {
  'docs/testing.md': ['chain', 'effects', 'faults', 'store'],
  'docs/delivery.md': ['fallback', 'broadcast', 'question'],
}
for (const [page, examples] of Object.entries(pages))
  for (const example of examples)
    test(`the example of ${example} in ${page} runs, and its checks hold`, async (t) => {
      assert.equal((await run(t, blockAfter(`<!-- example: ${example} -->`, page))).trim(), 'done')
    })

test('docs/delivery.md has every event that moves a delivery, from and to where it does', () => {
  const page = readFileSync(`${root}docs/delivery.md`, 'utf8')
  const moves = [...page.matchAll(/^\| `(\w+)` \| ([\w, ]*)\| ([\w, ]+) \|/gm)].map((row) =>
    row.slice(1).map((cell) => cell.trim()),
  )
  assert.deepEqual(
    moves,
    deliveryTable.map(({ event, from, to }) => [event, from.join(', '), to.join(', ')]),
  )
})
