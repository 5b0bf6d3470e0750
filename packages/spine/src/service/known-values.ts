/** The exact values of texts by their digest, so that a text is taken apart once and not for every envelope. */

import { type Value, valuesOf } from '../rules/values.ts'

export type KnownValues = {
  /** Nothing when the text with this digest was not looked at yet. */
  find(digest: string): readonly Value[] | undefined
  of(text: { digest: string; content: string }): readonly Value[]
}

/** Values and texts held at most; then it starts anew. */
const MAX_HELD = 500_000

export function createKnownValues(): KnownValues {
  const known = new Map<string, readonly Value[]>()
  let held = 0
  return Object.freeze({
    find: (digest: string) => known.get(digest),
    of({ digest, content }: { digest: string; content: string }) {
      const found = known.get(digest)
      if (found) return found
      const values = valuesOf(content)
      held += values.length + 1
      if (held > MAX_HELD) {
        known.clear()
        held = values.length + 1
      }
      known.set(digest, values)
      return values
    },
  })
}
