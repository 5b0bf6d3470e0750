/** The exact values of memories, so that a text is taken apart once and not for every envelope of its task. */

import { type Value, valuesOf } from '../rules/values.ts'
import type { Row } from '../store/database.ts'

export type KnownValues = {
  /** Of the version that the row names; nothing when its text was not looked at yet. */
  find(row: Row): readonly Value[] | undefined
  /** Of the text of the row. */
  of(row: Row): readonly Value[]
}

/** Values held at most; then it starts anew. */
const MAX_VALUES = 500_000

export function createKnownValues(): KnownValues {
  const known = new Map<string, readonly Value[]>()
  let held = 0
  const keyOf = ({ ns, id, version, digest }: Row) => `${ns}\n${id}\n${version}\n${digest}`
  const find = (row: Row) => known.get(keyOf(row))
  return Object.freeze({
    find,
    of(row: Row) {
      const found = find(row)
      if (found) return found
      const values = valuesOf(String(row.content))
      held += values.length
      if (held > MAX_VALUES) {
        known.clear()
        held = values.length
      }
      known.set(keyOf(row), values)
      return values
    },
  })
}
