/**
 * Which entries of the execution history an envelope shows: all that hold a decision or a rejected option, the newest
 * others that fit a fifth of the budget, and one entry that says where the rest is. Entries never change their words.
 */

import type { CountTokens } from '../protocol/agent.ts'
import type { CompactedEntry, HistoryEntry } from '../protocol/envelope.ts'
import { historyLine } from '../protocol/render.ts'

export type HistoryPart = { entry: HistoryEntry; hop: number; envelope_id: string }

const isDecision = (entry: HistoryEntry) => entry.decision !== undefined || entry.rejected !== undefined

/** Parts oldest first, in and out; what is left out is named by one compacted entry at the front. */
export function fitHistory(
  parts: readonly HistoryPart[],
  before: CompactedEntry | undefined,
  max_tokens: number,
  count: CountTokens,
): (CompactedEntry | HistoryEntry)[] {
  const kept = new Set<HistoryPart>()
  let left = Math.floor(max_tokens / 5)
  const take = (candidates: readonly HistoryPart[]) => {
    for (const part of candidates.toReversed()) {
      const tokens = count(historyLine(part.entry)) + 1
      if (tokens > left) break
      left -= tokens
      kept.add(part)
    }
  }
  take(parts.filter((part) => isDecision(part.entry)))
  take(parts.filter((part) => !isDecision(part.entry)))
  const dropped = parts.filter((part) => !kept.has(part))
  const entries = parts.filter((part) => kept.has(part)).map((part) => part.entry)
  const newest = dropped.at(-1)
  const oldest = dropped[0]
  if (!newest || !oldest) return before ? [before, ...entries] : entries
  const compacted = {
    compacted: dropped.length + (before?.compacted ?? 0),
    from_hop: before?.from_hop ?? oldest.hop,
    to_hop: newest.hop,
    envelope_id: newest.envelope_id,
  }
  return [compacted, ...entries]
}
