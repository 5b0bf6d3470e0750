/** The exact values of texts by their digest, so that a text is taken apart once and not for every envelope. */

import { createRemembered } from '../rules/remembered.ts'
import { type Value, valuesOf } from '../rules/values.ts'

export type KnownValues = {
  /** Nothing when the text with this digest was not looked at yet. */
  find(digest: string): readonly Value[] | undefined
  of(text: { digest: string; content: string }): readonly Value[]
}

/** What is held takes at most about so many bytes; then it starts anew. */
const MAX_BYTES = 32 * 1_048_576
const OVERHEAD_BYTES = 100

/** A longer value is a piece of its text for the engine, and holds all of it. */
const heldBytes = (content: string, values: readonly Value[]): number =>
  OVERHEAD_BYTES + (values.length === 0 ? 0 : 2 * content.length + OVERHEAD_BYTES * values.length)

export function createKnownValues(): KnownValues {
  const known = createRemembered<readonly Value[]>(MAX_BYTES)
  const look = (digest: string, content: string) => {
    const values = valuesOf(content)
    return known.keep(digest, values, heldBytes(content, values))
  }
  return Object.freeze({
    find: known.find,
    of: ({ digest, content }: { digest: string; content: string }) => known.find(digest) ?? look(digest, content),
  })
}
