// The Python client's own tests, over a real server of this repository.

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSpine, openSqlite } from '../../packages/spine/src/embedded.ts'
import { createServer } from '../../packages/spine/src/server.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const oldest = [3, 10]

/** A Python that is new enough, if the machine has one. */
function findPython(): string | undefined {
  for (const name of ['python3', 'python']) {
    const { status, stdout } = spawnSync(name, ['-c', 'import sys; print(*sys.version_info[:2])'], { encoding: 'utf8' })
    const [major = 0, minor = 0] = status === 0 ? stdout.split(' ').map(Number) : []
    if (major > 3 || (major === 3 && minor >= (oldest[1] ?? 0))) return name
  }
  return undefined
}

const python = findPython()

test('the Python client keeps its promises over a real server', {
  skip: python ? false : 'there is no Python 3.10 here',
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'python-'))
  const spine = await createSpine({ database: await openSqlite({ file: join(folder, 'spine.db') }) })
  const server = createServer({ spine, log_level: 'silent' })
  const endpoint = await server.listen()
  const env = { ...process.env, SPINE_ENDPOINT: endpoint, PYTHONPATH: join(here, 'src'), PYTHONDONTWRITEBYTECODE: '1' }
  const args = ['-m', 'unittest', 'discover', '-s', join(here, 'tests')]
  try {
    const { stderr } = await promisify(execFile)(python ?? '', args, { env }).catch((error) => {
      assert.fail(`${error.stderr}\n${error.stdout}`)
    })
    assert.match(stderr, /Ran \d+ tests/)
    assert.match(stderr, /\nOK/)
  } finally {
    await server.close()
    await spine.close()
    await rm(folder, { recursive: true, force: true })
  }
})
