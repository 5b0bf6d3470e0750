/** `memory-spine schema`: the envelope as JSON Schema, for readers and writers in other languages. */

import { type EnvelopeMajor, envelopeJsonSchema, envelopeMajors } from '../protocol/json-schema.ts'
import { UsageError } from './config.ts'
import type { Output } from './output.ts'

const isMajor = (text: string): text is `${EnvelopeMajor}` => (envelopeMajors as readonly string[]).includes(text)

export function printSchema(major: string, output: Output): number {
  if (!isMajor(major)) throw new UsageError(`--envelope: must be ${envelopeMajors.join(' or ')} (it is "${major}")`)
  const schema = envelopeJsonSchema(major)
  output.say(JSON.stringify(schema, null, 2))
  output.answer(schema)
  return 0
}
