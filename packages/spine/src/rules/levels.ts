/**
 * The level of each memory: full, excerpt, reference, or a receipt. Pins first, then what was asked for or is of high
 * priority, then the rest; within each the passages with the most value per token, until nothing more fits. A memory
 * that has nearly all of its passages is shown whole.
 */

import type { CountTokens } from '../protocol/agent.ts'
import type { Draft, EnvelopeMemory, Level, Strategy } from '../protocol/envelope.ts'
import { memoryLine, memoryPart, referenceText } from '../protocol/render.ts'
import { excerptOf, passagesText } from './excerpt.ts'
import type { RankedPassage } from './rank.ts'
import { policies } from './strategies.ts'
import { termsOf } from './terms.ts'

export type FitMemory = {
  /** As it would stand in the envelope, with its whole content. */
  memory: EnvelopeMemory & { content: string }
  /** The logarithm of its value per token. */
  score: number
  /** The order in which memories came: of two with the same score the newer one wins. */
  seq: number
  /** In the order of the text; together they are the whole content. */
  passages: readonly RankedPassage[]
  /** Asked for by id, in a range, in the history, or pinned: carried at least as a reference. */
  requested: boolean
  /** The memory that has taken its place. */
  replaced_by?: string
  /** Why it is there, strongest first. Asked of what is listed only. */
  explain?(): string[]
}

export type LevelsCall = { memories: readonly FitMemory[]; strategy: Strategy; count: CountTokens }

export type Choice = FitMemory & {
  level: Level | 'receipt'
  shown: EnvelopeMemory
  cost: number
  /** Why it is not shown better, where that is not for want of room. */
  why?: string
  /** The memory that is shown in its place. */
  instead?: string
  /** Tokens that its full text would have needed more. */
  full_needs?: number
}

/** Raw messages longer than this are shown as excerpts while others want the room. */
const MESSAGE_TOKENS = 200
/** From this share of its passages on, the whole memory is shown. */
const NEARLY_ALL = 0.7
/** What one memory may take of the room for all, while others want it. */
const ONE_OF_ALL = 0.5
/** The half of a memory, of which tokens are only known about, goes as one up to so many. */
const HALF = 0.51
const HALF_TOKENS = 400
/** A text from so many tokens on is not shown twice. "Yes." is another answer each time that it is given. */
const REPEATED_TOKENS = 5
/** Of the room, what is kept for references. */
const REFERENCES = 0.06
const MIN_EXCERPT_TOKENS = 24
/** About what a label costs, before it is counted. */
const ABOUT_LABEL = 12
const GAP_TOKENS = 2
/** What a reference costs at least. */
const MIN_REFERENCE = 3
/** Memories that are tried for a few sentences in what is left at the end. */
const LAST_TRIES = 12

export type Levels = {
  /** In the order in which they would be shown. */
  choices(): Choice[]
  /** Tokens that are kept for references, while anybody is waiting for one. */
  kept(): number
  /** Gives out so many tokens, which were kept for something else; false when nobody could use any. */
  giveOut(tokens: number): boolean
  /** Gives out so many tokens as references: many together take less than each of them alone. */
  refer(tokens: number): void
  /** Gives out the last tokens, where nothing else is coming: references, single passages, a few sentences. */
  finish(tokens: number): void
}

export function chooseLevels(call: LevelsCall, draft: Draft, free: number): Levels {
  const items = inOrder(call.memories)
  const table = createTable(call, draft, items, Math.max(0, free))
  const reserve = () => table.reserve(items.filter((item) => tierOf(item) < 2 && !table.has(item)))
  const isWaiting = () => items.some((item) => item.memory.priority === 'high' && !table.has(item))
  reserve()
  const kept = () => (table.refers(items) ? Math.floor(Math.max(0, free) * REFERENCES) : 0)
  for (const tier of [0, 1, 2] as const) {
    // What nobody asked for takes no room while something important has none.
    if (tier === 2 && isWaiting()) break
    const own = items.filter((item) => tierOf(item) === tier)
    table.fill(own, { keep: tier === 2 ? kept() : 0, crowded: true })
  }
  return Object.freeze({
    choices: table.choices,
    kept,
    giveOut: (tokens: number) => {
      table.setLeft(tokens)
      reserve()
      if (!isWaiting()) table.fill(items, { keep: kept(), crowded: true })
      return table.left() < tokens
    },
    refer: (tokens: number) => {
      table.setLeft(tokens)
      table.refer(items)
    },
    finish: (tokens: number) => {
      table.setLeft(tokens)
      if (!isWaiting()) for (const crowded of [true, false]) table.fill(items, { keep: kept(), crowded })
      table.refer(items)
      if (isWaiting()) return
      table.fill(items, { keep: 0, crowded: false })
      table.complete(items)
      table.lastSentences(items)
    },
  })
}

/** Pins, then what was asked for or is important, then the rest; each by its score, then the newer. */
function inOrder(memories: readonly FitMemory[]): FitMemory[] {
  return memories.toSorted(
    (left, right) => tierOf(left) - tierOf(right) || right.score - left.score || right.seq - left.seq,
  )
}

const isPin = ({ memory }: FitMemory): boolean => memory.pinned || memory.priority === 'critical'

const tierOf = (item: FitMemory): 0 | 1 | 2 =>
  isPin(item) ? 0 : item.requested || item.memory.priority === 'high' ? 1 : 2

/** Tokens of room, and who has been given which. */
function createTable(call: LevelsCall, draft: Draft, items: readonly FitMemory[], free: number) {
  const { count, strategy } = call
  const policy = policies[strategy]
  const wanted = new Set(termsOf(`${draft.task.summary} ${draft.task.intent}`))
  const barred = barredOf(call, draft, items)
  const given = new Map<FitMemory, Choice>()
  const parts = new Map<FitMemory, Set<number>>()
  let left = free
  let { references } = policy

  const shownAt = ({ memory: { content: _content, ...rest } }: FitMemory, level: Level, content?: string) =>
    content === undefined ? { ...rest, level } : { ...rest, level, content }
  const at = (item: FitMemory, level: Level, content?: string): Choice => {
    // Known memories are whole: their part of the text is the same every time.
    const shown = level === 'full' ? item.memory : shownAt(item, level, content)
    const cost = level === 'ref' ? count(referenceText(shown)) + 1 : count(memoryPart(shown))
    return { ...item, level, shown, cost }
  }
  const roomFor = (item: FitMemory) => left + (given.get(item)?.cost ?? 0)
  const give = (item: FitMemory, choice: Choice | undefined): boolean => {
    if (!choice || choice.cost > roomFor(item)) return false
    left = roomFor(item) - choice.cost
    given.set(item, choice)
    return true
  }
  const most = (item: FitMemory, crowded: boolean): number => {
    if (isPin(item)) return crowded && items.length > 1 ? free * ONE_OF_ALL : free
    const message = strategy === 'priority' && item.memory.kind === 'message' ? MESSAGE_TOKENS : free
    return Math.min(policy.most, ...(crowded && items.length > 1 ? [message, free * ONE_OF_ALL] : [free]))
  }
  const open = (item: FitMemory) => !barred.has(item) && given.get(item)?.level !== 'full'

  /** The text of these passages; undefined when even the best of them has no room. */
  const excerpt = (item: FitMemory, chosen: ReadonlySet<number>): Choice | undefined => {
    const { memory, passages } = item
    const worst = [...chosen].sort((a, b) => (passages[b]?.score ?? 0) - (passages[a]?.score ?? 0) || a - b)
    for (; worst.length > 0; worst.pop()) {
      const choice = at(item, 'excerpt', passagesText(memory.content, passages, new Set(worst)))
      if (choice.cost <= roomFor(item)) return choice
    }
    return undefined
  }
  const sentences = (item: FitMemory, tokens: number): Choice | undefined => {
    const label = count(memoryLine({ ...item.memory, level: 'excerpt', content: '' })) + GAP_TOKENS
    const allowance = Math.min(tokens, roomFor(item) - label)
    if (allowance < MIN_EXCERPT_TOKENS) return undefined
    const text = excerptOf(item.memory.content, wanted, termsOf, allowance, count)
    return text === undefined ? undefined : at(item, 'excerpt', text)
  }
  const tokensOf = (item: FitMemory) =>
    [...(parts.get(item) ?? [])].reduce((sum, place) => sum + (item.passages[place]?.tokens ?? 0), 0)
  const whole = (item: FitMemory, limit: number, share: number): boolean => {
    const { memory } = item
    const worth = tokensOf(item) >= memory.tokens * share && memory.tokens <= limit
    return worth && give(item, at(item, 'full', memory.content))
  }
  const show = (item: FitMemory, limit: number): boolean => {
    const { memory, passages } = item
    if (whole(item, limit, 1)) return true
    if (policy.whole) return false
    if (policy.most < memory.tokens && !isPin(item)) return give(item, sentences(item, policy.most))
    return passages.length > 1 && give(item, excerpt(item, parts.get(item) ?? new Set()))
  }

  /** By value, passage after passage, until nothing more fits; `keep` tokens are left for others. */
  const fill = (own: readonly FitMemory[], { keep, crowded }: { keep: number; crowded: boolean }) => {
    const candidates = own.filter(open)
    for (const item of candidates.filter(isPin)) give(item, fullIfItFits(item))
    const entries = candidates
      .filter(open)
      .flatMap((item) => offersOf(item, parts.get(item)))
      .sort((a, b) => b.score - a.score || b.item.seq - a.item.seq || a.place - b.place)
    let room = left - keep
    const changed = new Set<FitMemory>()
    // A memory whose better passage has no room is not shown by a worse one.
    const closed = new Set<FitMemory>()
    const take = ({ item, places, tokens }: Offer, limit: number): boolean => {
      const chosen = parts.get(item) ?? new Set<number>()
      const has = tokensOf(item)
      const own = Math.min(tokens, policy.most)
      const gaps = chosen.size === 0 ? ABOUT_LABEL - (given.get(item)?.cost ?? 0) : GAP_TOKENS
      if (own + gaps > room || has + own > limit) return false
      room -= own + gaps
      for (const place of places) chosen.add(place)
      parts.set(item, chosen)
      changed.add(item)
      return true
    }
    for (const offer of entries) {
      const { item } = offer
      if (closed.has(item)) continue
      const limit = most(item, crowded)
      const [best] = offer.places
      if (take(offer, offer.places.length > 1 ? Math.max(limit, HALF_TOKENS) : limit)) continue
      // Half of it has no room: its best passage may go where nobody else wants the room.
      const alone = crowded || best === undefined || offer.places.length === 1 ? undefined : offerOf(item, [best])
      if (!alone || !take(alone, limit)) closed.add(item)
    }
    for (const item of own) if (changed.has(item) && !show(item, most(item, crowded))) undo(item)
  }
  const fullIfItFits = (item: FitMemory): Choice | undefined =>
    item.memory.tokens <= left ? at(item, 'full', item.memory.content) : undefined
  /** What had no room after all is not counted as chosen. */
  const undo = (item: FitMemory) => {
    if (given.get(item)?.level === undefined || given.get(item)?.level === 'ref') parts.delete(item)
  }

  return {
    has: (item: FitMemory) => given.has(item),
    left: () => left,
    setLeft: (tokens: number) => {
      left = tokens
    },
    fill,
    /** Of what is asked for or important, at least the name is there. */
    reserve: (own: readonly FitMemory[]) => {
      for (const item of own) give(item, at(item, 'ref'))
    },
    /** Whether anybody is still waiting for a reference. */
    refers: (all: readonly FitMemory[]) => references > 0 && all.some((item) => !given.has(item)),
    refer: (all: readonly FitMemory[]) => {
      for (const item of all) {
        if (references === 0 || left < MIN_REFERENCE) return
        if (!given.has(item) && give(item, at(item, 'ref'))) references -= 1
      }
    },
    /** Of whom nearly all is shown has the rest, too, once everybody else has been asked. */
    complete: (all: readonly FitMemory[]) => {
      for (const item of all) if (given.get(item)?.level === 'excerpt') whole(item, most(item, false), NEARLY_ALL)
    },
    lastSentences: (all: readonly FitMemory[]) => {
      if (policy.whole) return
      const without = all.filter((item) => open(item) && given.get(item)?.shown.content === undefined)
      for (const item of without.slice(0, LAST_TRIES)) give(item, sentences(item, most(item, false)))
    },
    choices: (): Choice[] =>
      items.map((item) => {
        const choice = given.get(item) ?? { ...item, level: 'receipt' as const, shown: shownAt(item, 'ref'), cost: 0 }
        const bar = barred.get(item)
        const full_needs = Math.max(1, item.memory.tokens + ABOUT_LABEL - choice.cost - Math.max(0, left))
        return choice.level === 'full' ? choice : { ...choice, ...(bar ?? { full_needs }) }
      }),
  }
}

/** Passages of one memory that go together, the best one first. */
type Offer = { item: FitMemory; place: number; places: readonly number[]; tokens: number; score: number }

function offerOf(item: FitMemory, places: readonly number[]): Offer {
  const [place = 0] = places
  const tokens = places.reduce((sum, one) => sum + (item.passages[one]?.tokens ?? 0), 0)
  return { item, place, places, tokens, score: item.passages[place]?.score ?? 0 }
}

/**
 * What a memory has to offer beside what is `taken` of it: at first its best passages up to half of it, for a sliver of
 * a text tells less than half of it, then the others one by one. Of a long one each passage alone.
 */
function offersOf(item: FitMemory, taken: ReadonlySet<number> | undefined): Offer[] {
  const { passages, memory } = item
  const free = [...passages.keys()].filter((place) => !taken?.has(place))
  if (taken?.size || passages.length === 1) return free.map((place) => offerOf(item, [place]))
  const best = free.toSorted((a, b) => (passages[b]?.score ?? 0) - (passages[a]?.score ?? 0) || a - b)
  let tokens = 0
  let together = 0
  for (; together < best.length && tokens < memory.tokens * HALF; together += 1)
    tokens += passages[best[together] ?? 0]?.tokens ?? 0
  if (tokens > HALF_TOKENS) return free.map((place) => offerOf(item, [place]))
  return [best.slice(0, together), ...best.slice(together).map((place) => [place])].map((places) =>
    offerOf(item, places),
  )
}

/** Why a memory has no content, and which one has it instead. */
type Bar = { why: string; instead?: string }

/** What has no content however much room there is, and why. A full dump is everything, also twice. */
function barredOf(call: LevelsCall, draft: Draft, items: readonly FitMemory[]): Map<FitMemory, Bar> {
  const barred = new Map<FitMemory, Bar>()
  const policy = policies[call.strategy]
  if (policy.whole) return barred
  const settled = (draft.task.state.decisions?.length ?? 0) > 0
  const said = saidIn(draft)
  const first = new Map<string, string>()
  const ids = new Set(items.map(({ memory }) => memory.id))
  for (const item of items) {
    const { memory, replaced_by } = item
    const same = memory.tokens < REPEATED_TOKENS ? undefined : first.get(memory.digest)
    if (same === undefined) first.set(memory.digest, memory.id)
    // A short text costs no more than its id.
    const long = memory.tokens >= MIN_EXCERPT_TOKENS
    if (same !== undefined) barred.set(item, { why: 'a duplicate', instead: same })
    else if (replaced_by !== undefined && ids.has(replaced_by))
      barred.set(item, { why: 'replaced', instead: replaced_by })
    else if (isPin(item)) continue
    else if (long && said.some((text) => text.includes(memory.content.trim())))
      barred.set(item, { why: 'said in the task' })
    else if (!policy.inline) barred.set(item, { why: 'references only' })
    else if (settled && memory.kind === 'reasoning') barred.set(item, { why: 'the decision is taken' })
  }
  return barred
}

/** The texts that the envelope shows anyway. */
function saidIn({ task, receipts }: Draft): string[] {
  const whole = (part: 'intent' | 'summary') => !receipts.shortened?.some((shortened) => shortened.part === part)
  return (['intent', 'summary'] as const).filter(whole).map((part) => task[part])
}
