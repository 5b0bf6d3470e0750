// Each example runs to its end, over loopback alone, and says that it is done.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { format } from 'node:util'
import { createSpine, openSqlite } from 'memory-spine/embedded'
import { createServer } from 'memory-spine/server'
import { noPython, startPython } from '../clients/python/run.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

/** How the output of each ends. */
const examples: Readonly<Record<string, RegExp>> = {
  'embedded.ts': /429 after 12 requests[\s\S]*done: \{"file":"retry.py","language":"python"\}\n$/,
  'http.ts': /handed on from dlv_\w+\ndone: \{"language":"python"\}\n$/,
  'mcp.ts': /- language: python[\s\S]*done: .*"state":"completed","output":"retry.py"\}\n$/,
  'webhook.ts': /## Do next[\s\S]*done: written at once\n[\s\S]*done: written later\n$/,
  'openai-agents.ts': /language: python.*\ndone: I wrote retry.py.\n$/,
  'langgraph.ts': /language: python[\s\S]*done: I wrote retry.py.\n$/,
  'ai-sdk.ts': /I wrote retry.py. Payments must survive .*\ndone: \{"language":"python"\}\n$/,
  'a2a.ts': /^wrote it under \{"language":"python"\}\ndone: wrote it under \{"language":"python"\}\n$/,
}

for (const [file, ending] of Object.entries(examples))
  test(`the example ${file} runs`, async (t) => {
    const log = t.mock.method(console, 'log', () => {})
    await import(here + file)
    assert.match(log.mock.calls.map((call) => `${format(...call.arguments)}\n`).join(''), ending)
  })

test('the example python.py runs', { skip: noPython }, async () => {
  const spine = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
  const server = createServer({ spine, log_level: 'silent' })
  try {
    const { code, stdout, stderr } = await startPython([`${here}python.py`], await server.listen()).ended
    assert.equal(code, 0, stderr)
    assert.match(stdout, /429 after 12 requests[\s\S]*done: \{'file': 'retry.py', 'language': 'python'\}\n$/)
  } finally {
    await server.close()
    await spine.close()
  }
})

test('every example is run', () => {
  const programs = readdirSync(here).filter((name) => /\.(ts|py)$/.test(name) && !/^one-chain|\.test\.ts$/.test(name))
  assert.deepEqual(programs.toSorted(), [...Object.keys(examples), 'python.py'].toSorted())
})
