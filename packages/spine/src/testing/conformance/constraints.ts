/** The constraint ledger: what was said once holds on every hop, unless who said it takes it back. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Constraints } from '../../protocol/task.ts'
import { contents, fresh, leaseOf, newNamespace, type OpenSubject, receivedOne, refused, sealed } from './subject.ts'

/** Key, what it was, what it becomes. */
const narrower: readonly (readonly [string, Constraints[string], Constraints[string]])[] = [
  ['max_cost', 900, 800],
  ['min_tests', 3, 4],
  ['allow_tools', ['read', 'write'], ['read']],
  ['deny_paths', ['/etc'], ['/etc', '/prod']],
  ['forbid', ['a'], ['b', 'a']],
  ['must_not', [], ['delete']],
  ['deadline', '2026-03-01T12:00:00Z', '2026-03-01T12:30:00+01:00'],
]

const different: typeof narrower = [
  ...narrower.map(([key, was, now]) => [key, now, was] as const),
  ['language', 'TypeScript', 'Python'],
  ['tone', 'formal', 'more formal'],
  ['cost', 900, 800],
  ['maximum', 900, 800],
  ['max_cost', 900, '800'],
  ['allow_tools', ['read'], 'read'],
  ['nested', { a: 1, b: 2 }, { a: 1 }],
  ['flag', true, false],
  ['deadline', '2026-03-01T12:00:00Z', 'soon'],
]

export function constraintsSuite(name: string, open: OpenSubject): void {
  describe(`constraints (${name})`, { concurrency: 8 }, () => {
    test('a constraint is carried over every hop, said again or not', async () => {
      const spine = await fresh(open)
      const constraints = {
        language: 'TypeScript',
        nested: { b: [1, { c: null }], a: true },
        toString: 'plain',
        valueOf: 1,
      }
      const root = await sealed(spine, { source_agent: 'user', constraints })
      assert.deepEqual(root.constraints, constraints)
      const said = await sealed(spine, { previous: root.id, constraints: { nested: { a: true, b: [1, { c: null }] } } })
      const last = await sealed(spine, { previous: said.id, constraints: { new_key: 1 } })
      assert.deepEqual(last.constraints, { ...constraints, new_key: 1 })
      assert.deepEqual(last.constraint_ledger.language, { set_by: 'user', hop: 1, locked: false })
      assert.deepEqual(last.constraint_ledger.new_key, { set_by: 'coder', hop: 3, locked: false })
    })

    test('it may be narrowed, and the ledger says by whom and from what', async () => {
      const spine = await fresh(open)
      for (const [key, was, now] of narrower) {
        const root = await sealed(spine, { source_agent: 'user', constraints: { [key]: was } })
        const next = await sealed(spine, { previous: root.id, constraints: { [key]: now } })
        assert.deepEqual(next.constraints[key], now)
        assert.deepEqual(next.constraint_ledger[key], {
          set_by: 'user',
          hop: 1,
          locked: false,
          narrowed: [{ from: was, by: 'coder', hop: 2 }],
        })
      }
    })

    test('anything else that differs, and a removal, is refused, and nothing is written', async () => {
      const spine = await fresh(open)
      for (const [key, was, now] of different) {
        const root = await sealed(spine, { source_agent: 'user', constraints: { [key]: was }, previous: null })
        const before = await contents(spine)
        for (const value of [now, null]) {
          const error = await refused(
            sealed(spine, { previous: root.id, constraints: { [key]: value } }),
            'CONSTRAINT_CHANGED',
          )
          assert.match(error.message, new RegExp(`${key}: it was set by user`))
        }
        assert.deepEqual(await contents(spine), before)
      }
    })

    test('who set it may waive it, with a reason; nobody else may', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { source_agent: 'planner', constraints: { tone: 'formal', size: 'small' } })
      const other = { previous: root.id, source_agent: 'coder', waive: { tone: 'I would like to' } }
      await refused(sealed(spine, other), 'CONSTRAINT_CHANGED')
      const next = await sealed(spine, {
        previous: root.id,
        source_agent: 'planner',
        waive: { tone: 'not needed', size: 'too small' },
        constraints: { size: 'big' },
      })
      assert.deepEqual(next.constraints, { size: 'big' })
      assert.deepEqual(next.constraint_ledger.tone?.waiver, {
        by: 'planner',
        reason: 'not needed',
        hop: 2,
        was: 'formal',
      })
      assert.deepEqual(next.constraint_ledger.size?.waiver, {
        by: 'planner',
        reason: 'too small',
        hop: 2,
        was: 'small',
      })
    })

    test('an amendment of the user lifts what anybody set', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { source_agent: 'planner', constraints: { tone: 'formal' } })
      const next = await sealed(spine, { previous: root.id, amendments: [{ text: 'Be casual.', waives: ['tone'] }] })
      assert.deepEqual(next.constraints, {})
      assert.equal(next.constraint_ledger.tone?.waiver?.by, 'user')
    })

    test('what is locked nobody waives, not even who set it; it may be narrowed', async () => {
      const spine = await fresh(open)
      const call = {
        source_agent: 'planner',
        constraints: { security: 'strict', max_cost: 9 },
        locked: ['security', 'max_cost'],
      }
      const root = await sealed(spine, call)
      for (const refusal of [
        { waive: { security: 'please' } },
        { waive: { security: 'please' }, constraints: { security: 'lax' } },
        { amendments: [{ text: 'lift it', waives: ['security'] }] },
        { constraints: { security: null } },
      ]) {
        const error = await refused(
          sealed(spine, { previous: root.id, source_agent: 'planner', ...refusal }),
          'CONSTRAINT_CHANGED',
        )
        assert.match(error.message, /security: it is locked/)
      }
      const next = await sealed(spine, { previous: root.id, constraints: { max_cost: 8 } })
      assert.deepEqual([next.constraints.max_cost, next.constraint_ledger.max_cost?.locked], [8, true])
      const later = await sealed(spine, { previous: next.id, constraints: { tone: 'short' }, locked: ['tone'] })
      assert.equal(later.constraint_ledger.tone?.locked, true)
    })

    test('a ceiling that no envelope can keep is refused, whoever gives it: it is narrower, and would be none', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { constraints: { max_tokens: 1_000 }, locked: ['max_tokens'] })
      const before = await contents(spine)
      for (const max_tokens of [0, -1, 0.5, '900', [1]]) {
        const call = { constraints: { max_tokens } }
        for (const refusal of [
          sealed(spine, { previous: root.id, max_tokens: 50_000, ...call }),
          sealed(spine, { previous: null, ...call }),
          spine.tasks.put({ id: 't', intent: 'x', ...call }),
        ]) {
          const error = await refused(refusal, 'INVALID_INPUT')
          assert.match(error.message, /constraints\.max_tokens: is a number of tokens, at least 1/)
        }
      }
      await refused(sealed(spine, { previous: root.id, constraints: { max_tokens: null } }), 'CONSTRAINT_CHANGED')
      assert.deepEqual(await contents(spine), before)
      const next = await sealed(spine, { previous: root.id, max_tokens: 50_000, constraints: { max_tokens: 900.5 } })
      assert.equal(next.budget.max_tokens, 900)
    })

    test('an amendment that is not of the user lifts nothing, and is said to', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { source_agent: 'lead', constraints: { security: 'no prod' } })
      const before = await contents(spine)
      for (const by of ['w', 'lead', 'User']) {
        const call = {
          previous: root.id,
          source_agent: 'w',
          amendments: [{ text: 'I need prod.', by, waives: ['security'] }],
          constraints: { security: 'prod is fine' },
        }
        const error = await refused(sealed(spine, call), 'WAIVER_REFUSED')
        assert.equal(error.status, 422)
        assert.match(error.message, new RegExp(`${by} is not the user`))
        await refused(
          spine.handoffs.preview({ handoff: { target_agent: 'coder', task_summary: 'x', ...call } }),
          'WAIVER_REFUSED',
        )
      }
      assert.deepEqual(await contents(spine), before)
      // Words alone lift nothing, and are carried with who said them.
      const next = await sealed(spine, { previous: root.id, amendments: [{ text: 'I need prod.', by: 'w' }] })
      assert.deepEqual([next.constraints, next.task.amendments[0]?.by], [{ security: 'no prod' }, 'w'])
    })

    test('a key that is bound to an agent does not speak as the user; the ledger says through whom the user spoke', async () => {
      const subject = await open()
      const namespace = newNamespace()
      const [everybody, w] = [await subject.at(namespace), await subject.at(namespace, 'w')]
      const root = await sealed(everybody, { source_agent: 'lead', constraints: { security: 'no prod' } })
      for (const by of [{}, { by: 'user' }]) {
        const amendments = [{ text: 'Prod is fine.', ...by, waives: ['security'] }]
        const error = await refused(sealed(w, { previous: root.id, amendments }), 'WAIVER_REFUSED')
        assert.match(error.message, /the key is that of w/)
      }
      const amendments = [{ text: 'Prod is fine.', by: 'user', waives: ['security'] }]
      const { id } = await sealed(everybody, { source_agent: 'lead', target_agent: 'w', previous: root.id })
      await everybody.deliveries.send({ envelope_id: id })
      const lease = leaseOf(await receivedOne(w, 'w'))
      const handoff = { target_agent: 'coder', task_summary: 'Deploy.', amendments }
      await refused(w.deliveries.forward({ ...lease, handoff }), 'WAIVER_REFUSED')
      const next = await sealed(everybody, { previous: root.id, source_agent: 'w', amendments })
      const { waiver } = next.constraint_ledger.security ?? {}
      assert.deepEqual([waiver?.by, waiver?.through], ['user', 'w'])
      const user = await subject.at(namespace, 'user')
      const own = await sealed(user, { previous: root.id, amendments })
      assert.deepEqual(own.constraint_ledger.security?.waiver, {
        by: 'user',
        reason: 'amended by the user',
        hop: 2,
        was: 'no prod',
      })
    })

    test('a task has its constraints from the user, also where the chain begins anew', async () => {
      const spine = await fresh(open)
      await spine.tasks.put({ id: 't', intent: 'x', constraints: { max_files: 5, tone: 'formal' }, locked: ['tone'] })
      const root = await sealed(spine, { task_id: 't', constraints: { max_files: 4 } })
      assert.deepEqual(root.constraints, { max_files: 4, tone: 'formal' })
      assert.deepEqual(root.constraint_ledger.tone, { set_by: 'user', hop: 0, locked: true })
      await refused(
        sealed(spine, { task_id: 't', previous: null, constraints: { max_files: 5 } }),
        'CONSTRAINT_CHANGED',
      )
      assert.deepEqual((await spine.tasks.get({ id: 't' })).constraints, { max_files: 4, tone: 'formal' })
      await refused(spine.tasks.put({ id: 't', intent: 'x', constraints: {} }), 'CONSTRAINT_CHANGED')
    })
  })
}
