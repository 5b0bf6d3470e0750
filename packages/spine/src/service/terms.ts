/** The terms of memories, so that a text is taken apart once and not for every envelope that could carry it. */

import { termsOf } from '../rules/rank.ts'
import type { Row } from '../store/database.ts'

export type Terms = { of(row: Row): readonly string[] }

/** Terms held at most; then it starts anew. */
const MAX_TERMS = 2_000_000

export function createTerms(): Terms {
  const known = new Map<string, readonly string[]>()
  let held = 0
  return Object.freeze({
    of(row: Row) {
      const key = `${row.ns}\n${row.id}\n${row.version}\n${row.digest}`
      const found = known.get(key)
      if (found) return found
      const terms = termsOf(`${row.title ?? ''} ${row.content}`)
      held += terms.length
      if (held > MAX_TERMS) {
        known.clear()
        held = terms.length
      }
      known.set(key, terms)
      return terms
    },
  })
}
