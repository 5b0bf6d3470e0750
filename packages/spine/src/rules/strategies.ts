/** The strategies of an envelope: what each lets a memory have. All of them are policies over the same fit. */

import type { Strategy } from '../protocol/envelope.ts'

export type Policy = {
  /** Whether memories that are not pinned have content at all. */
  inline: boolean
  /** Tokens of content of a memory that is not pinned; a longer one is an excerpt. */
  most: number
  /** Everything in full, or the envelope is refused. */
  whole: boolean
  /** References to memories that nobody asked for. */
  references: number
}

const without_end = Number.POSITIVE_INFINITY

export const policies: Readonly<Record<Strategy, Policy>> = Object.freeze({
  priority: { inline: true, most: without_end, whole: false, references: 30 },
  summary_refs: { inline: true, most: 60, whole: false, references: without_end },
  lazy: { inline: false, most: 0, whole: false, references: without_end },
  full_dump: { inline: true, most: without_end, whole: true, references: 0 },
})
