// What the program prints, for whoever reads it on a terminal.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOutput } from './output.ts'

function printed(json: boolean) {
  const written = { out: '', err: '' }
  const sink = (name: 'out' | 'err') => ({
    write: (text: string) => {
      written[name] += text
    },
  })
  return { output: createOutput(json, sink('out'), sink('err')), written }
}

test('nothing that an agent wrote can colour, hide or overwrite what stands on a terminal', () => {
  const { output, written } = printed(false)
  output.say('by \u001b[31mhand\u0007\r\nand \u202e backwards')
  output.progress('\u009b2J')
  assert.equal(written.out, 'by <U+001B>[31mhand<U+0007>\nand <U+202E> backwards\n')
  assert.equal(written.err, '<U+009B>2J\n')
})

test('with --json standard output has the answer alone, as it is', () => {
  const { output, written } = printed(true)
  output.say('for people')
  output.answer({ reason: 'by \u001b[31mhand' })
  assert.deepEqual(JSON.parse(written.out), { reason: 'by \u001b[31mhand' })
  assert.equal(written.err, 'for people\n')
})
