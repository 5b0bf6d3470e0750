/** The chain fidelity report: what survives between two envelopes, and where the rest ended. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Fidelity } from '../../protocol/fidelity.ts'
import { fresh, type OpenSubject, refused, sealed } from './subject.ts'

const item = (report: Fidelity, key: string) => report.items.find((one) => one.key === key)
const story = (report: Fidelity, key: string) =>
  item(report, key)?.events.map(({ hop, what }) => `${what} at ${hop}`) ?? []

export function fidelitySuite(name: string, open: OpenSubject): void {
  describe(`chain fidelity (${name})`, { concurrency: 8 }, () => {
    test('a chain that loses nothing has a score of 1, hop by hop and in all', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'm1', content: 'The window is Tuesday.' })
      const a = await sealed(spine, {
        source_agent: 'planner',
        intent: 'Move the window. Never touch prod.',
        constraints: { max_cost: 100, language: 'en' },
        state: {
          decisions: [{ decision: 'use a flag', rejected: ['a cron job'] }],
          open_questions: ['Who is on call?'],
        },
        memory_ids: ['m1'],
      })
      const b = await sealed(spine, { source_agent: 'coder', target_agent: 'reviewer', previous: a.id })
      const report = await spine.handoffs.diff({ a: a.id, b: b.id })
      assert.deepEqual([report.path, report.score, report.total.lost], ['chain', 1, 0])
      assert.equal(report.formula, 'survived / (of - waived - resolved)')
      assert.deepEqual(
        report.hops.map(({ envelope_id, hop, score }) => [envelope_id, hop, score]),
        [
          [a.id, 1, 1],
          [b.id, 2, 1],
        ],
      )
      for (const key of [
        'intent',
        'constraint:max_cost',
        'constraint:language',
        'decision:use a flag',
        'rejected:a cron job',
        'open_question:Who is on call?',
        'reference:m1',
      ])
        assert.deepEqual([item(report, key)?.fate, story(report, key)], ['kept', ['added at 1']], key)
      assert.equal(item(report, 'constraint:max_cost')?.events[0]?.by, 'planner')
    })

    test('what a hop drops is lost there, what it adds is new there, and the score counts it', async () => {
      const spine = await fresh(open)
      const a = await sealed(spine, {
        source_agent: 'planner',
        intent: 'Ship it.',
        state: { decisions: ['use a flag', 'keep the old path'] },
      })
      const b = await sealed(spine, {
        previous: a.id,
        source_agent: 'coder',
        state: { decisions: ['use a flag', 'retry twice'] },
      })
      const c = await sealed(spine, {
        previous: b.id,
        source_agent: 'tester',
        state: { decisions: ['keep the old path'] },
      })
      const report = await spine.handoffs.diff({ a: a.id, b: c.id })
      assert.deepEqual(story(report, 'decision:keep the old path'), ['added at 1', 'lost at 2', 'back at 3'])
      assert.deepEqual(story(report, 'decision:use a flag'), ['added at 1', 'lost at 3'])
      assert.deepEqual(story(report, 'decision:retry twice'), ['added at 2', 'lost at 3'])
      assert.equal(item(report, 'decision:use a flag')?.fate, 'lost')
      assert.deepEqual(report.kinds.decision, {
        of: 2,
        survived: 1,
        changed: 0,
        waived: 0,
        resolved: 0,
        lost: 1,
        added: 0,
      })
      const { of, survived } = report.total
      assert.equal(report.score, Math.round((survived / of) * 10_000) / 10_000)
      assert.deepEqual(
        report.hops.map(({ kinds }) => [kinds.decision?.of, kinds.decision?.lost, kinds.decision?.added]),
        [
          [2, 0, 0],
          [2, 1, 1],
          [2, 2, 1],
        ],
      )
    })

    test('a constraint that was narrowed survives changed; one that was waived is not counted as lost', async () => {
      const spine = await fresh(open)
      const a = await sealed(spine, {
        source_agent: 'planner',
        constraints: { max_cost: 100, language: 'en', style: 'short' },
      })
      const b = await sealed(spine, { source_agent: 'coder', previous: a.id, constraints: { max_cost: 50 } })
      const c = await sealed(spine, {
        source_agent: 'planner',
        previous: b.id,
        waive: { style: 'the user wants it long' },
        constraints: { tests: 'required' },
      })
      const report = await spine.handoffs.diff({ a: a.id, b: c.id })
      assert.deepEqual(item(report, 'constraint:max_cost')?.events.at(-1), {
        hop: 2,
        envelope_id: b.id,
        what: 'narrowed',
        from: 100,
        to: 50,
        by: 'coder',
      })
      assert.deepEqual(item(report, 'constraint:style')?.events.at(-1), {
        hop: 3,
        envelope_id: c.id,
        what: 'waived',
        by: 'planner',
        reason: 'the user wants it long',
      })
      assert.equal(item(report, 'constraint:tests')?.fate, 'added')
      assert.deepEqual(report.kinds.constraint, {
        of: 3,
        survived: 2,
        changed: 1,
        waived: 1,
        resolved: 0,
        lost: 0,
        added: 1,
      })
      assert.equal(report.score, 1)
    })

    test('a reference that travels with less text has changed', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'm1', content: 'The window is Tuesday. '.repeat(30) })
      const a = await sealed(spine, { memory_ids: ['m1'] })
      const b = await sealed(spine, { previous: a.id, memory_ids: ['m1'], strategy: 'lazy' })
      const report = await spine.handoffs.diff({ a: a.id, b: b.id })
      const { what, from, to } = item(report, 'reference:m1')?.events.at(-1) ?? {}
      assert.deepEqual([what, from, to], ['changed', 'full', 'ref'])
    })

    test('through a join the longest way is followed; envelopes of two branches are compared as they are', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { intent: 'Do both.', state: { decisions: ['split'] } })
      const short = await sealed(spine, { previous: root.id, target_agent: 'x', state: { decisions: ['left'] } })
      const long1 = await sealed(spine, { previous: root.id, target_agent: 'y' })
      const long2 = await sealed(spine, { previous: long1.id, target_agent: 'z' })
      const join = await sealed(spine, { previous: [short.id, long2.id] })
      const report = await spine.handoffs.diff({ a: root.id, b: join.id })
      assert.deepEqual(
        report.hops.map(({ envelope_id }) => envelope_id),
        [root.id, long1.id, long2.id, join.id],
      )
      const across = await spine.handoffs.diff({ a: long2.id, b: short.id })
      assert.deepEqual([across.path, across.hops.length], ['direct', 2])
      assert.equal(item(across, 'decision:split')?.fate, 'lost')
      const itself = await spine.handoffs.diff({ a: root.id, b: root.id })
      assert.deepEqual([itself.path, itself.hops.length, itself.score], ['chain', 1, 1])
    })

    test('an envelope that is not there cannot be compared', async () => {
      const spine = await fresh(open)
      const { id } = await sealed(spine)
      await refused(spine.handoffs.diff({ a: id, b: 'nobody' }), 'ENVELOPE_NOT_FOUND')
      await refused(spine.handoffs.diff({ a: 'nobody', b: id }), 'ENVELOPE_NOT_FOUND')
    })
  })
}
