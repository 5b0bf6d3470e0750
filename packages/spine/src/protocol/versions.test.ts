// Golden envelopes: what was sealed once is read by every later version, and older readers read what is made now.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { canonicalBytes, digestOf, sha256 } from './canonical.ts'
import type { Envelope } from './envelope.ts'
import { envelopeJsonSchema, envelopeMajors } from './json-schema.ts'
import { render } from './render.ts'
import { downcast, envelope1, upcast } from './version-1.ts'
import {
  canRead,
  currentOf,
  formOf,
  issuesOf,
  parseEnvelope,
  readableVersion,
  readEnvelope,
  sealedOf,
  viewOf,
} from './versions.ts'

const fixture = (file: string) => readFileSync(new URL(`fixtures/${file}`, import.meta.url))
const digests = JSON.parse(fixture('digests.json').toString()) as Record<string, { digest: string; bytes: string }>
const golden = (file: string) => JSON.parse(fixture(file).toString()) as Record<string, unknown>
const [v1, v2, later] = ['envelope-1.json', 'envelope-2.json', 'envelope-2.7.json'].map(golden) as [
  Record<string, unknown>,
  Record<string, unknown>,
  Record<string, unknown>,
]

test('golden envelopes have the bytes and the digest they were sealed with, and parse', () => {
  assert.ok(Object.keys(digests).length >= 3)
  for (const [file, sealed] of Object.entries(digests)) {
    const bytes = fixture(file)
    assert.equal(`sha256:${sha256(bytes)}`, sealed.bytes, file)
    const document = golden(file)
    assert.equal(digestOf(document), sealed.digest, file)
    assert.deepEqual(Buffer.from(canonicalBytes(document)), bytes, file)
    assert.equal(parseEnvelope(document).digest, sealed.digest, file)
  }
})

test('the current version is read as the very object that came', () => {
  for (const document of [v2, later]) {
    assert.equal(parseEnvelope(document), document)
    assert.equal(sealedOf(document as Envelope), document)
  }
})

test('a reader of 2.0 reads 2.7, and every field that it does not know survives', () => {
  const read = parseEnvelope(later)
  assert.deepEqual(read.mood, { of: ['the', 'day', 1.5, null] })
  assert.equal(read.task.urgency, 'a field of 2.7')
  assert.equal(read.memories[0]?.embedding, 'a field of 2.7')
  assert.match(render(read), /measured/)
})

test('an old reader reads a new envelope: intent, summary, constraints, references and the whole text', () => {
  // What a program of version 1 looks at, as it was written then.
  const oldReader = z.object({
    envelope_version: z.literal(1),
    id: z.string(),
    source_agent: z.string(),
    target_agent: z.string(),
    intent: z.string(),
    summary: z.string(),
    context: z.string(),
    constraints: z.record(z.string(), z.unknown()),
    memory_ids: z.array(z.string()),
    token_count: z.number().int(),
  })
  for (const document of [v2, later]) {
    const envelope = parseEnvelope(document)
    for (const given of [viewOf(envelope, '1'), formOf(envelope, '1')]) {
      const read = oldReader.parse(given)
      assert.deepEqual(
        [read.intent, read.summary, read.context, read.memory_ids],
        [envelope.task.intent, envelope.task.summary, render(envelope), envelope.memory_refs],
      )
      assert.deepEqual(read.constraints, envelope.constraints)
    }
  }
})

test('a new reader reads an old envelope: its words, constraints and references, and its context as data', () => {
  const envelope = parseEnvelope(v1)
  assert.deepEqual(
    [envelope.task.intent, envelope.task.summary, envelope.constraints, envelope.memory_refs],
    [v1.intent, v1.summary, v1.constraints, v1.memory_ids],
  )
  assert.equal(envelope.constraint_ledger.language?.set_by, 'planner')
  const text = render(envelope)
  assert.match(
    text,
    /## History\n```\nplanner: handed over this context \| output The window is Tuesday 06:00 UTC\.\n - port 8788\n```/,
  )
  assert.equal(sealedOf(envelope), v1)
  assert.equal(currentOf(v1), envelope)
})

test('going down and up again keeps the words of the user, the constraints and the references', () => {
  const envelope = parseEnvelope(v2)
  const there = upcast(downcast(envelope))
  assert.deepEqual(
    [there.task.intent, there.task.summary, there.constraints, there.memory_refs, there.chain.hop, there.chain.root_id],
    [
      envelope.task.intent,
      envelope.task.summary,
      envelope.constraints,
      envelope.memory_refs,
      envelope.chain.hop,
      envelope.chain.root_id,
    ],
  )
  assert.equal(envelope1.safeParse(downcast(envelope)).success, true)
})

test('a view has no digest, is read, and is never taken for something sealed', () => {
  const view = viewOf(parseEnvelope(v1), '2')
  assert.equal('digest' in view, false)
  assert.deepEqual(view.derived_from, { id: v1.id, digest: v1.digest })
  assert.equal(readEnvelope(view).task.intent, v1.intent)
  assert.throws(() => parseEnvelope(view), { code: 'INVALID_INPUT' })
  assert.throws(() => readEnvelope({ ...v2, task: 'changed' }), { code: 'INVALID_INPUT' })
  assert.throws(() => readEnvelope({ ...v2, mood: 'changed' }), { code: 'DIGEST_MISMATCH' })
  assert.throws(() => parseEnvelope({ ...v1, mood: 'changed' }), { code: 'DIGEST_MISMATCH' })
})

test('any document either is an envelope or is refused with a code', () => {
  fc.assert(
    fc.property(fc.constantFrom(v1, v2), fc.string(), fc.jsonValue(), (document, key, value) => {
      try {
        parseEnvelope({ ...document, [key]: value })
      } catch (error) {
        const { code } = error as { code: string }
        assert.ok(['INVALID_INPUT', 'DIGEST_MISMATCH', 'UNSUPPORTED_VERSION'].includes(code), String(error))
      }
    }),
    { numRuns: 200 },
  )
})

test('a version has one spelling: with a zero before it, it is none', () => {
  for (const version of ['02', '2.00', '2.07', '00', '2.', ' 2'])
    assert.equal(canRead(undefined, version), false, version)
  for (const version of ['0', '2', '2.0', '2.10', '20.7']) assert.equal(canRead(undefined, version), true, version)
})

test('a receiver reads the newest version it lists that can be made here', () => {
  assert.deepEqual(
    [undefined, ['2'], ['1'], ['1', '2.4'], ['3'], ['3', '1'], []].map((accepts) => readableVersion(accepts)),
    ['2', '2', '1', '2', undefined, '1', undefined],
  )
  assert.equal(canRead(['2.0'], '2.7'), true)
})

test('the exported JSON Schema takes the golden envelopes of its version and refuses the others', () => {
  for (const major of envelopeMajors) {
    const schema = z.fromJSONSchema(envelopeJsonSchema(major) as Parameters<typeof z.fromJSONSchema>[0])
    for (const document of [v1, v2, later])
      assert.equal(schema.safeParse(document).success, String(document.envelope_version).startsWith(major), major)
  }
})

test('of a value that may have several shapes the problems are those of the shape it comes nearest to', () => {
  const one = z.strictObject({ content: z.string(), kind: z.enum(['fact', 'note']).optional() })
  const oneOrMany = z.union([z.strictObject({ memories: z.array(one) }), one])
  const pathsOf = (value: unknown) => {
    const { error } = oneOrMany.safeParse(value)
    assert.ok(error)
    return issuesOf(error).map(({ path, message }) => (path ? path : message))
  }
  assert.deepEqual(pathsOf({ content: 'x', kind: 'banana' }), ['kind'])
  assert.deepEqual(pathsOf({}), ['content'])
  assert.deepEqual(pathsOf({ text: 'x' }), ['content', 'Unrecognized key: "text"'])
  assert.deepEqual(pathsOf({ memories: [{ content: 'x' }, { content: 1 }] }), ['memories.1.content'])
  const few = z.union([z.string(), z.array(z.string()).max(2), z.null()]).safeParse(['a', 'b', 'c'])
  assert.match(few.error ? String(issuesOf(few.error)[0]?.message) : '', /array to have <=2 items/)
})
