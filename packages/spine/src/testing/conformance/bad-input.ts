/** Bad input: always a stable code, never a row. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { errorTable } from '../../protocol/errors.ts'
import { hostileCases, hostileNames } from '../../protocol/hostile-corpus.ts'
import { limits } from '../../protocol/limits.ts'
import type { Spine } from '../../protocol/spine.ts'
import { contents, fresh, newNamespace, type OpenSubject, refused, sealed } from './subject.ts'

// biome-ignore lint/suspicious/noExplicitAny: what is tested here is what the types forbid.
type Anything = any

const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)])
const manyKeys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 0]))

/** A value that no document may hold, and its code. */
const values: readonly (readonly [string, unknown, keyof typeof errorTable])[] = [
  ['nested too deeply', nested(limits.depth + 1), 'TOO_DEEP'],
  ['nested ten thousand deep', nested(5_000), 'TOO_DEEP'],
  ['too many keys', manyKeys(limits.object_keys + 1), 'TOO_LARGE'],
  ['too many items', Array(limits.array_items + 1).fill(0), 'TOO_LARGE'],
  ['a text too long', 'x'.repeat(limits.string_chars + 1), 'TOO_LARGE'],
  ['NUL', 'a\0b', 'INVALID_JSON'],
  ['a lone surrogate', '\ud83d', 'INVALID_JSON'],
  ['a key with NUL', { 'a\0': 1 }, 'INVALID_JSON'],
  ['a prototype key', { constructor: { prototype: 1 } }, 'INVALID_JSON'],
  ['a proto key', JSON.parse('{"__proto__": {"admin": true}}'), 'INVALID_JSON'],
  ['an integer too large', 2 ** 53, 'INVALID_NUMBER'],
  ['a number of too many digits', 0.1 + 0.2, 'INVALID_NUMBER'],
]

/** Every operation with something that is not what it takes. */
const wrongShapes: readonly (readonly [string, (spine: Anything) => Promise<unknown>])[] = [
  ['memories.store nothing', (spine) => spine.memories.store({})],
  ['memories.store empty', (spine) => spine.memories.store({ content: '' })],
  ['memories.store none', (spine) => spine.memories.store({ memories: [] })],
  ['memories.store number', (spine) => spine.memories.store({ content: 7 })],
  ['memories.store unknown member', (spine) => spine.memories.store({ content: 'x', colour: 'red' })],
  ['memories.store kind', (spine) => spine.memories.store({ content: 'x', kind: 'poem' })],
  ['memories.store time', (spine) => spine.memories.store({ content: 'x', expires_at: 'tomorrow' })],
  ['memories.store one of many', (spine) => spine.memories.store({ memories: [{ content: 'good' }, { content: 7 }] })],
  ['memories.get version', (spine) => spine.memories.get({ id: 'x', version: 0 })],
  ['memories.list limit', (spine) => spine.memories.list({ limit: 1_001 })],
  ['memories.search nothing', (spine) => spine.memories.search({ query: '' })],
  ['memories.resolve none', (spine) => spine.memories.resolve({ refs: [] })],
  ['tasks.put no intent', (spine) => spine.tasks.put({ id: 't' })],
  ['agents.put window', (spine) => spine.agents.put({ name: 'a', context_window: -1 })],
  ['handoffs.create nobody', (spine) => spine.handoffs.create({ task_summary: 'x' })],
  ['handoffs.create nothing to do', (spine) => spine.handoffs.create({ target_agent: 'x', task_summary: '' })],
  ['handoffs.create budget', (spine) => sealed(spine, { max_tokens: 0 })],
  ['handoffs.create previous', (spine) => sealed(spine, { previous: [] })],
  ['handoffs.create hops', (spine) => sealed(spine, { max_hops: 0 })],
  ['handoffs.create constraints', (spine) => sealed(spine, { constraints: ['no map'] as Anything })],
  ['handoffs.create trace', (spine) => sealed(spine, { traceparent: 'ghp_token' })],
  [
    'handoffs.create trace of nothing',
    (spine) => sealed(spine, { traceparent: `00-${'0'.repeat(32)}-${'a'.repeat(16)}-01` }),
  ],
  ['handoffs.create deadline', (spine) => sealed(spine, { deadline: '2026-01-05' })],
  ['deliveries.send wait', (spine) => spine.deliveries.send({ envelope_id: 'x', wait: 'forever' })],
  ['deliveries.send timeout', (spine) => spine.deliveries.send({ envelope_id: 'x', timeout_ms: 600_001 })],
  ['deliveries.nack no reason', (spine) => spine.deliveries.nack({ id: 'x', lease_token: 't' })],
  ['deliveries.complete no token', (spine) => spine.deliveries.complete({ id: 'x' })],
  ['deliveries.send_many none', (spine) => spine.deliveries.send_many({ items: [] })],
  ['deliveries.settle none', (spine) => spine.deliveries.settle({ items: [] })],
  ['parked.park no reason', (spine) => spine.parked.park({ envelope_id: 'x' })],
]

export function badInputSuite(name: string, open: OpenSubject): void {
  const unchanged = async (spine: Spine, call: () => Promise<void>) => {
    const before = await contents(spine)
    await call()
    assert.deepEqual(await contents(spine), before)
  }

  describe(`bad input (${name})`, { concurrency: 4 }, () => {
    test('values that no document may hold are refused wherever they stand', async () => {
      const spine = await fresh(open)
      await unchanged(spine, async () => {
        for (const [, value, code] of values) {
          await refused(spine.memories.store({ content: 'x', metadata: { value } as Anything }), code)
          await refused(sealed(spine, { constraints: { value } as Anything }), code)
          await refused(sealed(spine, { state: { value } as Anything }), code)
          await refused(spine.deliveries.complete({ id: 'x', lease_token: 't', output: value as Anything }), code)
        }
      })
    })

    test('what does not fit an operation is INVALID_INPUT and names what is wrong', async () => {
      const spine = await fresh(open)
      await unchanged(spine, async () => {
        for (const [what, call] of wrongShapes) {
          const error = await refused(call(spine), 'INVALID_INPUT')
          assert.ok(error.message.length > 10, what)
          assert.equal(error.retryable, false)
        }
      })
    })

    test('of several things that are wrong the first is said, and how many more there are', async () => {
      const spine = await fresh(open)
      const nack = (input: Anything) => refused(spine.deliveries.nack({ id: 'x', ...input }), 'INVALID_INPUT')
      assert.match((await nack({ lease_token: 't' })).message, /^deliveries\.nack: reason: [^(]*\.$/)
      const { message } = await nack({ kind: 'never' })
      assert.match(message, /^deliveries\.nack: lease_token: .* \(and 2 more in `issues`\)\.$/)
    })

    test('names and ids that cannot be seen, or act, are refused; those of any script are kept as they are', async () => {
      const spine = await fresh(open)
      for (const { name: what, text, allowed } of hostileNames()) {
        const calls = [
          () => spine.agents.put({ name: text }),
          () => spine.memories.store({ content: 'x', author: text }),
          () => sealed(spine, { target_agent: text, previous: null }),
          () => spine.deliveries.receive({ agent: text, wait_ms: 0 }),
        ]
        if (!allowed)
          await unchanged(
            spine,
            async () => void (await Promise.all(calls.map((call) => refused(call(), 'INVALID_INPUT')))),
          )
        else {
          for (const call of calls) await call().catch((error) => assert.fail(`${what}: ${error.message}`))
          assert.equal((await spine.agents.get({ name: text })).name, text)
        }
      }
    })

    test('what does not exist has its own code, whatever it is called', async () => {
      const spine = await fresh(open)
      for (const id of [
        'nobody',
        '../../etc/passwd',
        "';--",
        '%00',
        'x'.repeat(128),
        '調査',
        'env_01',
        '-1',
        'null',
        'toString',
      ]) {
        await unchanged(spine, async () => {
          await refused(spine.memories.get({ id }), 'MEMORY_NOT_FOUND')
          await refused(spine.memories.delete({ id }), 'MEMORY_NOT_FOUND')
          await refused(spine.tasks.get({ id }), 'TASK_NOT_FOUND')
          await refused(spine.agents.get({ name: id }), 'AGENT_NOT_FOUND')
          await refused(spine.handoffs.get({ id }), 'ENVELOPE_NOT_FOUND')
          await refused(spine.handoffs.status({ id }), 'ENVELOPE_NOT_FOUND')
          await refused(spine.handoffs.lineage({ id }), 'ENVELOPE_NOT_FOUND')
          await refused(spine.deliveries.get({ id }), 'DELIVERY_NOT_FOUND')
          await refused(spine.deliveries.send({ envelope_id: id }), 'ENVELOPE_NOT_FOUND')
          await refused(spine.deliveries.complete({ id, lease_token: 't' }), 'DELIVERY_NOT_FOUND')
          await refused(sealed(spine, { previous: id }), 'ENVELOPE_NOT_FOUND')
          await refused(sealed(spine, { task_id: id }), 'TASK_NOT_FOUND')
        })
      }
    })

    test('hostile bytes get a 4xx problem with their code and write nothing', async (t) => {
      const { endpoint } = await open()
      if (endpoint === undefined) return t.skip('bytes come over a wire')
      const namespace = newNamespace()
      const spine = await (await open()).at(namespace)
      await unchanged(spine, async () => {
        // No body at all is an empty one.
        for (const { name: what, bytes, expect } of hostileCases()) {
          const paths = ['/v1/memories', '/v1/handoffs', '/v1/handoffs/import', '/v1/deliveries']
          for (const path of bytes.length > 100_000 ? paths.slice(0, 1) : paths) {
            const headers = { 'content-type': 'application/json', 'spine-namespace': namespace }
            const answer: Response | undefined = await fetch(`${endpoint}${path}`, {
              method: 'POST',
              headers,
              body: Buffer.from(bytes),
            }).catch(() => undefined)
            // A body far over the limit may be cut off before it has been read.
            if (!answer) {
              assert.equal(expect, 'TOO_LARGE', `${what}: the connection ended`)
              continue
            }
            const problem = (await answer.json()) as Anything
            assert.ok(
              answer.status >= 400 && answer.status < 500,
              `${what} at ${path}: ${answer.status} ${JSON.stringify(problem)}`,
            )
            if (expect === 'ok' || bytes.length === 0) assert.ok(problem.code in errorTable, what)
            else assert.equal(problem.code, expect, `${what} at ${path}`)
          }
        }
      })
    })
  })
}
