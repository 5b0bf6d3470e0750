/** Tasks and agents: the user's words, and the profiles and queues of those who work on them. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contract } from '../../protocol/contract.ts'
import { fresh, leaseOf, type OpenSubject, received, refused, sealed, sent } from './subject.ts'

export function tasksSuite(name: string, open: OpenSubject): void {
  describe(`tasks (${name})`, { concurrency: 8 }, () => {
    test('a task keeps the words of the user; they are never replaced', async () => {
      const spine = await fresh(open)
      const input = { id: 't', intent: 'Bake for 12 people.', constraints: { salt: false }, locked: ['salt'] }
      const task = await spine.tasks.put(input)
      assert.deepEqual([task.intent, task.constraints, task.locked], [input.intent, input.constraints, input.locked])
      assert.deepEqual(await spine.tasks.get({ id: 't' }), task)
      const again = await spine.tasks.put(input)
      assert.deepEqual([again.intent, again.created_at], [task.intent, task.created_at])
      await refused(spine.tasks.put({ ...input, intent: 'Bake for 11.' }), 'INTENT_CHANGED')
      assert.equal((await spine.tasks.get({ id: 't' })).intent, input.intent)
      await refused(spine.tasks.get({ id: 'nobody' }), 'TASK_NOT_FOUND')
    })

    test('constraints may change until something was sealed', async () => {
      const spine = await fresh(open)
      await spine.tasks.put({ id: 't', intent: 'x', constraints: { a: 1 } })
      assert.deepEqual((await spine.tasks.put({ id: 't', intent: 'x', constraints: { a: 2 } })).constraints, { a: 2 })
      await sealed(spine, { task_id: 't' })
      const { code } = await refused(
        spine.tasks.put({ id: 't', intent: 'x', constraints: { a: 3 } }),
        'CONSTRAINT_CHANGED',
      )
      assert.ok(contract.tasks.put.errors.includes(code))
    })

    test('a handoff names a task for the first time with its intent; without one it is unknown', async () => {
      const spine = await fresh(open)
      await refused(sealed(spine, { task_id: 't' }), 'TASK_NOT_FOUND')
      await sealed(spine, { task_id: 't', intent: 'words' })
      assert.equal((await spine.tasks.get({ id: 't' })).intent, 'words')
      await refused(sealed(spine, { task_id: 't', intent: 'other words' }), 'INTENT_CHANGED')
    })

    test('of twenty puts of one task with different words one wins, the others are told', async () => {
      const spine = await fresh(open)
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) => spine.tasks.put({ id: 't', intent: `words ${index}` })),
      )
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    })
  })
}

export function agentsSuite(name: string, open: OpenSubject): void {
  describe(`agents (${name})`, { concurrency: 8 }, () => {
    test('a profile is kept whole and replaced whole', async () => {
      const spine = await fresh(open)
      const profile = {
        context_window: 8_000,
        reserved_tokens: 500,
        tokenizer: 'cl100k_base' as const,
        accepts_versions: ['2'],
        fallback_agent: 'b',
        next_agent: 'c',
      }
      const agent = await spine.agents.put({ name: 'a', ...profile })
      assert.deepEqual(agent, { name: 'a', ...profile, ready: 0, held: 0, registered: true })
      assert.deepEqual(await spine.agents.get({ name: 'a' }), agent)
      assert.equal((await spine.agents.put({ name: 'a' })).context_window, undefined)
      await refused(spine.agents.get({ name: 'nobody' }), 'AGENT_NOT_FOUND')
      await refused(spine.agents.put({ name: 'a', tokenizer: 'abacus' as 'o200k_base' }), 'INVALID_INPUT')
    })

    test('a name that was sent to or that received is known, with its queue', async () => {
      const spine = await fresh(open)
      await sent(spine)
      await sent(spine)
      const [first] = await received(spine)
      await received(spine, 'idle')
      const { agents } = await spine.agents.list({})
      assert.deepEqual(
        agents.map((agent) => [
          agent.name,
          agent.ready,
          agent.held,
          agent.registered,
          agent.last_seen_at !== undefined,
        ]),
        [
          ['coder', 1, 1, false, true],
          ['idle', 0, 0, false, true],
        ],
      )
      assert.ok(first)
      await spine.deliveries.complete(leaseOf(first))
      assert.equal((await spine.agents.get({ name: 'coder' })).held, 0)
    })

    test('the list is in the order of names and goes on where it stopped', async () => {
      const spine = await fresh(open)
      for (const agent of ['b', 'a', 'c']) await spine.agents.put({ name: agent })
      const { agents, next } = await spine.agents.list({ limit: 2 })
      const rest = await spine.agents.list({ limit: 2, after: next })
      assert.deepEqual(
        [...agents, ...rest.agents].map((agent) => agent.name),
        ['a', 'b', 'c'],
      )
      assert.equal(rest.next, undefined)
    })

    test('token counts are those of the tokenizer of the target', async () => {
      const spine = await fresh(open)
      await spine.agents.put({ name: 'old', tokenizer: 'r50k_base' })
      const envelope = await sealed(spine, { target_agent: 'old', task_summary: 'Übersetze 日本語 👩‍💻.' })
      const { countTokens } = await import('gpt-tokenizer/encoding/r50k_base')
      const { render } = await import('../../protocol/render.ts')
      assert.deepEqual([envelope.budget.tokenizer, envelope.token_count], ['r50k_base', countTokens(render(envelope))])
    })
  })
}
