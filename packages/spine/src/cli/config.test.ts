// Where a setting comes from, what is refused and how it is said, and what may be shown.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig, shownValue, UsageError } from './config.ts'

test('a flag wins over a variable, a variable over the default, and an empty variable is none', () => {
  const { values, origins } = readConfig({ port: '9001' }, { SPINE_PORT: '9002', SPINE_HOST: '::1', SPINE_STORE: '' })
  assert.deepEqual([values.port, values.host, values.store], [9001, '::1', 'sqlite:./data/spine.db'])
  assert.deepEqual(
    [origins.port, origins.host, origins.store, origins.api_key],
    ['flag', 'variable', 'default', 'not set'],
  )
})

test('lists are split, and spaces around their items do not count', () => {
  assert.deepEqual(readConfig({}, { SPINE_ALLOWED_HOSTS: 'a.example, b.example,' }).values.allowed_hosts, [
    'a.example',
    'b.example',
  ])
})

test('a wrong value is refused with the place it came from', () => {
  assert.throws(() => readConfig({ port: '70000' }, {}), { name: 'UsageError', message: /^--port: must be a port/ })
  assert.throws(() => readConfig({}, { SPINE_PORT: '80x' }), { name: 'UsageError', message: /^SPINE_PORT: .*"80x"/ })
  assert.throws(() => readConfig({ store: 'spine.db' }, {}), { message: /^--store: must be sqlite:PATH/ })
  assert.throws(() => readConfig({ endpoint: 'ftp://x' }, {}), { message: /^--endpoint: must be a http/ })
})

test('an endpoint and a store together are a contradiction only when both are flags', () => {
  assert.throws(() => readConfig({ endpoint: 'http://x', store: 'sqlite:a.db' }, {}), UsageError)
  assert.equal(readConfig({ store: 'sqlite:a.db' }, { SPINE_ENDPOINT: 'http://x' }).origins.store, 'flag')
})

test('a misspelt variable is named', () => {
  assert.deepEqual(readConfig({}, { SPINE_PROT: '1', SPINE_FAILPOINT: 'x', OTHER: '' }).unknown_variables, [
    'SPINE_PROT',
  ])
})

test('secrets are never shown', () => {
  assert.equal(shownValue('api_key', 'sk-1234'), '***')
  assert.equal(shownValue('api_keys', ['ci:default:abcdef', 'web:blue:012345:writer']), 'ci:***, web:***')
  assert.equal(shownValue('store', 'postgres://spine:hunter2@db/spine'), 'postgres://spine:***@db/spine')
  assert.throws(
    () => readConfig({}, { SPINE_STORE: 'mysql://u:hunter2@h' }),
    (error: Error) => !error.message.includes('hunter2'),
  )
})
