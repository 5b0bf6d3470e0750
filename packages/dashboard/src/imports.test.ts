// The page knows the language of the spine and nothing else of it: types of the protocol, which leave no code behind.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { operations } from '../../spine/src/protocol/contract.ts'
import { routes } from './core/routes.ts'

const folder = fileURLToPath(new URL('./', import.meta.url))
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  /(?<!\.test)\.tsx?$/.test(name),
)

test('of the spine the page imports types of the protocol only', () => {
  const wrong = sources.flatMap((name) =>
    [...readFileSync(folder + name, 'utf8').matchAll(/^import ([^']*?)from '(.*spine\/src\/[^']*)'/gm)]
      .filter(([, what = '', from = '']) => !what.startsWith('type ') || !from.includes('spine/src/protocol/'))
      .map(([, , from]) => `${name} imports ${from}`),
  )
  assert.deepEqual(wrong, [])
})

test('no file of the page is longer than 400 lines', () => {
  const long = sources.filter((name) => readFileSync(folder + name, 'utf8').split('\n').length > 400)
  assert.deepEqual(long, [])
})

test('every operation is called where the contract has it', () => {
  const contract = new Map(
    operations().map(({ group, name, operation: { method, path } }) => [`${group}.${name}`, `${method} ${path}`]),
  )
  for (const [group, names] of Object.entries(routes))
    for (const [name, route] of Object.entries(names)) assert.equal(route, contract.get(`${group}.${name}`))
})
