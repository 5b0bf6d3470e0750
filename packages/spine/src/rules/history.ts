/**
 * Which entries of the execution history an envelope shows: all that hold a decision or a rejected option, the newest
 * others that fit a fifth of the budget, and one entry that says where the rest is. Where the decisions alone need more,
 * the oldest are shortened to what was decided, and only then dropped. What is shown of an entry are its own words.
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
  const room = Math.floor(max_tokens / 5)
  const cost = (entry: HistoryEntry) => count(historyLine(entry)) + 1
  const decisions = parts.filter((part) => isDecision(part.entry))
  const kept = fitDecisions(decisions, room, cost)
  // What was only done takes no room from what was decided.
  const others = kept.size < decisions.length ? [] : parts.filter((part) => !isDecision(part.entry))
  let left = room - [...kept.values()].reduce((sum, entry) => sum + cost(entry), 0)
  for (const part of others.toReversed()) {
    left -= cost(part.entry)
    if (left < 0) break
    kept.set(part, part.entry)
  }
  const dropped = parts.filter((part) => !kept.has(part))
  const entries = parts.flatMap((part) => kept.get(part) ?? [])
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

/** The decisions that fit, each as it is shown. */
function fitDecisions(
  parts: readonly HistoryPart[],
  room: number,
  cost: (entry: HistoryEntry) => number,
): Map<HistoryPart, HistoryEntry> {
  const kept = new Map(parts.map((part) => [part, part.entry]))
  let over = parts.reduce((sum, { entry }) => sum + cost(entry), 0) - room
  for (const part of parts) {
    if (over <= 0) break
    const short = shortOf(part.entry)
    const saved = cost(part.entry) - cost(short)
    if (saved <= 0) continue
    over -= saved
    kept.set(part, short)
  }
  for (const [part, entry] of kept) {
    if (over <= 0) break
    over -= cost(entry)
    kept.delete(part)
  }
  return kept
}

/** Who decided what, and against what. The whole entry is in the envelope that had it first. */
const shortOf = ({ agent, decision, rejected, memory_id, at }: HistoryEntry): HistoryEntry => ({
  agent,
  action: '',
  ...(decision === undefined ? {} : { decision }),
  ...(rejected === undefined ? {} : { rejected }),
  ...(memory_id === undefined ? {} : { memory_id }),
  ...(at === undefined ? {} : { at }),
  shortened: true,
})
