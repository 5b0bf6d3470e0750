/**
 * The signals of each passage for a query, from the index and from what is kept with a memory; no text is read here.
 * Neighbours count by their distance in tokens within a session, so that the same formula serves chats, meetings and
 * long notes. All values are taken over the same candidates in the same order, so that sums agree to the last bit.
 */

import { agreement } from './dates.ts'
import { marks } from './marks.ts'
import type { Passage } from './passages.ts'
import { averageLength, B, type Index, K1, type Postings, placeFrom, rarity, unitOf } from './postings.ts'
import type { Query } from './query.ts'
import type { Signal } from './weights.ts'

/** What is kept of a memory besides its text. */
export type Candidate = {
  id: string
  /** The order in which memories came. */
  seq: number
  /** Memories of one session are neighbours. */
  session: string
  /** Tokens of its session before it. */
  place: number
  author: string
  created_at: number
  tokens: number
  passages: readonly Passage[]
}

/** A passage of a candidate with what the query finds in it. */
export type Unit<C extends Candidate> = { memory: C; passage: Passage; at: number }

export type Features = { [name in Signal]?: Float64Array }

const NEAR_TOKENS = 60
const AROUND_TOKENS = 300
const BEFORE_TOKENS = 200
const STRETCH_TOKENS = 500
/** Tokens that a label costs. */
const LABEL_TOKENS = 10
/** The logarithm of what a short passage costs. */
const SHORT = Math.log(40)

/** By session, in the order in which they were said. */
export function unitsOf<C extends Candidate>(candidates: readonly C[]): Unit<C>[] {
  const units: Unit<C>[] = []
  const sessions = [...Map.groupBy(candidates, ({ session }) => session)]
  for (const [, memories] of sessions.sort(([left], [right]) => (left < right ? -1 : 1)))
    for (const memory of memories.sort((left, right) => left.seq - right.seq))
      for (const [at, passage] of memory.passages.entries()) units.push({ memory, passage, at })
  return units
}

export function featuresOf(units: readonly Unit<Candidate>[], query: Query, index: Index): Features {
  const size = units.length
  const column = () => new Float64Array(size)
  const sessions = sessionsOf(units)
  const middle = middlesOf(units)
  const [nearer, wider, preceding] = [NEAR_TOKENS, AROUND_TOKENS, BEFORE_TOKENS].map((tokens) =>
    fadingOf(middle, sessions, tokens),
  ) as [Float64Array, Float64Array, Float64Array]
  const numbers = numbersOf(units)
  const average = averageLength(index)
  const worth = query.terms.map(
    ({ weight }, term) => weight * rarity(index.passages, index.postings[term]?.frequency ?? 0),
  )

  const own = column()
  const near = column()
  const around = column()
  const before = column()
  const stretch = column()
  const covered = column()
  const inSession = column()
  const sizes = column()
  for (let at = 0; at < size; at += 1) sizes[at] = units[at]?.passage.tokens ?? 0
  const sessionSizes = sessions.map(({ from, to }) => sum(sizes, from, to))
  // Written anew for each term.
  const [times, lengths, soft, close, wide, earlier, within] = Array.from({ length: 7 }, column) as Columns
  const sessionAverage = Math.max(1, sum(sizes, 0, size) / Math.max(1, sessions.length))
  for (const [term, postings] of index.postings.entries()) {
    countInto(times, lengths, numbers, postings)
    const value = worth[term] ?? 0
    for (let unit = 0; unit < size; unit += 1) {
      const count = times[unit] ?? 0
      soft[unit] = count > 0 ? count / (count + 0.5) : 0
    }
    const totals = sessions.map(({ from, to }) => sum(times, from, to))
    const said = sessions.filter((_, place) => (totals[place] ?? 0) > 0)
    kernelInto(close, soft, nearer, said)
    kernelInto(wide, soft, wider, said)
    kernelInto(earlier, soft, preceding, said, 'before')
    windowsInto(within, times, middle, said)
    const sessionWorth = (query.terms[term]?.weight ?? 1) * rarity(sessions.length, said.length)
    for (let unit = 0; unit < size; unit += 1) {
      const count = times[unit] ?? 0
      if (count > 0) {
        own[unit] = (own[unit] ?? 0) + saturated(value, count, K1 * (1 - B + (B * (lengths[unit] ?? 0)) / average))
        covered[unit] = (covered[unit] ?? 0) + value
      }
      const a = close[unit] ?? 0
      near[unit] = (near[unit] ?? 0) + (value * a) / (a + 1)
      const b = wide[unit] ?? 0
      around[unit] = (around[unit] ?? 0) + value * (count > 0 ? 1 : b / (b + 1))
      const c = earlier[unit] ?? 0
      before[unit] = (before[unit] ?? 0) + value * (count > 0 ? 1 : c / (c + 1))
      stretch[unit] = (stretch[unit] ?? 0) + saturated(value, within[unit] ?? 0, K1)
    }
    for (const [place, { from, to }] of sessions.entries()) {
      const total = totals[place] ?? 0
      if (total === 0) continue
      const norm = K1 * (1 - B + (B * (sessionSizes[place] ?? 0)) / sessionAverage)
      const score = saturated(sessionWorth, total, norm)
      for (let unit = from; unit < to; unit += 1) inSession[unit] = (inSession[unit] ?? 0) + score
    }
  }
  const whole = worth.reduce((total, value) => total + value, 0) || 1
  normalise(own)
  return {
    own,
    near: normalise(near),
    around: normalise(around),
    before: normalise(before),
    stretch: normalise(stretch),
    session: normalise(inSession),
    best_session: bestSession(own, sessions),
    answers: answering(
      units,
      sessions,
      own,
      covered.map((value) => value / whole),
    ),
    ...seenFeatures(units, query),
    ...prices(units),
  }
}

type Session = { from: number; to: number }
type Column = Float64Array<ArrayBuffer>
type Columns = [Column, Column, Column, Column, Column, Column, Column]

function sessionsOf(units: readonly Unit<Candidate>[]): Session[] {
  const sessions: Session[] = []
  for (let unit = 0; unit < units.length; unit += 1) {
    const last = sessions.at(-1)
    if (last && units[last.from]?.memory.session === units[unit]?.memory.session) last.to = unit + 1
    else sessions.push({ from: unit, to: unit + 1 })
  }
  return sessions
}

/** The middle of each passage on the axis of tokens of its session. */
function middlesOf(units: readonly Unit<Candidate>[]): Float64Array {
  const middles = new Float64Array(units.length)
  let before = 0
  for (const [place, { memory, passage, at }] of units.entries()) {
    if (at === 0) before = memory.place
    middles[place] = before + passage.tokens / 2
    before += passage.tokens
  }
  return middles
}

function numbersOf(units: readonly Unit<Candidate>[]): Float64Array {
  const numbers = new Float64Array(units.length)
  for (const [place, { memory, at }] of units.entries()) numbers[place] = unitOf(memory.seq, at)
  return numbers
}

/**
 * How often a term stands in each unit, and the terms of those that have it. Units ascend within a session, so that the
 * next one is looked for from where the last one was.
 */
function countInto(times: Float64Array, lengths: Float64Array, numbers: Float64Array, postings: Postings): void {
  const { units } = postings
  let at = 0
  for (let place = 0; place < numbers.length; place += 1) {
    const number = numbers[place] ?? 0
    at = placeFrom(units, number, (units[at - 1] ?? 0) < number ? at : 0)
    const found = units[at] === number
    times[place] = found ? (postings.times[at] ?? 0) : 0
    if (found) lengths[place] = postings.lengths[at] ?? 0
  }
}

const saturated = (worth: number, count: number, norm: number): number =>
  count === 0 ? 0 : (worth * count * (K1 + 1)) / (count + norm)

function sum(values: Float64Array, from: number, to: number): number {
  let total = 0
  for (let at = from; at < to; at += 1) total += values[at] ?? 0
  return total
}

/** What is left of a count from one unit to the next of its session, by the tokens between their middles. */
function fadingOf(middle: Float64Array, sessions: readonly Session[], tokens: number): Float64Array {
  const left = new Float64Array(middle.length)
  for (const { from, to } of sessions)
    for (let at = from + 1; at < to; at += 1)
      left[at] = Math.exp(-Math.abs((middle[at] ?? 0) - (middle[at - 1] ?? 0)) / tokens)
  return left
}

/**
 * For each unit the others of its session, each counted for less the more tokens lie between; 0 in other sessions than
 * `said`.
 */
function kernelInto(
  sums: Float64Array,
  values: Float64Array,
  fading: Float64Array,
  said: readonly Session[],
  sides: 'both' | 'before' = 'both',
): void {
  sums.fill(0)
  for (const { from, to } of said) {
    let carried = 0
    for (let at = from + 1; at < to; at += 1) {
      carried = (carried + (values[at - 1] ?? 0)) * (fading[at] ?? 0)
      sums[at] = carried
    }
    if (sides === 'before') continue
    carried = 0
    for (let at = to - 2; at >= from; at -= 1) {
      carried = (carried + (values[at + 1] ?? 0)) * (fading[at + 1] ?? 0)
      sums[at] = (sums[at] ?? 0) + carried
    }
  }
}

/** The counts within so many tokens to each side, itself included; 0 in other sessions than `said`. */
function windowsInto(sums: Float64Array, times: Float64Array, middle: Float64Array, said: readonly Session[]): void {
  sums.fill(0)
  for (const { from, to } of said) {
    let [first, next, total] = [from, from, 0]
    for (let at = from; at < to; at += 1) {
      while (next < to && (middle[next] ?? 0) <= (middle[at] ?? 0) + STRETCH_TOKENS) {
        total += times[next] ?? 0
        next += 1
      }
      while ((middle[first] ?? 0) < (middle[at] ?? 0) - STRETCH_TOKENS) {
        total -= times[first] ?? 0
        first += 1
      }
      sums[at] = total
    }
  }
}

function normalise(values: Float64Array): Float64Array {
  let most = 0
  for (const value of values) if (value > most) most = value
  if (most > 0) for (let at = 0; at < values.length; at += 1) values[at] = (values[at] ?? 0) / most
  return values
}

function bestSession(own: Float64Array, sessions: readonly Session[]): Float64Array {
  const column = new Float64Array(own.length)
  let best = -1
  for (let at = 0; at < own.length; at += 1)
    if ((own[at] ?? 0) > 0 && (best < 0 || (own[at] ?? 0) > (own[best] ?? 0))) best = at
  const session = sessions.find(({ from, to }) => best >= from && best < to)
  return session ? column.fill(1, session.from, session.to) : column
}

/** The unit before ends with a question, and that question matches. */
function answering(
  units: readonly Unit<Candidate>[],
  sessions: readonly Session[],
  own: Float64Array,
  covered: Float64Array,
): Float64Array {
  const column = new Float64Array(units.length)
  for (const { from, to } of sessions)
    for (let at = from + 1; at < to; at += 1)
      if ((units[at - 1]?.passage.marks ?? 0) & marks.asks)
        column[at] = Math.max(own[at - 1] ?? 0, 0.5 * (covered[at - 1] ?? 0))
  return column
}

function seenFeatures(units: readonly Unit<Candidate>[], { dates, authors, wants }: Query): Features {
  const size = units.length
  const column = () => new Float64Array(size)
  const [named, asks, day, month] = [column(), column(), column(), column()]
  const [time, number, name] = [column(), column(), column()]
  const has = (seen: number, mark: number) => (wants & seen & mark ? 1 : 0)
  for (const [at, { memory, passage }] of units.entries()) {
    if (authors.size > 0) named[at] = authors.has(memory.author) ? 1 : -1
    asks[at] = passage.marks & marks.ends_asking ? 1 : 0
    time[at] = has(passage.marks, marks.time)
    number[at] = has(passage.marks, marks.number)
    name[at] = has(passage.marks, marks.name)
    if (dates.length === 0) continue
    const agrees = agreement(memory.created_at, dates)
    day[at] = agrees.day
    month[at] = agrees.month
  }
  return { named, asks, day, month, time, number, name }
}

function prices(units: readonly Unit<Candidate>[]): Features {
  const size = units.length
  const logs = new Float64Array(units.map(({ passage }) => Math.log(passage.tokens + LABEL_TOKENS)))
  const mean = sum(logs, 0, size) / Math.max(1, size)
  let squares = 0
  for (const log of logs) squares += (log - mean) ** 2
  const differs = Math.min(1, Math.max(0, (Math.sqrt(squares / Math.max(1, size)) - 0.5) / 0.4))
  const [long, among, whole] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)]
  for (const [at, { memory, passage }] of units.entries()) {
    const log = (logs[at] ?? 0) - SHORT
    const above = Math.max(0, log)
    long[at] = above
    among[at] = above * differs
    whole[at] = memory.tokens === passage.tokens ? above : Math.max(0, Math.log(memory.tokens + LABEL_TOKENS) - SHORT)
  }
  return { long, long_among_short: among, long_memory: whole }
}
