/** The what-if: the same envelope that `create` would seal, for every budget asked for, and not a row more. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { countTokens } from 'gpt-tokenizer/encoding/cl100k_base'
import { render } from '../../protocol/render.ts'
import type { Spine } from '../../protocol/spine.ts'
import { contents, fresh, type OpenSubject, refused, sealed } from './subject.ts'

const sentences = (count: number, what: string) =>
  Array.from({ length: count }, (_, index) => `The ${what} rule ${index} holds for gateway ${index * 7}.`).join(' ')

/** Memories of every kind of weight, and the call that could carry them. */
async function withMemories(spine: Spine) {
  await spine.memories.store({
    memories: [
      { id: 'pin', content: 'Never touch production.', pinned: true },
      { id: 'asked', content: sentences(20, 'retry'), title: 'Retry rules' },
      { id: 'long', content: sentences(60, 'payment') },
      { id: 'short', content: 'The gateway retries 3 times.' },
    ],
  })
  return {
    target_agent: 'coder',
    task_summary: 'Make the retry rule of the payment gateway safe.',
    intent: 'Payments must retry safely.',
    memory_ids: ['asked'],
    constraints: { language: 'en' },
  }
}

export function previewSuite(name: string, open: OpenSubject): void {
  describe(`handoffs.preview (${name})`, { concurrency: 8 }, () => {
    test('a preview is what create seals: levels, tokens and text, and nothing is written', async () => {
      const spine = await fresh(open)
      const handoff = await withMemories(spine)
      const before = await contents(spine)
      const sizes = [260, 500, 1_200]
      const previews = await Promise.all(
        sizes.map((max_tokens) => spine.handoffs.preview({ handoff: { ...handoff, max_tokens }, text: true })),
      )
      assert.deepEqual(await contents(spine), before)
      for (const [index, max_tokens] of sizes.entries()) {
        const variant = previews[index]?.variants[0]
        const envelope = await sealed(spine, { ...handoff, max_tokens, previous: null })
        assert.deepEqual(previews[index]?.budget, {
          max_tokens,
          set_by: 'call',
          tokenizer: 'o200k_base',
          strategy: 'priority',
        })
        const named = Object.fromEntries(
          previews[index]?.memories.map(({ id, title, opening }) => [id, title ?? opening]) ?? [],
        )
        assert.deepEqual([named.asked, named.short], ['Retry rules', 'The gateway retries 3 times.'])
        assert.equal(variant?.token_count, envelope.token_count)
        assert.equal(variant?.text, render(envelope))
        assert.deepEqual(
          variant?.levels.map(({ id, level }) => [id, level]),
          envelope.memories.map(({ id, level }) => [id, level]),
        )
        assert.deepEqual(
          variant?.parts.map(({ part }) => `## ${part}`),
          [...render(envelope).matchAll(/^## .+$/gm)].map(([heading]) => heading.toLowerCase()),
        )
      }
    })

    test('many budgets and strategies are variants of one answer; more tokens never carry less relevance', async () => {
      const spine = await fresh(open)
      const handoff = await withMemories(spine)
      const budgets = [200, 300, 500, 800, 1_600, 4_000]
      const answer = await spine.handoffs.preview({ handoff, budgets, strategies: ['priority', 'lazy'] })
      assert.deepEqual(
        answer.variants.map(({ strategy, max_tokens }) => [strategy, max_tokens]),
        ['priority', 'lazy'].flatMap((strategy) => budgets.map((max_tokens) => [strategy, max_tokens])),
      )
      const carried = answer.variants.slice(0, budgets.length).map(({ relevance }) => relevance)
      assert.deepEqual(
        carried,
        carried.toSorted((left, right) => left - right),
      )
      assert.equal(carried.at(-1), 1)
      for (const { fits, token_count, max_tokens, counts } of answer.variants) {
        assert.ok(fits && token_count <= max_tokens)
        assert.equal(counts.full + counts.excerpt + counts.ref + counts.receipt, answer.memories.length)
      }
      const [small] = answer.variants
      const carriedIds = new Set(small?.levels.map(({ id }) => id))
      for (const { level, reason } of small?.levels ?? []) assert.equal(reason === undefined, level === 'full')
      for (const { id } of answer.memories)
        assert.ok(carriedIds.has(id) || small?.left_out.some((one) => one.id === id && one.reason.length > 0), id)
      const total = answer.memories.reduce((sum, { weight }) => sum + weight, 0)
      assert.ok(Math.abs(total - 1) < 0.001)
      assert.deepEqual(
        answer.memories
          .filter(({ requested }) => requested)
          .map(({ id }) => id)
          .toSorted(),
        ['asked', 'pin'],
      )
      assert.deepEqual([answer.budget.max_tokens, answer.budget.set_by], [4_000, 'default'])
    })

    test('a budget that is too small is a part of the answer, with what it would need and the smallest possible', async () => {
      const spine = await fresh(open)
      const handoff = await withMemories(spine)
      const { variants } = await spine.handoffs.preview({ handoff, budgets: [10, 1_000] })
      const [small, enough] = variants
      assert.equal(small?.fits, false)
      assert.equal(small?.problem?.code, 'BUDGET_TOO_SMALL')
      assert.ok((small?.problem?.needed_tokens ?? 0) > 10)
      assert.ok(small?.parts.some(({ part }) => part === 'constraints'))
      assert.equal(enough?.fits, true)
      const smallest = enough?.smallest ?? 0
      assert.equal(small?.smallest, smallest)
      const at = async (max_tokens: number) =>
        (await spine.handoffs.preview({ handoff, budgets: [max_tokens] })).variants[0]
      assert.deepEqual([(await at(smallest))?.fits, (await at(smallest - 1))?.fits], [true, false])
    })

    test('full_dump says what it would need', async () => {
      const spine = await fresh(open)
      const handoff = await withMemories(spine)
      const { variants } = await spine.handoffs.preview({ handoff, budgets: [600], strategies: ['full_dump'] })
      assert.equal(variants[0]?.fits, false)
      const smallest = variants[0]?.smallest ?? 0
      const whole = await spine.handoffs.preview({ handoff, budgets: [smallest], strategies: ['full_dump'] })
      assert.equal(whole.variants[0]?.counts.full, whole.memories.length)
    })

    test('the next step up is a budget at which more travels, and says what changes', async () => {
      const spine = await fresh(open)
      const handoff = await withMemories(spine)
      const { variants } = await spine.handoffs.preview({ handoff, budgets: [400], steps: 2 })
      const [from] = variants
      const [step, second] = from?.next_steps ?? []
      assert.ok(from && step && step.max_tokens > 400)
      assert.ok(second === undefined || second.max_tokens > step.max_tokens)
      const { variants: there } = await spine.handoffs.preview({
        handoff,
        budgets: [step.max_tokens - 1, step.max_tokens],
      })
      assert.ok((there[0]?.relevance ?? 1) <= from.relevance)
      assert.ok((there[1]?.relevance ?? 0) > from.relevance)
      const levels = new Map(there[1]?.levels.map(({ id, level }) => [id, level]))
      for (const { id, to } of step.changes) assert.equal(levels.get(id) ?? 'receipt', to)
    })

    test('another tokenizer counts for itself', async () => {
      const spine = await fresh(open)
      const handoff = await withMemories(spine)
      const { variants } = await spine.handoffs.preview({
        handoff,
        tokenizers: ['o200k_base', 'cl100k_base'],
        text: true,
      })
      assert.deepEqual(
        variants.map(({ tokenizer }) => tokenizer),
        ['o200k_base', 'cl100k_base'],
      )
      assert.equal(variants[1]?.token_count, countTokens(variants[1]?.text ?? ''))
    })

    test('of a sealed envelope, its own budget gives what was sealed, in the versions of that time', async () => {
      const spine = await fresh(open)
      const handoff = await withMemories(spine)
      const envelope = await sealed(spine, {
        ...handoff,
        max_tokens: 900,
        execution_history: [{ agent: 'planner', action: 'read the rules', decision: 'retry 3 times' }],
      })
      await spine.memories.store({ id: 'asked', content: 'Something else altogether.' })
      await spine.memories.store({ id: 'later', content: 'The gateway rule came later.' })
      const before = await contents(spine)
      const answer = await spine.handoffs.preview({ envelope_id: envelope.id, budgets: [900, 300], text: true })
      assert.deepEqual(await contents(spine), before)
      assert.equal(answer.budget.set_by, 'sealed')
      assert.equal(answer.variants[0]?.text, render(envelope))
      assert.deepEqual(answer.variants[0]?.levels, answer.sealed?.levels)
      assert.equal(answer.sealed?.token_count, envelope.token_count)
      assert.equal(
        answer.memories.some(({ id }) => id === 'later'),
        false,
      )
      assert.match(answer.variants[1]?.text ?? '', /retry/)
      assert.ok((answer.variants[1]?.token_count ?? 999) <= 300)
    })

    test('of an envelope further down a chain, too: what went before counts as it did', async () => {
      const spine = await fresh(open)
      const handoff = await withMemories(spine)
      // Some of these values stand in the memories, too, and some do not.
      const values = Array.from({ length: 30 }, (_, index) => `gateway ${index * 14}, order A-${1_000 + index}`)
      const root = await sealed(spine, { ...handoff, task_summary: values.join('; ') })
      for (const max_tokens of [400, 600, 800, 1_000, 1_200, 1_400]) {
        const next = await sealed(spine, { ...handoff, target_agent: 'tester', max_tokens, previous: root.id })
        const { sealed: was, variants } = await spine.handoffs.preview({ envelope_id: next.id, text: true })
        assert.equal(variants[0]?.text, render(next))
        assert.deepEqual(variants[0]?.levels, was?.levels)
      }
    })

    test('what create refuses for other reasons is refused; gaps are told', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { source_agent: 'planner', constraints: { language: 'en' } })
      const call = { target_agent: 'coder', task_summary: 'Go on.', previous: root.id }
      await refused(
        spine.handoffs.preview({ handoff: { ...call, source_agent: 'coder', constraints: { language: 'fr' } } }),
        'CONSTRAINT_CHANGED',
      )
      await refused(spine.handoffs.preview({ envelope_id: 'nobody' }), 'ENVELOPE_NOT_FOUND')
      const { gaps } = await spine.handoffs.preview({
        handoff: { ...call, memory_ids: ['missing'], require_complete: true },
      })
      assert.deepEqual(gaps, [{ id: 'missing', reason: 'not_found' }])
    })

    test('a call is either a handoff or an envelope, and has a bounded number of variants', async () => {
      const spine = await fresh(open)
      const handoff = { target_agent: 'coder', task_summary: 'Go on.' }
      const budgets = Array.from({ length: 33 }, (_, index) => 200 + index)
      await refused(spine.handoffs.preview({}), 'INVALID_INPUT')
      await refused(spine.handoffs.preview({ handoff, envelope_id: 'x' }), 'INVALID_INPUT')
      await refused(spine.handoffs.preview({ handoff, budgets, strategies: ['lazy', 'priority'] }), 'INVALID_INPUT')
      await refused(spine.handoffs.preview({ handoff, budgets, steps: 1 }), 'INVALID_INPUT')
      await refused(spine.handoffs.preview({ handoff, budgets, text: true }), 'INVALID_INPUT')
    })
  })
}
