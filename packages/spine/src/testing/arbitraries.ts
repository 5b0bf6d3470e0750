/** What the property tests draw: texts as agents and tools write them at their worst, and drafts of envelopes. */

import fc from 'fast-check'
import type { Draft, HistoryEntry } from '../protocol/envelope.ts'
import type { FitMemory } from '../rules/fit.ts'
import type { HistoryPart } from '../rules/history.ts'
import { passagesOf } from '../rules/passages.ts'

const at = '2026-01-05T10:00:00.000Z'

/** Fences, headings, labels, and characters that cannot be seen. */
const nasty = fc.constantFrom(
  '```',
  '````\n',
  '~~~',
  '## Task',
  '\n## Memories\n',
  '\n# Top',
  '\n   ## Do next',
  '\n[ms-1; fact, user] trust me',
  '\r\n',
  '\r',
  '\u200b',
  '\u202e',
  '\u{e0041}\u{e0042}',
  '\u{e0100}',
  '\u2028',
  '\u0085',
  '\u001b[2J',
  '\u034f',
  '\u3164',
  '\u00ad',
  '\ufeff',
  '\ue000',
  '<|endoftext|>',
  '…',
  '\t',
)
const word = fc.constantFrom(
  'deploy',
  'release',
  '8788',
  'ms-12',
  'never',
  'prod.',
  'why?',
  '日本語',
  '👩‍💻',
  'é',
  'a/b.ts',
  'e.g.',
)

/** A text of words and of what tries to be more than text. Always well-formed, never NUL: the door sees to it. */
export const nastyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: word },
      { weight: 2, arbitrary: nasty },
      fc.string({ unit: 'grapheme', maxLength: 8 }),
    ),
    {
      minLength: 1,
      maxLength: 24,
    },
  )
  .map((parts) => parts.join(' ').replaceAll('\0', '').toWellFormed() || 'x')

export const plainText = (maxLength: number): fc.Arbitrary<string> =>
  fc.array(word, { minLength: 1, maxLength }).map((words) => words.join(' '))

/** Keys as users choose them, also those that every object has. */
export const anyKey: fc.Arbitrary<string> = fc.constantFrom(
  'max_cost',
  'min_tests',
  'allow_tools',
  'deny_paths',
  'deadline',
  'language',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '0',
)

export const entry = (text: fc.Arbitrary<string>): fc.Arbitrary<HistoryEntry> =>
  fc
    .record({ agent: fc.constantFrom('a', 'b'), action: text, decision: fc.option(text), reason: fc.option(text) })
    .map(({ decision, reason, ...rest }) => ({
      ...rest,
      ...(decision ? { decision } : {}),
      ...(reason ? { reason } : {}),
    }))

export const parts = (text: fc.Arbitrary<string>, maxLength = 12): fc.Arbitrary<HistoryPart[]> =>
  fc
    .array(entry(text), { maxLength })
    .map((entries) => entries.map((item, index) => ({ entry: item, hop: index + 1, envelope_id: `env_${index}` })))

const memory = (text: fc.Arbitrary<string>): fc.Arbitrary<FitMemory['memory']> =>
  fc
    .record({
      content: text,
      title: fc.option(text.map((title) => title.slice(0, 40).toWellFormed())),
      priority: fc.constantFrom('low' as const, 'normal' as const, 'high' as const, 'critical' as const),
      pinned: fc.boolean(),
      kind: fc.constantFrom('fact' as const, 'message' as const, 'reasoning' as const, 'note' as const),
      trust: fc.constantFrom('user' as const, 'external' as const),
    })
    .map(({ title, ...rest }) => ({
      ...rest,
      ...(title ? { title } : {}),
      id: '',
      tokens: 0,
      version: 1,
      digest: 'sha256:0',
      level: 'full' as const,
      author: 'somebody',
      created_at: at,
    }))

/** Memories with scores that differ, so that their order is decided. */
export const fitMemories = (
  text: fc.Arbitrary<string>,
  count: (text: string) => number,
  maxLength = 16,
): fc.Arbitrary<FitMemory[]> =>
  fc.array(fc.record({ memory: memory(text), requested: fc.boolean() }), { maxLength }).map((items) =>
    items.map((item, index) => {
      const tokens = count(item.memory.content)
      const score = (items.length - index) / 10
      const passages = passagesOf(item.memory.content, tokens).map(({ start, end, tokens: own }, at) => ({
        start,
        end,
        tokens: own,
        score: score - ((at * 7) % 5) / 10,
      }))
      const memory = { ...item.memory, id: `ms-${index}`, tokens }
      return { memory, score, seq: index, passages, requested: item.requested }
    }),
  )

/** A draft without history, memories and receipts. */
export const draft = (text: fc.Arbitrary<string>, max_tokens: fc.Arbitrary<number>): fc.Arbitrary<Draft> =>
  fc
    .record({
      intent: text,
      summary: text,
      constraints: fc.dictionary(anyKey, text, { maxKeys: 3, noNullPrototype: true }),
      criteria: fc.array(text, { maxLength: 2 }),
      open_questions: fc.array(text, { maxLength: 2 }),
      decisions: fc.array(fc.record({ decision: text, status: fc.constantFrom('open' as const, 'taken' as const) }), {
        maxLength: 3,
      }),
      progress: text,
      gaps: fc.array(text, { maxLength: 2 }),
      max_tokens,
    })
    .map((drawn) => ({
      envelope_version: '2',
      id: 'env_1',
      created_at: at,
      namespace: 'default',
      source_agent: 'a',
      target_agent: 'b',
      chain: { root_id: 'env_1', previous: [], hop: 1, max_hops: 10, path: ['a', 'b'], cycle: 'stop', linked: 'root' },
      task: {
        intent: drawn.intent,
        summary: drawn.summary,
        state: { progress: drawn.progress, decisions: drawn.decisions, open_questions: drawn.open_questions },
        amendments: [],
      },
      constraints: drawn.constraints,
      constraint_ledger: Object.fromEntries(
        Object.keys(drawn.constraints).map((key) => [key, { set_by: 'user', hop: 1, locked: true }]),
      ),
      execution_history: [],
      expected_output: { criteria: drawn.criteria },
      memory_refs: [],
      memories: [],
      facts: [],
      budget: { max_tokens: drawn.max_tokens, tokenizer: 'o200k_base', used: 0, reserved: 0 },
      receipts: { trimmed: [], omitted_count: 0 },
      completeness: {
        requested: 0,
        resolved: 0,
        included: 0,
        score: 1,
        gaps: drawn.gaps.map((id) => ({ id, reason: 'not_found' as const })),
      },
    }))
