/**
 * What each signal is worth, in log odds that a token of the passage is needed. Fitted once, on questions with known
 * evidence over chats and meetings and on variants of them with long memories; one set for everything.
 */

export const weights = Object.freeze({
  /** BM25 of the passage itself. */
  own: 0.6,
  /** BM25 of what stands within some sentences of it, and the soft coverage of the query by it and its surroundings. */
  near: 1.1,
  around: 4.25,
  /** BM25 of the terms within 500 tokens to each side, and of the whole session. */
  stretch: 0.95,
  session: 1,
  best_session: 0.85,
  /** Its author is named in the query, or another one is. */
  named: 0.6,
  /** It follows a question that matches. */
  answers: 1.75,
  asks: -0.75,
  /** Said on the day, or in the month, that the query names. */
  day: 3.7,
  month: 4.55,
  /** It has a time, a number, a name, and the query wants one. */
  time: 1.5,
  number: 1.15,
  name: 1.55,
  /** Two words of the query side by side; words that begin like those of the query. */
  pair: 0.45,
  alike: 0.75,
  /** Its price: the logarithm of its tokens above 40, more so where lengths differ much, and of the whole memory. */
  long: -0.2,
  long_among_short: -2.3,
  long_memory: -0.9,
  /** What the sender said of it. */
  priority: 1,
  recent: 0.5,
})

export type Signal = keyof typeof weights
