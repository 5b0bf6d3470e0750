// The rendered text: only its own headings, fences that hold, labels that nobody imitates, nothing unseen.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { draft, entry, fitMemories, nastyText } from '../testing/arbitraries.ts'
import type { Draft } from './envelope.ts'
import { SpineError } from './errors.ts'
import { render } from './render.ts'

const headings = [
  '## Task',
  '## Do next',
  '## Constraints',
  '## State',
  '## Expected output',
  '## Facts',
  '## History',
  '## Memories',
  '## Left out',
]
const one = (text: string) => text.length

const full: fc.Arbitrary<Draft> = fc
  .record({
    base: draft(nastyText, fc.constant(1_000)),
    history: fc.array(entry(nastyText), { maxLength: 4 }),
    memories: fitMemories(nastyText, one, 5),
    facts: fc.array(fc.record({ value: nastyText, kind: fc.constant('number'), from: fc.constant('ms-1') }), {
      maxLength: 3,
    }),
    amendment: nastyText,
    reason: nastyText,
  })
  .map(({ base, history, memories, facts, amendment, reason }) => ({
    ...base,
    task: { ...base.task, amendments: [{ text: amendment, by: 'user' }] },
    execution_history: history,
    memories: memories.map(({ memory }) => memory),
    facts,
    constraint_ledger: {
      ...base.constraint_ledger,
      gone: { set_by: 'a', hop: 1, locked: false, waiver: { by: 'a', reason, hop: 2 } },
    },
    receipts: { trimmed: [{ id: reason, level: 'receipt', tokens: 1, score: 1, reason }], omitted_count: 3 },
  }))

/** As a reader of Markdown sees it: up to three spaces before a heading count as none. */
const headingOf = (line: string) => /^ {0,3}(#{1,2})(?:[ \t]|$)/.test(line)

test('the headings are ours alone, each at most once and in their order', () => {
  fc.assert(
    fc.property(full, (envelope) => {
      const lines = outsideFences(render(envelope)).filter(headingOf)
      assert.deepEqual(
        lines,
        headings.filter((heading) => lines.includes(heading)),
      )
      assert.ok(lines.includes('## Do next') && lines.includes('## Memories') === envelope.memories.length > 0)
    }),
    { numRuns: 300 },
  )
})

/** The lines that stand outside of the fences of facts, history and memories. */
function outsideFences(text: string): string[] {
  const outside: string[] = []
  let fence: string | undefined
  let section = ''
  for (const line of text.split('\n')) {
    if (fence === undefined && headings.includes(line)) section = line
    const fencing = ['## Facts', '## History', '## Memories'].includes(section)
    if (fence === undefined && fencing && /^`{3,}$/.test(line)) fence = line
    else if (fence !== undefined && line === fence) fence = undefined
    else if (fence === undefined) outside.push(line)
  }
  assert.equal(fence, undefined, 'a fence is open at the end')
  return outside
}

test('a fence cannot be closed from inside, and only labels stand in its first column', () => {
  fc.assert(
    fc.property(full, (envelope) => {
      const text = render(envelope)
      if (envelope.memories.length === 0) return
      const [, rest = ''] = text.split('\n## Memories\n')
      const [fence = '', ...lines] = rest.split('\n')
      assert.match(fence, /^`{3,}$/)
      const inside = lines.slice(
        0,
        lines.findIndex((line) => /^`{3,}\s*$/.test(line.trimStart()) && line.trim().length >= fence.length),
      )
      const first = inside.filter((line) => !line.startsWith(' '))
      assert.equal(first.length, envelope.memories.length)
      for (const [index, line] of first.entries())
        assert.ok(line.startsWith(`[${envelope.memories[index]?.id}; `), line)
      assert.equal(lines[inside.length], fence)
    }),
    { numRuns: 300 },
  )
})

test('nothing that cannot be seen passes, but for the variation selectors of emoji', () => {
  fc.assert(
    fc.property(full, (envelope) => {
      const unseen = /(?!\n|\t|\ufe0e|\ufe0f)[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u
      const found = unseen.exec(render(envelope))
      assert.equal(found, null, `U+${found?.[0].codePointAt(0)?.toString(16)}`)
    }),
    { numRuns: 300 },
  )
  const text = render({ ...(fc.sample(full, 1)[0] as Draft), constraints: { x: 'a\u200bb\u{e0041}' } })
  assert.match(text, /a<U\+200B>b<U\+E0041>/)
})

test('what depends on the text is never printed', () => {
  fc.assert(
    fc.property(full, (envelope) => {
      const sealed = {
        ...envelope,
        digest: 'sha256:SECRET',
        signature: 'SECRET',
        token_count: 918_273,
        budget: { ...envelope.budget, used: 918_273 },
      }
      assert.equal(render(sealed), render(envelope))
    }),
  )
})

test('as JSON it has the same parts, and a limit refuses what passes it', () => {
  fc.assert(
    fc.property(full, (envelope) => {
      const parsed = JSON.parse(render(envelope, { format: 'json' }))
      assert.deepEqual(
        [parsed.task, parsed.do_next, parsed.constraints],
        [envelope.task.intent, envelope.task.summary, envelope.constraints],
      )
      const count = (text: string) => text.length
      const { length } = render(envelope)
      assert.equal(render(envelope, { max_tokens: length, count }).length, length)
      assert.throws(
        () => render(envelope, { max_tokens: length - 1, count }),
        (error: SpineError) => error.code === 'BUDGET_TOO_SMALL' && error instanceof SpineError,
      )
    }),
  )
})
