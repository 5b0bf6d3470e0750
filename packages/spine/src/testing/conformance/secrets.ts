/** Secrets at the door: what is kept, sealed and handed on is the same text, without them. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { render } from '../../protocol/render.ts'
import { fresh, handedOver, leaseOf, type OpenSubject, sealed } from './subject.ts'

const newToken = () => `ghp_${randomBytes(18).toString('hex')}`
const marked = /\[redacted:github:[0-9a-f]{8}\]/

export function secretsSuite(name: string, open: OpenSubject): void {
  describe(`secrets (${name})`, { concurrency: 8 }, () => {
    test('a secret in a memory is stored as a mark, with a warning and a note in its metadata', async () => {
      const spine = await fresh(open)
      const token = newToken()
      const warnings: string[] = []
      const { memories } = await spine.memories.store(
        {
          memories: [
            { id: 'clean', content: 'The window is Tuesday.', metadata: { a: 1 } },
            { id: 'm', content: `Push with ${token} on Tuesday.`, metadata: { note: token, a: 1 } },
          ],
        },
        { onWarning: (warning) => void warnings.push(warning) },
      )
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', /redacted: github [0-9a-f]{8} in memories\.1\.content/)
      assert.deepEqual(memories[0]?.metadata, { a: 1 })
      const stored = await spine.memories.get({ id: 'm' })
      assert.match(stored.content, /^Push with \[redacted:github:[0-9a-f]{8}\] on Tuesday\.$/)
      const [, hash] = /:([0-9a-f]{8})\]/.exec(stored.content) ?? []
      assert.deepEqual(stored.metadata.secrets, [
        { in: 'content', kind: 'github', hash },
        { in: 'metadata.note', kind: 'github', hash },
      ])
      const changed = await spine.memories.update({ id: 'm', content: `Now with ${newToken()}.` })
      assert.match(changed.content, marked)
      assert.ok(!JSON.stringify([stored, changed, await spine.memories.list({})]).includes('ghp_'))
    })

    test('what is sealed is word for word what is stored, and a repeat of the call is the same call', async () => {
      const spine = await fresh(open)
      const token = newToken()
      await spine.memories.store({ id: 'm', content: `The key is ${token}.` })
      await spine.tasks.put({ id: 't', intent: `Deploy with ${token}.` })
      const call = {
        task_id: 't',
        task_summary: `Use ${token} once.`,
        constraints: { auth: `send ${token}` },
        execution_history: [{ agent: 'planner', action: `tried ${token}` }],
        memory_ids: ['m'],
        idempotency_key: 'k',
      }
      const envelope = await sealed(spine, call)
      assert.ok(!JSON.stringify(envelope).includes(token))
      assert.equal(envelope.task.intent, (await spine.tasks.get({ id: 't' })).intent)
      assert.equal(envelope.memories[0]?.content, (await spine.memories.get({ id: 'm' })).content)
      const marks = render(envelope).match(new RegExp(marked, 'g')) ?? []
      assert.ok(marks.length >= 5)
      assert.equal(new Set(marks).size, 1)
      assert.equal((await sealed(spine, call)).id, envelope.id)
      const { memories } = await spine.memories.resolve({ refs: ['m'], envelope_id: envelope.id })
      assert.match(memories[0]?.content ?? '', marked)
    })

    test('a secret that is a key is not stored either, wherever keys are free', async () => {
      const spine = await fresh(open)
      const token = newToken()
      const keyed = { [token]: 'open' }
      await spine.memories.store({ id: 'm', content: 'The gateway.', metadata: keyed })
      await spine.tasks.put({ id: 't', intent: 'Deploy.', constraints: keyed, locked: [token] })
      const held = await handedOver(spine, { task_id: 't', memory_ids: ['m'], state: keyed, extensions: keyed })
      const done = await spine.deliveries.complete({ ...leaseOf(held), output: { deep: [keyed] } })
      const [name = ''] = Object.keys(held.envelope.constraints)
      assert.match(name, marked)
      assert.equal(held.envelope.constraint_ledger[name]?.locked, true)
      const memory = await spine.memories.get({ id: 'm' })
      const stored = JSON.stringify([held, done, memory, await spine.tasks.get({ id: 't' })])
      assert.ok(!stored.includes(token))
      assert.equal(Object.keys(memory.metadata)[0], name)
      assert.deepEqual(Object.keys(held.envelope.extensions ?? {}), [name])
    })

    test('an output is looked through before it is kept and handed on', async () => {
      const spine = await fresh(open)
      const held = await handedOver(spine)
      const token = newToken()
      const done = await spine.deliveries.forward({
        ...leaseOf(held),
        output: { log: `pushed with ${token}` },
        handoff: { target_agent: 'reviewer', task_summary: `Check the push with ${token}.` },
      })
      assert.match(JSON.stringify(done.delivery.output), marked)
      assert.ok(!JSON.stringify([done, await spine.handoffs.get({ id: done.envelope.id })]).includes(token))
    })
  })
}
