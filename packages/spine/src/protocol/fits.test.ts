// What is affirmed without zod is what zod affirms: of envelopes as they are sealed, and of those that something was
// done to. Nothing is affirmed of schemas that are not known here without asking zod.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { surelyFits } from './fits.ts'
import { envelopeSchemas } from './versions.ts'

const fixture = (file: string): object => JSON.parse(readFileSync(new URL(`fixtures/${file}`, import.meta.url), 'utf8'))
const samples = [
  { schema: envelopeSchemas[2], document: fixture('envelope-2.json') },
  { schema: envelopeSchemas[2], document: fixture('envelope-2.7.json') },
  { schema: envelopeSchemas[1], document: fixture('envelope-1.json') },
]

type Path = readonly (string | number)[]

/** Every place in a document, the document itself not counted. */
const placesOf = (value: unknown, path: Path = []): Path[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, held]) => {
        const place = [...path, Array.isArray(value) ? Number(key) : key]
        return [place, ...placesOf(held, place)]
      })

/** A copy with something else at a place; `undefined` takes what is there away. */
function changed(document: object, path: Path, value: unknown): object {
  const copy = structuredClone(document)
  const [last] = path.slice(-1)
  const around = path.slice(0, -1).reduce<object>((held, step) => Reflect.get(held, step), copy)
  if (value === undefined) Reflect.deleteProperty(around, last ?? '')
  else Reflect.set(around, last ?? '', value)
  return copy
}

const others: readonly unknown[] = [
  ...[undefined, null, true, 0, 1, -1, 1.5, 129, 2 ** 53, '', ' ', 'a', '.', 'a b', 'a\u200b', 'é', 'x'.repeat(129)],
  ...['2026-01-05T09:00:00Z', '2026-02-30T09:00:00Z', '2026-01-05', 'high', 'full', 'o200k_base', 'stop', 'root'],
  ...[
    [],
    {},
    ['a'],
    [1],
    { a: 1 },
    { compacted: 1, from_hop: 1, to_hop: 2, envelope_id: 'env-1' },
    Array(300).fill('a'),
  ],
]

test('whole envelopes of every version fit', () => {
  for (const { schema, document } of samples) assert.equal(surelyFits(schema, document), true)
})

test('with something else in any place, it fits where zod takes it and not where it does not', () => {
  const change = fc.constantFrom(...samples).chain(({ schema, document }) =>
    fc.record({
      schema: fc.constant(schema),
      document: fc
        .tuple(fc.constantFrom(...placesOf(document)), fc.constantFrom(...others))
        .map(([place, value]) => changed(document, place, value)),
    }),
  )
  const answers = { fits: 0, refused: 0 }
  fc.assert(
    fc.property(change, ({ schema, document }) => {
      const accepted = schema.safeParse(document).success
      answers[accepted ? 'fits' : 'refused'] += 1
      assert.equal(surelyFits(schema, document), accepted)
    }),
    { numRuns: 1_000 },
  )
  assert.ok(answers.fits > 100 && answers.refused > 100, JSON.stringify(answers))
})

test('what is not known here is put to zod', () => {
  const odd: readonly [z.ZodType, unknown, unknown][] = [
    [z.strictObject({ a: z.string() }), { a: 'a' }, { a: 'a', b: 1 }],
    [z.looseObject({ a: z.string() }).refine(({ a }) => a === 'yes'), { a: 'yes' }, { a: 'no' }],
    [z.email(), 'a@example.org', 'a'],
    [z.string().regex(/^a$/), 'a', 'b'],
    [z.int32(), 1, 2 ** 40],
    [z.string().default('a'), undefined, 1],
    [z.array(z.int().multipleOf(2)), [2, 4], [2, 3]],
    [z.discriminatedUnion('a', [z.looseObject({ a: z.literal('x') })]), { a: 'x' }, { a: 'y' }],
  ]
  for (const [schema, good, bad] of odd)
    assert.deepEqual([surelyFits(schema, good), surelyFits(schema, bad)], [true, false])
})
