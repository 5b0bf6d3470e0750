import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rememberBytes } from '../protocol/canonical.ts'
import { contract } from '../protocol/contract.ts'
import { requestOf } from './request.ts'

const bodyOf = (operation: Parameters<typeof requestOf>[0], input: unknown) => String(requestOf(operation, input).body)

test('members of the path are escaped, the others of a read go into the query', () => {
  const { path, body } = requestOf(contract.memories.get, { id: 'a/b?é', version: 2 })
  assert.equal(path, '/v1/memories/a%2Fb%3F%C3%A9?version=2')
  assert.equal(body, undefined)
})

test('an id that would change the route is refused before anything is sent', () => {
  for (const id of ['.', '..', '', undefined, 7, '\ud800'])
    assert.throws(() => requestOf(contract.memories.get, { id }), { code: 'INVALID_INPUT' })
})

test('members that travel as headers leave the body', () => {
  const request = requestOf(contract.memories.update, { id: 'ms-1', if_match: 3, title: 'x' })
  assert.equal(request.headers['if-match'], '3')
  assert.equal(String(request.body), '{"title":"x"}')
  assert.throws(() => requestOf(contract.memories.update, { id: 'ms-1', if_match: 'a\nb' }), { code: 'INVALID_INPUT' })
})

test('an envelope among the members is sent as the bytes that it came as', () => {
  const text = '{ "id":"env-1", "n":1.50 }'
  const envelope = rememberBytes(JSON.parse(text), new TextEncoder().encode(text))
  assert.equal(bodyOf(contract.deliveries.send, { envelope, target: 'b' }), `{"envelope":${text},"target":"b"}`)
  assert.equal(bodyOf(contract.handoffs.import, { envelope }), text)
  assert.equal(bodyOf(contract.handoffs.import, { envelope: { ...envelope } }), '{"id":"env-1","n":1.5}')
})

test('a body is always an object, and what JSON cannot write is refused', () => {
  assert.equal(bodyOf(contract.memories.pin, { id: 'ms-1' }), '{}')
  const circle: Record<string, unknown> = {}
  circle.self = circle
  assert.throws(() => requestOf(contract.memories.store, { content: 'x', metadata: circle }), { code: 'INVALID_INPUT' })
})
