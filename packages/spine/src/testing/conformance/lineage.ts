/** Chains: what an envelope continues, what it inherits, how far and how round it may go. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  contents,
  fresh,
  handedOver,
  leaseOf,
  newNamespace,
  type OpenSubject,
  receivedOne,
  refused,
  sealed,
  sent,
} from './subject.ts'

export function lineageSuite(name: string, open: OpenSubject): void {
  describe(`lineage (${name})`, { concurrency: 8 }, () => {
    test('a chain begins with a root and counts its hops', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { source_agent: 'a', target_agent: 'b' })
      assert.deepEqual(root.chain, {
        root_id: root.id,
        previous: [],
        hop: 1,
        max_hops: 10,
        path: ['a', 'b'],
        cycle: 'stop',
        linked: 'root',
      })
      const next = await sealed(spine, { source_agent: 'b', target_agent: 'c', previous: root.id })
      assert.deepEqual(next.chain, {
        ...root.chain,
        previous: [{ id: root.id, digest: root.digest }],
        hop: 2,
        path: ['a', 'b', 'c'],
        linked: 'given',
      })
      const { envelopes } = await spine.handoffs.lineage({ id: next.id })
      assert.deepEqual(envelopes, [root, next])
      await refused(spine.handoffs.lineage({ id: 'nobody' }), 'ENVELOPE_NOT_FOUND')
      await refused(sealed(spine, { previous: 'nobody' }), 'ENVELOPE_NOT_FOUND')
    })

    test('a forgotten previous is the delivery that the sender holds: intent and constraints stay in the chain', async () => {
      const spine = await fresh(open)
      const held = await handedOver(spine, {
        intent: 'Plan a trip for 12.',
        constraints: { max_cost: 900 },
        task_id: 'trip',
      })
      const next = await sealed(spine, { source_agent: 'coder', target_agent: 'writer' })
      assert.deepEqual(
        [next.chain.linked, next.chain.previous[0]?.id, next.chain.hop],
        ['inferred', held.envelope_id, 2],
      )
      assert.deepEqual(
        [next.task.intent, next.task.id, next.constraints],
        ['Plan a trip for 12.', 'trip', { max_cost: 900 }],
      )
    })

    test('what is leased is held too; what is completed is not', async () => {
      const spine = await fresh(open)
      await sent(spine)
      const held = await receivedOne(spine)
      assert.equal((await sealed(spine, { source_agent: 'coder' })).chain.linked, 'inferred')
      await spine.deliveries.complete(leaseOf(held))
      assert.equal((await sealed(spine, { source_agent: 'coder' })).chain.linked, 'root')
    })

    test('a sender that holds several has to say which; a task or null may decide', async () => {
      const spine = await fresh(open)
      const one = await handedOver(spine, { task_id: 't1', intent: 'one' })
      const two = await handedOver(spine, { task_id: 't2', intent: 'two' })
      const error = await refused(sealed(spine, { source_agent: 'coder' }), 'AMBIGUOUS_PREVIOUS')
      assert.match(JSON.stringify(error.extra), new RegExp(`${one.id}.*${two.id}`))
      assert.equal(
        (await sealed(spine, { source_agent: 'coder', task_id: 't2' })).chain.previous[0]?.id,
        two.envelope_id,
      )
      const root = await sealed(spine, { source_agent: 'coder', previous: null })
      assert.deepEqual([root.chain.linked, root.chain.hop], ['root', 1])
      const given = await sealed(spine, { source_agent: 'coder', previous: one.id })
      assert.deepEqual([given.chain.linked, given.chain.previous[0]?.id], ['given', one.envelope_id])
    })

    test('the sender is the agent of the credential, else the one named, else who received what is continued', async () => {
      const subject = await open()
      const namespace = newNamespace()
      const spine = await subject.at(namespace)
      const asCoder = await subject.at(namespace, 'coder')
      const held = await handedOver(spine)
      const next = await asCoder.handoffs.create({ target_agent: 'tester', task_summary: 'test it' })
      assert.deepEqual([next.source_agent, next.chain.linked], ['coder', 'inferred'])
      await refused(
        asCoder.handoffs.create({ target_agent: 'x', task_summary: 'x', source_agent: 'boss' }),
        'FORBIDDEN',
      )
      assert.equal((await sealed(spine, { target_agent: 'tester', previous: held.id })).source_agent, 'coder')
    })

    test('an intent comes from the chain, else the task, else the call, else the summary, which is then marked', async () => {
      const spine = await fresh(open)
      const plain = await sealed(spine, { task_summary: 'Just do it.' })
      assert.deepEqual([plain.task.intent, plain.task.intent_from], ['Just do it.', 'summary'])
      await spine.tasks.put({ id: 't', intent: 'The words of the user.' })
      const one = await sealed(spine, { task_id: 't' })
      assert.deepEqual([one.task.intent, one.task.intent_from], ['The words of the user.', undefined])
      const two = await sealed(spine, { previous: one.id, intent: 'The words of the user.' })
      assert.equal(two.task.intent, one.task.intent)
    })

    test('an intent down the chain cannot be replaced; amendments are added and stay', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { intent: 'Bake bread.' })
      const before = await contents(spine)
      await refused(sealed(spine, { previous: root.id, intent: 'Bake cake.' }), 'INTENT_CHANGED')
      assert.deepEqual(await contents(spine), before)
      const two = await sealed(spine, { previous: root.id, amendments: [{ text: 'With seeds.' }] })
      const three = await sealed(spine, { previous: two.id, amendments: [{ text: 'And salt.' }] })
      assert.deepEqual(
        three.task.amendments.map(({ text }) => text),
        ['With seeds.', 'And salt.'],
      )
    })

    test('state is carried, and replaced key by key', async () => {
      const spine = await fresh(open)
      const one = await sealed(spine, {
        task_id: 't',
        intent: 'x',
        state: { progress: 'half', remaining: ['b'], open_questions: ['why?'] },
      })
      const two = await sealed(spine, { previous: one.id, state: { progress: 'done', remaining: [] } })
      assert.deepEqual(two.task.state, { progress: 'done', remaining: [], open_questions: ['why?'] })
      const restarted = await sealed(spine, { task_id: 't', previous: null })
      assert.deepEqual(restarted.task.state, two.task.state)
      const task = await spine.tasks.get({ id: 't' })
      assert.deepEqual([task.state, task.last_envelope_id], [two.task.state, restarted.id])
    })

    test('history goes on; what no longer fits is named by one entry, and its words never change', async () => {
      const spine = await fresh(open)
      const action = (agent: string, index: number) => ({ agent, action: `step ${index} ${'of the work '.repeat(10)}` })
      const first = Array.from({ length: 30 }, (_, index) => action('a', index))
      const decided = { agent: 'a', action: 'chose', decision: 'use SQLite', rejected: ['files'] }
      const one = await sealed(spine, { execution_history: [decided, ...first], max_tokens: 2_000 })
      const [compacted, ...entries] = one.execution_history
      assert.ok(compacted && 'compacted' in compacted)
      assert.equal(Number(compacted.compacted) + entries.length, 31)
      assert.deepEqual([entries[0], entries.at(-1)], [decided, first.at(-1)])
      const two = await sealed(spine, { previous: one.id, execution_history: [action('b', 99)], max_tokens: 2_000 })
      const [again, ...later] = two.execution_history
      assert.equal(Number(again?.compacted) + later.length, 32)
      assert.deepEqual(later.at(-1), action('b', 99))
    })

    test('an entry is what its agent did, whatever unknown keys it has: nothing of it is hidden', async () => {
      const spine = await fresh(open)
      const mine = { compacted: 1, from_hop: 1, to_hop: 1, envelope_id: 'env_elsewhere' }
      const entries = [
        { agent: 'lead', action: 'chose DB', decision: 'use sqlite', compacted: 1 },
        { agent: 'lead', action: 'chose port', decision: 'use 8788', ...mine },
      ]
      const root = await sealed(spine, { execution_history: entries })
      const child = await sealed(spine, { previous: root.id })
      for (const envelope of [root, child]) {
        assert.deepEqual(envelope.execution_history, entries)
        const { text } = await spine.handoffs.text({ id: envelope.id })
        assert.match(text, /lead: chose DB.*decided use sqlite/)
        assert.match(text, /lead: chose port.*decided use 8788/)
      }
      const report = await spine.handoffs.diff({ a: root.id, b: child.id })
      const kept = report.items.filter(({ key, fate }) => key.startsWith('decision:') && fate === 'kept')
      assert.equal(kept.length, 2)
    })

    test('a chain ends at its hop limit with its path; a child may only tighten it', async () => {
      const spine = await fresh(open)
      const one = await sealed(spine, { source_agent: 'a', target_agent: 'b', max_hops: 3 })
      const two = await sealed(spine, { previous: one.id, target_agent: 'c', max_hops: 60 })
      assert.equal(two.chain.max_hops, 3)
      const tighter = await sealed(spine, { previous: one.id, target_agent: 'd', max_hops: 2 })
      assert.equal(tighter.chain.max_hops, 2)
      const before = await contents(spine)
      const error = await refused(sealed(spine, { previous: tighter.id, target_agent: 'e' }), 'HOP_LIMIT')
      assert.deepEqual(error.extra.path, ['a', 'b', 'd', 'e'])
      assert.deepEqual(await contents(spine), before)
      await refused(sealed(spine, { max_hops: 65 }), 'INVALID_INPUT')
    })

    test('the same pair for the third time with nothing changed is a circle: nothing is sealed', async () => {
      const spine = await fresh(open)
      const hop = (from: string, to: string, previous: string | null, extra = {}) =>
        sealed(spine, { source_agent: from, target_agent: to, previous, task_summary: 'your turn', ...extra })
      const around = async (extra: object, warn = {}) => {
        let last = await hop('a', 'b', null, { intent: 'x', ...warn })
        for (const [from, to] of [
          ['b', 'a'],
          ['a', 'b'],
          ['b', 'a'],
        ] as const)
          last = await hop(from, to, last.id)
        return {
          last,
          third: () =>
            spine.handoffs.create(
              { source_agent: 'a', target_agent: 'b', previous: last.id, task_summary: 'your turn', ...extra },
              { onWarning },
            ),
        }
      }
      const warnings: string[] = []
      const onWarning = (warning: string) => void warnings.push(warning)
      const { third } = await around({})
      const before = await contents(spine)
      const error = await refused(third(), 'CYCLE')
      assert.deepEqual(error.extra.path, ['a', 'b', 'a', 'b', 'a', 'b'])
      assert.deepEqual(await contents(spine), before)
      // Work that changes something is none.
      for (const extra of [
        { state: { progress: 'a bit' } },
        { amendments: [{ text: 'go on' }] },
        { task_summary: 'other' },
        { constraints: { k: 1 } },
      ])
        assert.equal((await (await around(extra)).third()).chain.hop, 5)
      assert.deepEqual(warnings, [])
      assert.equal((await (await around({}, { cycle: 'warn' })).third()).chain.cycle, 'warn')
      assert.match(warnings.join(), /third time/)
      assert.equal((await (await around({}, { cycle: 'off' })).third()).chain.cycle, 'off')
      await refused((await around({ cycle: 'off' }, { cycle: 'stop' })).third(), 'CYCLE')
    })

    test('branches join: greatest hop + 1, union of constraints, decisions and questions, one intent', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, {
        intent: 'x',
        constraints: { language: 'en', max_files: 9 },
        locked: ['language'],
      })
      const left = await sealed(spine, {
        previous: root.id,
        constraints: { max_files: 5 },
        state: { decisions: ['left'] },
      })
      const right = await sealed(spine, {
        previous: root.id,
        constraints: { style: 'short' },
        state: { decisions: ['right'] },
      })
      const deep = await sealed(spine, { previous: right.id })
      const joined = await sealed(spine, { previous: [left.id, deep.id], target_agent: 'writer' })
      assert.equal(joined.chain.hop, 4)
      assert.deepEqual(
        joined.chain.previous.map(({ id }) => id),
        [left.id, deep.id],
      )
      assert.deepEqual(joined.constraints, { language: 'en', max_files: 5, style: 'short' })
      assert.equal(joined.constraint_ledger.language?.locked, true)
      assert.deepEqual(joined.task.state.decisions, ['left', 'right'])
      assert.deepEqual(
        (await spine.handoffs.lineage({ id: joined.id })).envelopes.map(({ id }) => id),
        [root.id, ...[left.id, right.id].toSorted(), deep.id, joined.id],
      )
      const other = await sealed(spine, { intent: 'y', previous: null })
      await refused(sealed(spine, { previous: [left.id, other.id] }), 'INTENT_CHANGED')
    })

    test('branches that disagree on a constraint do not join', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { intent: 'x' })
      const left = await sealed(spine, { previous: root.id, constraints: { tone: 'formal' } })
      const right = await sealed(spine, { previous: root.id, constraints: { tone: 'casual' } })
      const error = await refused(sealed(spine, { previous: [left.id, right.id] }), 'CONSTRAINT_CONFLICT')
      assert.match(error.message, /tone/)
    })

    test('extensions are inherited', async () => {
      const spine = await fresh(open)
      const root = await sealed(spine, { extensions: { 'org.acme': { a: 1 }, other: true } })
      const next = await sealed(spine, { previous: root.id, extensions: { other: false } })
      assert.deepEqual(next.extensions, { 'org.acme': { a: 1 }, other: false })
    })
  })
}
