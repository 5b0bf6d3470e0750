import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpineError } from '../protocol/errors.ts'
import { openContext } from './context.ts'
import { fakeSpine, type Loose, sealedEnvelope } from './fakes.test.ts'

const sealedMemory = (id: string, level: string, content?: string) => ({
  id,
  version: 1,
  digest: 'd',
  tokens: 3,
  priority: 'normal',
  pinned: false,
  level,
  ...(content === undefined ? {} : { content }),
})
const envelopeWith = (gaps: string[] = []) =>
  sealedEnvelope({
    memory_refs: ['ms-1', 'ms-2', 'ms-3'],
    memories: [
      sealedMemory('ms-1', 'full', 'one'),
      sealedMemory('ms-2', 'excerpt', 'tw...'),
      sealedMemory('ms-3', 'ref'),
    ],
    completeness: {
      requested: 3,
      resolved: 3,
      included: 3,
      score: 1,
      gaps: gaps.map((id) => ({ id, reason: 'not_found' })),
    },
  })

/** A store that has these ids, and answers gaps for the others. */
const storeOf = (...ids: string[]) =>
  fakeSpine({
    'memories.resolve': ({ refs }: Loose) => ({
      memories: refs
        .filter((id: string) => ids.includes(id))
        .map((id: string) => ({ id, version: 2, content: `all of ${id}`, moved_on: true })),
      gaps: refs.filter((id: string) => !ids.includes(id)).map((id: string) => ({ id, reason: 'deleted' })),
    }),
  })
const unreachable = () =>
  fakeSpine({
    'memories.resolve': () => {
      throw new SpineError('UNREACHABLE', 'nobody there')
    },
  })

test('what travelled inside is there without asking', async () => {
  const { spine, calls } = storeOf()
  const context = await openContext(spine, envelopeWith())
  assert.deepEqual(
    context.memories.map(({ id, content, whole }) => [id, content, whole]),
    [
      ['ms-1', 'one', true],
      ['ms-2', 'tw...', false],
    ],
  )
  assert.deepEqual([context.degraded, context.gaps, calls], [false, [], []])
})

test('a reference is read once, for the envelope that named it', async () => {
  const { spine, calls } = storeOf('ms-3')
  const context = await openContext(spine, envelopeWith())
  assert.equal((await context.get('ms-3'))?.content, 'all of ms-3')
  assert.equal((await context.get('ms-3'))?.moved_on, true)
  assert.deepEqual(
    calls.map(({ input }) => input),
    [{ refs: ['ms-3'], policy: 'latest', envelope_id: 'env-1' }],
  )
})

test('an excerpt is read whole when it is asked for', async () => {
  const { spine } = storeOf('ms-2')
  const context = await openContext(spine, envelopeWith())
  assert.deepEqual(
    (await context.fetch(['ms-2', 'ms-2'])).map(({ content, whole }) => [content, whole]),
    [['all of ms-2', true]],
  )
})

test('under the sealed policy a full text needs no call', async () => {
  const { spine, calls } = storeOf()
  const context = await openContext(spine, envelopeWith(), { policy: 'sealed' })
  assert.equal((await context.get('ms-1'))?.content, 'one')
  assert.equal(calls.length, 0)
})

test('gaps are tried again, and those that are left are flagged in the output', async () => {
  const { spine } = storeOf('ms-8')
  const context = await openContext(spine, envelopeWith(['ms-8', 'ms-9']))
  assert.equal(context.memories.at(-1)?.content, 'all of ms-8')
  assert.deepEqual(context.gaps, [{ id: 'ms-9', reason: 'deleted' }])
  assert.equal(context.degraded, true)
  assert.deepEqual(context.output({ code: 1 }), { code: 1, context_gaps: context.gaps })
  assert.deepEqual(context.output('text'), { result: 'text', context_gaps: context.gaps })
  assert.deepEqual(context.output(), { context_gaps: context.gaps })
  assert.deepEqual(context.output(context.output('text')), context.output('text'))
})

test('without gaps an output stays as it is', async () => {
  const context = await openContext(storeOf().spine, envelopeWith())
  assert.equal(context.output('text'), 'text')
})

test('work goes on without the server: what cannot be read is unavailable, what travelled inside is used', async () => {
  const context = await openContext(unreachable().spine, envelopeWith(['ms-9']))
  assert.equal(await context.get('ms-3'), undefined)
  assert.equal((await context.get('ms-2'))?.content, 'tw...')
  assert.equal((await context.get('ms-1'))?.content, 'one')
  assert.deepEqual(
    context.gaps.map(({ id, reason }) => `${id} ${reason}`),
    ['ms-9 unavailable', 'ms-3 unavailable', 'ms-2 unavailable'],
  )
  assert.equal(context.degraded, true)
})

test('lookups that fail for a while leave gaps; a retry reads them, and the output has none left', async () => {
  let failures = 2
  const { spine, calls } = fakeSpine({
    'memories.resolve': ({ refs }: Loose) => {
      failures -= 1
      if (failures >= 0) throw new SpineError('STORAGE_FAILED', 'the disk is away')
      return { memories: refs.map((id: string) => ({ id, version: 1, content: `all of ${id}` })), gaps: [] }
    },
  })
  const context = await openContext(spine, envelopeWith(['ms-8', 'ms-9']))
  assert.deepEqual([context.degraded, context.gaps.map(({ reason }) => reason)], [true, ['unavailable', 'unavailable']])
  assert.deepEqual(context.output('partial'), { result: 'partial', context_gaps: context.gaps })
  assert.equal((await context.retry()).length, 2)
  assert.deepEqual(await context.retry(), [])
  assert.equal(context.degraded, false)
  assert.equal((await context.get('ms-9'))?.content, 'all of ms-9')
  assert.equal(context.output('whole'), 'whole')
  assert.equal(calls.length, 3)
})

test('an envelope that this spine does not store never resolves to memories of the same name', async () => {
  const { spine } = fakeSpine({
    'memories.resolve': ({ envelope_id }: Loose) => {
      assert.equal(envelope_id, 'env-1')
      throw new SpineError('ENVELOPE_NOT_FOUND', 'not here')
    },
  })
  const context = await openContext(spine, envelopeWith())
  assert.equal(await context.get('ms-3'), undefined)
  assert.deepEqual(context.gaps, [{ id: 'ms-3', reason: 'unavailable' }])
})

test('a gap that is no valid id stays a gap and is never asked for', async () => {
  const { spine, inputs } = storeOf('ms-8')
  const context = await openContext(spine, envelopeWith(['not an id', 'ms-8']))
  assert.deepEqual(inputs('memories.resolve')[0].refs, ['ms-8'])
  assert.deepEqual(context.gaps, [{ id: 'not an id', reason: 'not_found' }])
})

test('a memory that the work cannot do without is asked for, and named when it is missing', async () => {
  await assert.rejects(
    openContext(storeOf('ms-1').spine, envelopeWith(), { require: ['ms-1', 'ms-3'] }),
    (error: SpineError) => {
      assert.equal(error.code, 'INCOMPLETE')
      assert.deepEqual(error.extra.gaps, [{ id: 'ms-3', reason: 'deleted' }])
      return true
    },
  )
})

test('a caller that aborts is not told that memories are missing', async () => {
  const signal = AbortSignal.abort(new Error('enough'))
  await assert.rejects(openContext(unreachable().spine, envelopeWith(['ms-9']), { signal }), { message: 'enough' })
})
