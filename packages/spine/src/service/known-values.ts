/** The exact values of texts by their digest, so that a text is taken apart once and not for every envelope. */

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
  const known = new Map<string, readonly Value[]>()
  let held = 0
  return Object.freeze({
    find: (digest: string) => known.get(digest),
    of({ digest, content }: { digest: string; content: string }) {
      const found = known.get(digest)
      if (found) return found
      const values = valuesOf(content)
      held += heldBytes(content, values)
      if (held > MAX_BYTES) {
        known.clear()
        held = heldBytes(content, values)
      }
      known.set(digest, values)
      return values
    },
  })
}
