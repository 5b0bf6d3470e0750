/**
 * What ranking and fitting need of memories, kept for a while, so that a row is read once and not for every envelope. A
 * memory is known by its number, and what is kept of it is good for one stamp: whoever asks has read the stamp that it
 * has now, and another node may have changed it since.
 */

import type { EnvelopeMemory } from '../protocol/envelope.ts'
import type { RankCandidate } from '../rules/rank.ts'

export type KnownCandidate = RankCandidate & {
  pinned: boolean
  /** See store/memories.ts. */
  stamp: number
}

/** As an envelope carries it, before it is said why. */
export type KnownText = { memory: EnvelopeMemory & { content: string }; stamp: number }

export type KnownMemories = {
  /** Nothing when it is not known as it is at this stamp. */
  candidate(ns: string, seq: number, stamp: number): KnownCandidate | undefined
  keepCandidate(ns: string, candidate: KnownCandidate): void
  text(ns: string, seq: number, stamp: number): KnownText | undefined
  keepText(ns: string, seq: number, text: KnownText): void
}

/** Passages and characters held at most; about 30 MB of each. */
const MAX_PASSAGES = 60_000
const MAX_CHARS = 12_000_000
/** About what a text takes beside its characters. */
const TEXT_CHARS = 300

export function createKnownMemories(): KnownMemories {
  const candidates = createRecent(MAX_PASSAGES, (candidate: KnownCandidate) => candidate.passages.length)
  const texts = createRecent(MAX_CHARS, ({ memory }: KnownText) => memory.content.length + TEXT_CHARS)
  return Object.freeze({
    candidate: candidates.find,
    keepCandidate: (ns: string, candidate: KnownCandidate) => candidates.keep(ns, candidate.seq, candidate),
    text: texts.find,
    keepText: texts.keep,
  })
}

type Held<V> = Map<string, Map<number, V>>

/** What was used last, up to `most` in all: of two halves the one that was not used for longer is forgotten as one. */
function createRecent<V extends { stamp: number }>(most: number, sizeOf: (value: V) => number) {
  let newer: Held<V> = new Map()
  let older: Held<V> = new Map()
  let held = 0
  const keep = (ns: string, seq: number, value: V): void => {
    held += sizeOf(value)
    if (held > most / 2) {
      older = newer
      newer = new Map()
      held = sizeOf(value)
    }
    const own = newer.get(ns)
    if (own) own.set(seq, value)
    else newer.set(ns, new Map([[seq, value]]))
  }
  const find = (ns: string, seq: number, stamp: number): V | undefined => {
    const known = newer.get(ns)?.get(seq)
    if (known) return known.stamp === stamp ? known : undefined
    const before = older.get(ns)?.get(seq)
    if (before?.stamp !== stamp) return undefined
    keep(ns, seq, before)
    return before
  }
  return { find, keep }
}
