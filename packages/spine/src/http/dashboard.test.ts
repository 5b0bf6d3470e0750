// The web page as the server hands it out: its files and nothing else, small, and with what keeps it safe.

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { fastify } from 'fastify'
import { addDashboard, dashboardPolicy } from './dashboard.ts'

async function served(t: TestContext, files: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'memory-spine-page-'))
  await mkdir(join(folder, 'assets'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const app = fastify()
  addDashboard(app, pathToFileURL(`${folder}/`))
  t.after(async () => {
    await app.close()
    await rm(folder, { recursive: true })
  })
  return app
}

test('the page comes with a policy that lets it load its own files only', async (t) => {
  const app = await served(t, { 'index.html': '<!doctype html>', 'assets/index-1.js': 'alert()' })
  const page = await app.inject('/')
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
  assert.equal(page.headers['content-security-policy'], dashboardPolicy)
  assert.match(dashboardPolicy, /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/)
  assert.doesNotMatch(dashboardPolicy, /unsafe|\*|https?:/)
})

test('only a file that is named after its content is kept for ever', async (t) => {
  const app = await served(t, { 'index.html': '<!doctype html>', 'assets/index-1.js': 'alert()' })
  assert.match(String((await app.inject('/assets/index-1.js')).headers['cache-control']), /immutable/)
  assert.equal((await app.inject('/')).headers['cache-control'], undefined)
})

test('who reads gzip gets gzip', async (t) => {
  const text = 'a long line of the page\n'.repeat(100)
  const app = await served(t, { 'assets/index-1.css': text })
  const zipped = await app.inject({ url: '/assets/index-1.css', headers: { 'accept-encoding': 'br, gzip' } })
  assert.equal(zipped.headers['content-encoding'], 'gzip')
  assert.equal(gunzipSync(zipped.rawPayload).toString(), text)
  assert.equal((await app.inject('/assets/index-1.css')).body, text)
})

test('nothing but files of the page is served, not even the mark of its build', async (t) => {
  const app = await served(t, { 'index.html': '', '.sources': 'digest' })
  for (const path of ['/.sources', '/assets', '/assets/', '/../package.json', '/%2e%2e/package.json'])
    assert.equal((await app.inject(path)).statusCode, 404, path)
})

test('without a build the way leads to the documentation', async (t) => {
  const app = await served(t, {})
  const { statusCode, headers } = await app.inject('/')
  assert.deepEqual([statusCode, headers.location], [302, '/docs'])
})
