// The format of recorded runs: what is read, and what is said about a line that is wrong.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fitText, idStem, parseTrace, piecesOf, readLog } from './log.ts'

const folder = mkdtempSync(join(tmpdir(), 'replay-'))
after(() => rmSync(folder, { recursive: true }))

const good = {
  id: 'bake-1',
  task: 'Bake bread.',
  constraints: ['No salt.'],
  turns: [
    { i: 0, agent: 'Miller', role: 'agent', content: 'The flour is ground.' },
    { i: 1, agent: 'Baker', role: 'agent', content: 'The bread is baked.' },
  ],
  handoffs: [{ from_agent: 'Miller', to_agent: 'Baker', at_turn: 1, kind: 'agent' }],
  outcome: { failed: false },
}
const line = (change: object) => JSON.stringify({ ...good, ...change })

test('a good line is read, and fields that are not ours survive', () => {
  assert.deepEqual(parseTrace(line({}), 'line 1'), good)
})

test('a wrong line is refused with its number and the place in it', () => {
  const says = (text: string, expected: RegExp) =>
    assert.throws(() => parseTrace(text, 'line 7'), { name: 'LogError', message: expected })
  says('{"id":', /^line 7: is not JSON/)
  says('[]', /^line 7: the line: /)
  says(line({ task: '' }), /^line 7: task: /)
  says(line({ turns: [{ ...good.turns[0], role: 'robot' }], handoffs: [] }), /^line 7: turns\[0\]\.role: /)
  says(
    line({ turns: [{ ...good.turns[0], i: 4 }], handoffs: [] }),
    /^line 7: turns\[0\]\.i: is 4, but the turn stands at 0/,
  )
  says(
    line({ handoffs: [{ ...good.handoffs[0], at_turn: 9 }] }),
    /^line 7: handoffs\[0\]\.at_turn: is 9, but there are 2 turns/,
  )
  says(line({ handoffs: [good.handoffs[0], { ...good.handoffs[0], at_turn: 0 }] }), /handoffs\[1\]\.at_turn: is before/)
  says(line({ turns: Array.from({ length: 9 }, (_, i) => ({ i })), handoffs: [] }), /line 7: and \d+ more$/)
})

test('a log counts its empty lines, and an id that comes twice is refused', async () => {
  const file = join(folder, 'log.jsonl')
  writeFileSync(file, `\uFEFF${line({})}\r\n\r\n${line({ id: 'bake-2' })}\n`)
  assert.deepEqual(
    (await readLog(file)).map(({ id }) => id),
    ['bake-1', 'bake-2'],
  )
  writeFileSync(file, `${line({})}\n\n${line({})}\n`)
  await assert.rejects(readLog(file), { message: 'line 3: id: "bake-1" was used on line 1' })
})

test('ids become safe and stay different', () => {
  assert.equal(idStem('hyper-agent.1'), 'hyper-agent.1')
  assert.match(idStem('a b'), /^a-b-[0-9a-f]{10}$/)
  assert.notEqual(idStem('a b'), idStem('a\tb'))
  assert.ok(idStem('x'.repeat(500)).length <= 91)
})

test('a long text is split without cutting a character, and an empty one is none', () => {
  assert.deepEqual(piecesOf('ab😀cd', 3), ['ab', '😀c', 'd'])
  assert.deepEqual(piecesOf(' \n'), [])
  assert.deepEqual(piecesOf('a\0b\uD800'), ['a\u2400b\uFFFD'])
  assert.equal(fitText('x'.repeat(200_000)).length, 131_072)
  assert.match(fitText('x'.repeat(200_000)), /x \[cut: the log has more\]$/)
})
