/** Regret: content that was cut from an envelope and fetched after all is recorded, once, with its kind. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Spine } from '../../protocol/spine.ts'
import { fresh, newNamespace, type OpenSubject, sealed } from './subject.ts'

const long = (what: string) => Array.from({ length: 60 }, (_, index) => `The ${what} rule ${index} holds.`).join(' ')

async function regrets(spine: Spine) {
  const { events } = await spine.health.events({ types: 'memory.regretted', limit: 1_000 })
  return events.map(({ target, envelope_id, data }) => ({ target, envelope_id, ...data }))
}

async function withCut(spine: Spine) {
  await spine.memories.store({
    memories: [
      { id: 'big', content: long('payment'), kind: 'tool_result' },
      { id: 'small', content: 'The gateway retries 3 times.', kind: 'fact' },
    ],
  })
  const envelope = await sealed(spine, { memory_ids: ['big', 'small'], max_tokens: 250 })
  const levels = new Map(envelope.memories.map(({ id, level }) => [id, level]))
  assert.equal(levels.get('small'), 'full')
  assert.notEqual(levels.get('big'), 'full')
  return { envelope, level: levels.get('big') }
}

export function regretSuite(name: string, open: OpenSubject): void {
  describe(`regret (${name})`, { concurrency: 8 }, () => {
    test('fetching what was cut is regret, once; fetching what travelled whole is none', async () => {
      const spine = await fresh(open)
      const { envelope, level } = await withCut(spine)
      const refs = ['big', 'small']
      assert.equal((await spine.memories.resolve({ refs, envelope_id: envelope.id })).memories.length, 2)
      await spine.memories.resolve({ refs, envelope_id: envelope.id })
      assert.deepEqual(await regrets(spine), [
        { target: 'coder', envelope_id: envelope.id, memory_id: 'big', kind: 'tool_result', level },
      ])
    })

    test('without the envelope nobody knows what was cut, and a gap is no regret', async () => {
      const spine = await fresh(open)
      const { envelope } = await withCut(spine)
      await spine.memories.resolve({ refs: ['big'] })
      await spine.memories.delete({ id: 'big' })
      await spine.memories.resolve({ refs: ['big'], envelope_id: envelope.id })
      assert.deepEqual(await regrets(spine), [])
    })

    test('every receiver has its own regret', async () => {
      const subject = await open()
      const namespace = newNamespace()
      const { envelope } = await withCut(await subject.at(namespace))
      for (const agent of ['coder', 'reviewer']) {
        const reader = await subject.at(namespace, agent)
        await reader.memories.resolve({ refs: ['big'], envelope_id: envelope.id })
      }
      const targets = (await regrets(await subject.at(namespace))).map(({ target }) => target)
      assert.deepEqual(targets, ['coder', 'reviewer'])
    })

    test('a reference of a lazy envelope is meant to be fetched', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'm', content: long('refund') })
      const envelope = await sealed(spine, { memory_ids: ['m'], strategy: 'lazy' })
      await spine.memories.resolve({ refs: ['m'], envelope_id: envelope.id })
      assert.deepEqual(await regrets(spine), [])
    })
  })
}
