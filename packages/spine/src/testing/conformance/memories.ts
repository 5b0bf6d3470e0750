/** Memories: store, read, change, list, pin, find. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { contents, fresh, type OpenSubject, refused, sealed } from './subject.ts'

export function memoriesSuite(name: string, open: OpenSubject): void {
  describe(`memories (${name})`, { concurrency: 8 }, () => {
    test('a store is readable at once, with its defaults, its tokens and its digest', async () => {
      const spine = await fresh(open)
      const content = 'Deploy on Tuesday 06:00 UTC, never on Friday. 配置は火曜日。'
      const { memories } = await spine.memories.store({ content })
      const [memory] = memories
      assert.ok(memory)
      assert.match(memory.id, /^ms-\d+$/)
      assert.deepEqual(await spine.memories.get({ id: memory.id }), memory)
      const { kind, priority, pinned, trust, author, version, tags, metadata } = memory
      assert.deepEqual(
        { kind, priority, pinned, trust, author, version, tags, metadata },
        {
          kind: 'note',
          priority: 'normal',
          pinned: false,
          trust: 'agent',
          author: 'unknown',
          version: 1,
          tags: [],
          metadata: {},
        },
      )
      assert.equal(memory.tokens, countTokens(content))
      assert.equal(memory.digest, `sha256:${createHash('sha256').update(content).digest('hex')}`)
    })

    test('many are stored at once and answered in the order given', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'old', content: 'first' })
      const given = ['b', 'old', undefined, 'a', undefined]
      const { memories } = await spine.memories.store({
        memories: given.map((id, index) => ({ content: `text ${index}`, ...(id === undefined ? {} : { id }) })),
      })
      assert.deepEqual(
        memories.map(({ content }) => content),
        given.map((_, index) => `text ${index}`),
      )
    })

    test('one id twice in a call makes two versions, the last one counts', async () => {
      const spine = await fresh(open)
      await spine.memories.store({
        memories: [
          { id: 'x', content: 'one' },
          { id: 'y', content: 'y' },
          { id: 'x', content: 'two' },
        ],
      })
      const memory = await spine.memories.get({ id: 'x' })
      assert.deepEqual([memory.content, memory.version], ['two', 2])
      assert.equal((await spine.memories.get({ id: 'x', version: 1 })).content, 'one')
    })

    test('storing a known id again makes a new version; the older one can still be read', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'ms-7', content: 'one', title: 'first' })
      const { memories } = await spine.memories.store({ id: 'ms-7', content: 'two' })
      assert.equal(memories[0]?.version, 2)
      const one = await spine.memories.get({ id: 'ms-7', version: 1 })
      assert.deepEqual([one.content, one.title, one.version], ['one', 'first', 1])
      await refused(spine.memories.get({ id: 'ms-7', version: 3 }), 'MEMORY_NOT_FOUND')
    })

    test('an id that a caller chose is never given out', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'ms-41', content: 'chosen' })
      const { memories } = await spine.memories.store({ memories: [{ content: 'a' }, { content: 'b' }] })
      assert.deepEqual(
        memories.map(({ id }) => Number(id.slice(3)) > 41),
        [true, true],
      )
    })

    test('fifty concurrent stores get fifty ids', async () => {
      const spine = await fresh(open)
      const stored = await Promise.all(
        Array.from({ length: 50 }, (_, index) => spine.memories.store({ content: `note ${index}` })),
      )
      assert.equal(new Set(stored.map(({ memories }) => memories[0]?.id)).size, 50)
      assert.equal((await spine.memories.list({ limit: 100 })).memories.length, 50)
    })

    test('an update changes what it names, makes a version, and If-Match keeps it from overwriting', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'm', content: 'one', title: 't', tags: ['a'] })
      const second = await spine.memories.update({ id: 'm', content: 'two', if_match: 1 })
      assert.deepEqual([second.version, second.content, second.title, second.tags], [2, 'two', 't', ['a']])
      const before = await contents(spine)
      const error = await refused(
        spine.memories.update({ id: 'm', content: 'three', if_match: '"1"' }),
        'VERSION_CONFLICT',
      )
      assert.equal(error.extra.version, 2)
      assert.deepEqual(await contents(spine), before)
      assert.equal((await spine.memories.update({ id: 'm', title: 'u', if_match: '"2"' })).version, 3)
      await refused(spine.memories.update({ id: 'nobody', content: 'x' }), 'MEMORY_NOT_FOUND')
    })

    test('an update that names nothing changes nothing', async () => {
      const spine = await fresh(open)
      const { memories } = await spine.memories.store({ id: 'm', content: 'x' })
      assert.deepEqual(await spine.memories.update({ id: 'm' }), memories[0])
      assert.deepEqual(await spine.memories.update({ id: 'm', if_match: 1 }), memories[0])
      await refused(spine.memories.update({ id: 'm', if_match: 2 }), 'VERSION_CONFLICT')
    })

    test('of twenty updates of the same version one wins', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'm', content: 'zero' })
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) =>
          spine.memories.update({ id: 'm', content: `try ${index}`, if_match: 1 }),
        ),
      )
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      assert.equal((await spine.memories.get({ id: 'm' })).version, 2)
    })

    test('an expiry is set, cleared, and obeyed', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'gone', content: 'x', expires_at: '2020-01-01T00:00:00Z' })
      await refused(spine.memories.get({ id: 'gone' }), 'MEMORY_NOT_FOUND')
      assert.deepEqual((await spine.memories.resolve({ refs: ['gone'] })).gaps, [{ id: 'gone', reason: 'expired' }])
      assert.deepEqual((await spine.memories.list({})).memories, [])
      await spine.memories.store({ id: 'stays', content: 'x', expires_at: '2999-01-01T00:00:00Z' })
      const cleared = await spine.memories.update({ id: 'stays', expires_at: null })
      assert.equal(cleared.expires_at, undefined)
    })

    test('a deleted memory is gone for readers; a sealed envelope keeps what it carries', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'm', content: 'the port is 8788' })
      const envelope = await sealed(spine, { memory_ids: ['m'] })
      assert.deepEqual(await spine.memories.delete({ id: 'm' }), { id: 'm', deleted: true })
      await refused(spine.memories.get({ id: 'm' }), 'MEMORY_NOT_FOUND')
      await refused(spine.memories.get({ id: 'm', version: 1 }), 'MEMORY_NOT_FOUND')
      await refused(spine.memories.delete({ id: 'm' }), 'MEMORY_NOT_FOUND')
      await refused(spine.memories.update({ id: 'm', content: 'x' }), 'MEMORY_NOT_FOUND')
      await refused(spine.memories.pin({ id: 'm' }), 'MEMORY_NOT_FOUND')
      const { gaps } = await spine.memories.resolve({ refs: ['m'], policy: 'sealed', envelope_id: envelope.id })
      assert.deepEqual(gaps, [{ id: 'm', reason: 'deleted' }])
      assert.equal((await spine.handoffs.get({ id: envelope.id })).memories[0]?.content, 'the port is 8788')
    })

    test('a superseded memory no longer ranks, but can be read and asked for', async () => {
      const spine = await fresh(open)
      await spine.memories.store({ id: 'old', content: 'the release is on Monday' })
      await spine.memories.store({ id: 'new', content: 'the release is on Tuesday', supersedes: 'old' })
      assert.equal((await spine.memories.get({ id: 'old' })).superseded_by, 'new')
      const { memories } = await spine.memories.search({ query: 'when is the release' })
      assert.deepEqual(
        memories.map(({ id }) => id),
        ['new'],
      )
      const envelope = await sealed(spine, { task_summary: 'Plan the release.' })
      assert.deepEqual(envelope.memory_refs, ['new'])
      assert.ok((await sealed(spine, { memory_ids: ['old'] })).memory_refs.includes('old'))
    })

    test('a list is newest first, filtered, and goes on where it stopped', async () => {
      const spine = await fresh(open)
      for (let index = 1; index <= 5; index += 1)
        await spine.memories.store({
          id: `m${index}`,
          content: 'x',
          kind: index % 2 ? 'fact' : 'note',
          pinned: index === 2,
          ...(index > 3 ? { task_id: 't' } : {}),
        })
      const ids = async (input: Parameters<typeof spine.memories.list>[0]) =>
        (await spine.memories.list(input)).memories.map(({ id }) => id)
      assert.deepEqual(await ids({}), ['m5', 'm4', 'm3', 'm2', 'm1'])
      assert.deepEqual(await ids({ kind: 'fact' }), ['m5', 'm3', 'm1'])
      assert.deepEqual(await ids({ pinned: true }), ['m2'])
      assert.deepEqual(await ids({ task_id: 't' }), ['m5', 'm4'])
      const pages: string[][] = []
      for (let after: string | undefined; ; ) {
        const page = await spine.memories.list({ limit: 2, ...(after === undefined ? {} : { after }) })
        pages.push(page.memories.map(({ id }) => id))
        after = page.next
        if (after === undefined) break
      }
      assert.deepEqual(pages.flat(), ['m5', 'm4', 'm3', 'm2', 'm1'])
      await refused(spine.memories.list({ after: 'elsewhere' }), 'INVALID_INPUT')
    })

    test('a search answers the best first, within its limit and its token budget', async () => {
      const spine = await fresh(open)
      await spine.memories.store({
        memories: [
          { id: 'a', content: 'The database password rotates every night.', kind: 'fact', tags: ['ops'] },
          { id: 'b', content: 'Lunch is at noon.', author: 'cook' },
          { id: 'c', content: `The database is PostgreSQL. ${'It is large. '.repeat(100)}` },
        ],
      })
      const found = await spine.memories.search({ query: 'database password' })
      assert.equal(found.memories[0]?.id, 'a')
      const scores = found.memories.map(({ score }) => score)
      assert.deepEqual(
        scores,
        scores.toSorted((left, right) => right - left),
      )
      assert.equal((await spine.memories.search({ query: 'database', limit: 1 })).memories.length, 1)
      const small = (await spine.memories.search({ query: 'database', max_tokens: 50 })).memories
      assert.ok(small.reduce((sum, { tokens }) => sum + tokens, 0) <= 50)
      const only = async (filters: NonNullable<Parameters<typeof spine.memories.search>[0]['filters']>) =>
        (await spine.memories.search({ query: 'database', filters })).memories.map(({ id }) => id)
      assert.deepEqual(await only({ tag: 'ops' }), ['a'])
      assert.deepEqual(await only({ kind: 'fact' }), ['a'])
      assert.deepEqual(await only({ author: 'cook' }), ['b'])
    })

    test('a reference resolves to the newest version and says that it moved on, to the sealed one, or not at all', async () => {
      const spine = await fresh(open)
      await spine.memories.store({
        memories: [
          { id: 'm', content: 'one' },
          { id: 'n', content: 'n' },
        ],
      })
      const { id: envelope_id } = await sealed(spine, { memory_ids: ['m', 'n'] })
      await spine.memories.update({ id: 'm', content: 'two' })
      const refs = ['m', 'n', 'nobody']
      const latest = await spine.memories.resolve({ refs, envelope_id })
      assert.deepEqual(
        latest.memories.map(({ id, content, sealed_version, moved_on }) => [id, content, sealed_version, moved_on]),
        [
          ['m', 'two', 1, true],
          ['n', 'n', 1, false],
        ],
      )
      assert.deepEqual(latest.gaps, [{ id: 'nobody', reason: 'not_found' }])
      const sealedOnes = await spine.memories.resolve({ refs, envelope_id, policy: 'sealed' })
      assert.deepEqual(
        sealedOnes.memories.map(({ content, version }) => [content, version]),
        [
          ['one', 1],
          ['n', 1],
        ],
      )
      const strict = await spine.memories.resolve({ refs: ['m', 'n'], envelope_id, policy: 'fail_if_changed' })
      assert.deepEqual(strict.gaps, [{ id: 'm', reason: 'changed' }])
      assert.deepEqual(
        strict.memories.map(({ id }) => id),
        ['n'],
      )
      await refused(spine.memories.resolve({ refs: ['m'], envelope_id: 'env_nobody' }), 'ENVELOPE_NOT_FOUND')
    })

    test('a pin of a task goes into its envelopes, one without a task into all, and none when they are not wanted', async () => {
      const spine = await fresh(open)
      await spine.memories.store({
        memories: [
          { id: 'all', content: 'never touch prod' },
          { id: 't1', content: 'task one', task_id: 'one' },
        ],
      })
      assert.equal((await spine.memories.pin({ id: 'all' })).pinned, true)
      await spine.memories.pin({ id: 't1' })
      const refs = async (call: Parameters<typeof sealed>[1]) =>
        (await sealed(spine, { intent: 'x', include_recent: 0, ...call })).memory_refs
      assert.deepEqual((await refs({ task_id: 'one', previous: null })).toSorted(), ['all', 't1'])
      assert.deepEqual(await refs({ task_id: 'two' }), ['all'])
      assert.deepEqual(await refs({ task_id: 'three', include_pins: false }), [])
      assert.equal((await spine.memories.unpin({ id: 'all' })).pinned, false)
      assert.deepEqual(await refs({ task_id: 'four' }), [])
    })
  })
}
