/**
 * What each signal is worth, in log odds that a token of the passage is needed. Fitted once, on questions with known
 * evidence over chats and meetings and on variants of them with long memories; one set for everything.
 */

export const weights = Object.freeze({
  /** BM25 of the passage itself. */
  own: 0.4,
  /** BM25 of what stands within some sentences of it, and the soft coverage of the query by it and its surroundings. */
  near: 1.38,
  around: 4.11,
  /** The same coverage by what stands before it: a reply carries on what was just said. */
  before: 1.54,
  /** BM25 of the terms within 500 tokens to each side, and of the whole session. */
  stretch: -0.3,
  session: 1.2,
  best_session: 0.5,
  /** Its author is named in the query, or another one is. */
  named: 0.55,
  /** It follows a question that matches. */
  answers: 1.79,
  asks: -0.46,
  /** Said on the day, or in the month, that the query names. */
  day: 4.24,
  month: 4.75,
  /** It has a time, a number, a name, and the query wants one. */
  time: 1.35,
  number: 1.11,
  name: 1.13,
  /** Its price: the logarithm of its tokens above 40, more so where lengths differ much, and of the whole memory. */
  long: -0.34,
  long_among_short: -3.09,
  long_memory: -0.5,
  /** What the sender said of it. */
  priority: 1,
  recent: 0.5,
  /** It was said last in the task at hand: what the next agent goes on from. Found on every other recorded run. */
  just_said: 5,
})

export type Signal = keyof typeof weights
