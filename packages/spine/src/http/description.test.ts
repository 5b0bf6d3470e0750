// What the server says of its interface: /openapi.json and /docs have every operation, nothing else, and nothing broken.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { operations } from '../protocol/contract.ts'
import { errorTable } from '../protocol/errors.ts'
import { curlOf } from './curl.ts'
import { docsPage, docsPolicy } from './docs-page.ts'
import { exampleOf } from './examples.ts'
import { type Loose, send, serve } from './fakes.test.ts'
import { openApi } from './openapi.ts'
import { describeContract } from './schemas.ts'

const target = { endpoint: 'http://127.0.0.1:8788', needs_key: false }
const document = JSON.parse(JSON.stringify(openApi()))

function* within(value: unknown): Generator<Record<string, Loose>> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Record<string, Loose>
  for (const member of Object.values(value)) yield* within(member)
}

test('openapi.json has exactly the operations of the contract', () => {
  const described = Object.entries<Loose>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Loose>(methods).map(([method, { operationId }]) => `${method.toUpperCase()} ${path} ${operationId}`),
  )
  const contract = operations().map(
    ({ group, name, operation }) => `${operation.method} ${operation.path.replace(/:(\w+)/g, '{$1}')} ${group}.${name}`,
  )
  assert.deepEqual(new Set(described), new Set(contract))
  assert.equal(described.length, contract.length)
})

test('every reference of openapi.json leads to a schema, and nothing of its making is left in it', () => {
  assert.equal(document.openapi, '3.1.0')
  for (const part of within(document)) {
    if (typeof part.$ref === 'string') {
      const found = part.$ref
        .split('/')
        .slice(1)
        .reduce((at: Loose, step) => at?.[step], document)
      assert.ok(part.$ref.startsWith('#/') && found, part.$ref)
    }
    for (const left of ['$defs', '$schema', '$id', '__shared']) assert.ok(!(left in part), left)
  }
})

test('every member of an input is described once, at the place where it travels', () => {
  for (const { id, operation, parameters, body } of describeContract().operations) {
    const inPath = [...operation.path.matchAll(/:(\w+)/g)].map(([, member]) => member)
    assert.deepEqual(
      parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
      inPath,
      id,
    )
    assert.ok(
      parameters.every((parameter) => parameter.in !== 'path' || parameter.required),
      id,
    )
    const inBody = Object.keys(body?.properties ?? {})
    assert.ok(!inBody.some((member) => inPath.includes(member)), id)
    if (operation.method === 'GET' || operation.method === 'DELETE') assert.equal(body, undefined, id)
  }
  const update = describeContract().operations.find(({ id }) => id === 'memories.update')
  assert.ok(update?.parameters.some(({ name }) => name === 'if-match'))
  assert.equal(update?.body?.properties?.if_match, undefined)
  assert.deepEqual(
    document.paths['/v1/deliveries'].post.requestBody.content['application/json'].schema.properties.wait.default,
    'none',
  )
})

test('every operation has an example that its input accepts', () => {
  for (const { group, name, operation } of operations()) {
    const { success, error } = operation.input.safeParse(exampleOf(`${group}.${name}`))
    assert.ok(success, `${group}.${name}: ${error}`)
  }
})

test('the documentation has every operation with its command and every error at its anchor', () => {
  const page = docsPage(target)
  for (const described of describeContract().operations) {
    assert.ok(page.includes(`<h3 id="${described.id.replaceAll(/[._]/g, '-')}">${described.id}</h3>`), described.id)
    assert.ok(curlOf(described, target).includes(target.endpoint))
  }
  for (const code of Object.keys(errorTable))
    assert.ok(page.includes(`<tr id="${code.toLowerCase().replaceAll('_', '-')}">`), code)
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id)
  assert.deepEqual(ids, [...new Set(ids)])
  for (const [, anchor = ''] of page.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.includes(anchor), anchor)
})

test('the documentation loads nothing and runs nothing, and its style is the one that its policy allows', () => {
  const page = docsPage({ endpoint: 'http://x"><script>alert(1)</script>', needs_key: true })
  assert.doesNotMatch(page, /<script|<link|<img|<iframe| src=|@import|url\(|javascript:| style=| on\w+=/i)
  const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? []
  assert.ok(docsPolicy.includes(`'sha256-${createHash('sha256').update(style).digest('base64')}'`))
  assert.match(page, /\$SPINE_API_KEY/)
})

test('both are served, the documentation with the address that it was called by', async (t) => {
  const { endpoint } = await serve(t)
  assert.deepEqual((await send(endpoint, '/openapi.json')).json, document)
  const { headers, bytes } = await send(endpoint, '/docs')
  assert.equal(headers['content-type'], 'text/html; charset=utf-8')
  assert.equal(headers['content-security-policy'], docsPolicy)
  assert.ok(bytes.toString().includes(`${endpoint}/v1/memories`))
})

test('/docs says that the ids of its examples are placeholders', () => {
  const [rules = ''] = docsPage(target).split('id="rules"')[1]?.split('</ul>') ?? []
  assert.match(rules, /placeholders/)
  const used = new Set(
    JSON.stringify(describeContract().operations.map(({ id }) => exampleOf(id))).match(/(?:ms|env|dlv|alr)-\d+/g),
  )
  for (const kind of ['ms-', 'env-', 'dlv-', 'alr-'])
    assert.equal(
      [...used].some((id) => id.startsWith(kind)),
      rules.includes(`<code>${kind}`),
      kind,
    )
})
