import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hostileNames } from './hostile-corpus.ts'
import { parse, verdict } from './json-values.test.ts'
import { name as nameSchema } from './scalars.ts'

describe('names', () => {
  for (const { name, text, allowed } of hostileNames()) {
    test(`${allowed ? 'may be' : 'may not have or be'} ${name}`, () => {
      assert.equal(
        verdict(() => parse(JSON.stringify({ id: text }))),
        'ok',
      )
      assert.equal(nameSchema.safeParse(text).success, allowed)
    })
  }
})
