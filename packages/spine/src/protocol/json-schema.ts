/** The envelope as JSON Schema (draft 2020-12), for whoever reads or writes it in another language. */

import { z } from 'zod'
import { envelopeSchemas } from './versions.ts'

export type EnvelopeMajor = keyof typeof envelopeSchemas

export const envelopeMajors = Object.freeze(Object.keys(envelopeSchemas)) as readonly `${EnvelopeMajor}`[]

/** Of a major version. Unknown members are allowed everywhere, because minors add them. */
export function envelopeJsonSchema(major: `${EnvelopeMajor}`): Record<string, unknown> {
  const schema = z.toJSONSchema(envelopeSchemas[major], { unrepresentable: 'any' })
  const { $schema, ...members } = schema as Record<string, unknown>
  return {
    $schema,
    $id: `urn:memory-spine:envelope:${major}`,
    title: `Memory Spine envelope, version ${major}`,
    ...members,
  }
}
