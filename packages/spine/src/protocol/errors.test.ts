import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { SpineError, toProblem } from './errors.ts'

test('an error that nobody catches is printed with its code and with what to do next', () => {
  const error = new SpineError('EXPIRED', 'The deadline of dlv_1 has passed.', { id: 'dlv_1' })
  assert.match(
    inspect(error),
    /code: 'EXPIRED'[\s\S]*next: 'Make a new handoff with a later deadline[\s\S]*id: 'dlv_1'/,
  )
  assert.equal(toProblem(error).next, error.next)
})
