/** Memories whose stored content is no longer what was stored: said so, never served, never sealed. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { leaseOf, newNamespace, type OpenTimedSubject, receivedOne, refused, sealed } from './subject.ts'

const kept = 'The payout limit is 4500 EUR a day.'
const original = 'The refund limit is 900 EUR a day.'
/** One bit away from it. */
const flipped = 'The refund limit is 800 EUR a day.'

const textsOf = (memories: readonly { content?: string | undefined }[]) => memories.map(({ content }) => content)

export function damageSuite(name: string, open: OpenTimedSubject): void {
  /** A namespace with two memories of one task; the one called `limit` is damaged where these tables hold it. */
  const damaged = async (...tables: readonly ('memories' | 'memory_versions')[]) => {
    const ns = newNamespace()
    const { at, database } = await open()
    const spine = await at(ns)
    const task_id = 'refunds'
    await spine.memories.store({
      memories: [
        { id: 'payout', content: kept, task_id },
        { id: 'limit', content: original, task_id },
      ],
    })
    const damage = async () => {
      const update = (table: string) => `update ${table} set content = $1 where ns = $2 and id = $3 and content = $4`
      const params = [flipped, ns, 'limit', original]
      await database.write(tables.map((table) => ({ sql: update(table), params })))
    }
    return { spine, task_id, damage }
  }
  const warned = () => {
    const warnings: string[] = []
    return { warnings, onWarning: (warning: string) => void warnings.push(warning) }
  }

  describe(`damaged memories (${name})`, () => {
    test('reading, pinning or changing one is INTEGRITY, which names it and its version', async () => {
      const { spine, damage } = await damaged('memories')
      await damage()
      const { message, extra } = await refused(spine.memories.get({ id: 'limit' }), 'INTEGRITY')
      assert.match(message, /memory limit, version 1/)
      assert.deepEqual(extra, { id: 'limit', version: 1 })
      await refused(spine.memories.pin({ id: 'limit' }), 'INTEGRITY')
      // A new version would be sealed over the damaged text.
      await refused(spine.memories.update({ id: 'limit', title: 'Refunds' }), 'INTEGRITY')
      await refused(spine.memories.get({ id: 'limit' }), 'INTEGRITY')
    })

    test('an older version is checked by itself', async () => {
      const { spine, damage } = await damaged('memory_versions')
      await spine.memories.update({ id: 'limit', content: 'The refund limit is 1200 EUR a day.' })
      await damage()
      assert.equal((await spine.memories.get({ id: 'limit' })).version, 2)
      await refused(spine.memories.get({ id: 'limit', version: 1 }), 'INTEGRITY')
    })

    test('a list and a search go without it and name it in a warning', async () => {
      const { spine, damage } = await damaged('memories')
      await damage()
      for (const look of [
        (options: object) => spine.memories.list({}, options),
        (options: object) => spine.memories.search({ query: 'refund limit' }, options),
      ]) {
        const { warnings, onWarning } = warned()
        const { memories } = await look({ onWarning })
        assert.deepEqual(
          memories.map(({ id }) => id),
          ['payout'],
        )
        assert.deepEqual(warnings.length, 1)
        assert.match(warnings[0] ?? '', /limit is damaged/)
      }
    })

    test('references to it are a gap', async () => {
      const { spine, damage } = await damaged('memories', 'memory_versions')
      const envelope = await sealed(spine, { memory_ids: ['limit'] })
      await damage()
      const gaps = [{ id: 'limit', reason: 'damaged' }]
      for (const policy of ['latest', 'sealed'] as const) {
        const found = await spine.memories.resolve({ refs: ['limit', 'payout'], policy, envelope_id: envelope.id })
        assert.deepEqual([textsOf(found.memories), found.gaps], [[kept], gaps])
      }
      await spine.memories.store({ id: 'limit', content: 'The refund limit is 1200 EUR a day.' })
      const then = await spine.memories.resolve({ refs: ['limit'], policy: 'sealed', envelope_id: envelope.id })
      assert.deepEqual(then.gaps, gaps)
    })

    test('no envelope carries it, its values or its words: it is a gap where it was asked for', async () => {
      const { spine, task_id, damage } = await damaged('memories', 'memory_versions')
      await damage()
      const call = { task_id, intent: 'Pay back what is due.', task_summary: 'Check the refund limit.' }
      const found = await sealed(spine, call)
      assert.deepEqual(found.completeness.gaps, [])
      const asked = await sealed(spine, { ...call, memory_ids: ['limit'] })
      assert.deepEqual(asked.completeness.gaps, [{ id: 'limit', reason: 'damaged' }])
      await refused(sealed(spine, { ...call, memory_ids: ['limit'], require_complete: true }), 'INCOMPLETE')
      await spine.memories.pin({ id: 'limit' }).catch(() => {})
      const pinned = await sealed(spine, call)
      assert.deepEqual(pinned.completeness.gaps, [{ id: 'limit', reason: 'damaged' }])
      const preview = await spine.handoffs.preview({ envelope_id: asked.id, text: true, budgets: [4_000] })
      for (const one of [found, asked, pinned, preview]) assert.doesNotMatch(JSON.stringify(one), /\b800\b/)
    })

    test('an envelope that carried it before the damage is delivered as it was sealed', async () => {
      const { spine, damage } = await damaged('memories', 'memory_versions')
      const envelope = await sealed(spine, { memory_ids: ['limit'], include_recent: 0 })
      await spine.deliveries.send({ envelope_id: envelope.id })
      await damage()
      const delivery = await receivedOne(spine)
      assert.deepEqual(textsOf(delivery.envelope.memories), [original])
      await spine.deliveries.complete(leaseOf(delivery))
    })

    test('storing it again under its id mends it', async () => {
      const { spine, damage } = await damaged('memories')
      await damage()
      await spine.memories.store({ id: 'limit', content: original })
      const { content, version } = await spine.memories.get({ id: 'limit' })
      assert.deepEqual([content, version], [original, 2])
    })
  })
}
