// Counting: as the tokenizer does, and in bounded time whatever comes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokenizerName } from '../protocol/agent.ts'
import { tokenizer } from './tokenizers.ts'

const LENGTH = 40_000
const runs = ['a', '数', ' ', '\n', '\t ', '!', '/', '/\n', '/\r\n', '1', 'a\u0301', '\u200d', '!\n', 'aB', "'s", ' /']

// Merging the bytes of one such run at once takes a tokenizer from 10 s to minutes.
test('a text made to keep a tokenizer busy is counted all the same', { timeout: 60_000 }, async () => {
  for (const name of tokenizerName.options) {
    const count = await tokenizer(name)
    for (const run of runs) {
      const text = `!${run.repeat(LENGTH / run.length)}`
      const tokens = count(text)
      assert.ok(tokens > 0 && tokens <= text.length * 3, `${name} ${JSON.stringify(run)}: ${tokens}`)
    }
  }
})
