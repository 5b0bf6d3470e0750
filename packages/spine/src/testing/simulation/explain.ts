/**
 * Holds what happened against the model: there must be an order of the calls of a step in which the model gives each
 * caller the answer it got, and the table the rows it has. A call that was never answered, because the server died, may
 * have happened or not. One call alone has one order, so that then the model simply predicts.
 */

import {
  type Book,
  breakerDifference,
  copyPage,
  difference,
  emptyPage,
  openBook,
  type Page,
  type Standing,
} from './book.ts'
import type { Call } from './call.ts'
import type { Seen, SeenBreaker } from './seen.ts'

export type Observed = {
  now: number
  /** What the step wrote; after a crash, everything that something will happen to. */
  deliveries: ReadonlyMap<string, Seen>
  complete: boolean
  breakers: ReadonlyMap<string, SeenBreaker>
  /** Idempotency keys, read after a crash: a key may be all that an unanswered call left behind. */
  keys?: ReadonlySet<string>
}

/**
 * The page on which all of it is explained, or why it cannot be. With `strict`, breakers too: they hear of a move in a
 * commit of their own, so where calls run side by side or the server dies in between, they are only told.
 */
export function explain(
  calls: readonly Call[],
  standing: Standing,
  observed: Observed,
  strict: boolean,
): { page: Page } | { why: string } {
  let why = 'nothing happened, and still'
  let deepest = -1

  const fail = (depth: number, reason: string): undefined => {
    if (depth > deepest) {
      deepest = depth
      why = reason
    }
    return undefined
  }

  const search = (left: readonly Call[], page: Page): Page | undefined => {
    const depth = calls.length - left.length
    if (left.length === 0) {
      const book = openBook(standing, page, observed.now, observed.deliveries)
      const reason = tableDifference(book, standing, observed, strict)
      return reason === undefined ? page : fail(depth, reason)
    }
    for (const call of left) {
      const isFirst = call.lane === undefined || left.find(({ lane }) => lane === call.lane) === call
      if (!isFirst) continue
      const others = left.filter((other) => other !== call)
      const next = left.length === 1 && !call.lost ? page : copyPage(page)
      const due = call.apply(openBook(standing, next, observed.now, observed.deliveries))
      const fits = call.answer === undefined || due === undefined || due === call.answer
      if (!fits) fail(depth, `${call.words} was answered "${call.answer}", the model says "${due}"`)
      const found =
        (fits ? search(others, next) : undefined) ?? (call.lost ? search(others, copyPage(page)) : undefined)
      if (found) return found
    }
    return undefined
  }

  const page = search(calls, emptyPage())
  return page ? { page } : { why }
}

function tableDifference(book: Book, standing: Standing, observed: Observed, strict: boolean): string | undefined {
  const { page } = book
  const { deliveries, complete } = observed
  for (const due of page.deliveries.values()) {
    const unwritten = complete ? undefined : (standing.live.get(due.key) ?? standing.over.get(due.key))
    const reason = difference(due, deliveries.get(due.key) ?? unwritten)
    if (reason !== undefined) return reason
  }
  if (complete)
    for (const [key, row] of standing.live) {
      // What rests is not read; the sums over all rows watch it.
      if (page.deliveries.has(key) || (row.state === 'parked' && !deliveries.has(key))) continue
      const reason = difference(row, deliveries.get(key))
      if (reason !== undefined) return reason
    }
  for (const [key, row] of deliveries) {
    const due = book.find(key)
    if (!due) return `${key} comes from nowhere: it is ${row.state} in the table`
    const reason = page.deliveries.has(key) ? undefined : difference(due, row)
    if (reason !== undefined) return standing.over.has(key) ? `it was over, and still: ${reason}` : reason
  }
  const { keys } = observed
  if (keys) {
    const due = new Set([...standing.keys.keys(), ...book.page.keys.keys()])
    const other = due.symmetricDifference(keys)
    if (other.size > 0) return `the keys ${[...other].join(', ')} are not both in the table and in the model`
  }
  return strict ? breakerDifference(book, observed.breakers) : undefined
}
