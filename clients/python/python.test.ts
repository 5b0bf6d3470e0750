// The Python client's own tests, over a real server of this repository.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createSpine, openSqlite } from '../../packages/spine/src/embedded.ts'
import { createServer } from '../../packages/spine/src/server.ts'
import { noPython, startPython } from './run.ts'

const tests = join(fileURLToPath(new URL('.', import.meta.url)), 'tests')

/** Of all its tests together. */
const timeout = 600_000

test('the Python client keeps its promises over a real server', { skip: noPython, timeout }, async () => {
  const spine = await createSpine({ database: await openSqlite({ file: ':memory:' }) })
  const server = createServer({ spine, log_level: 'silent' })
  try {
    const { ended } = startPython(['-m', 'unittest', 'discover', '-s', tests], await server.listen())
    const { code, stdout, stderr } = await ended
    assert.equal(code, 0, `${stderr}\n${stdout}`)
    assert.match(stderr, /Ran \d+ tests/)
    assert.match(stderr, /\nOK/)
  } finally {
    await server.close()
    await spine.close()
  }
})
