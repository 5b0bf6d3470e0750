/** Reading the term index: for each term of a query the passages that have it, as the rules want them. */

import { type Index, noPostings, type Postings } from '../rules/postings.ts'
import type { Query } from '../rules/query.ts'
import { hashOf } from '../rules/terms.ts'
import type { Row } from '../store/database.ts'
import { MAX_LENGTH, MAX_TIMES, postingsOf } from '../store/postings.ts'
import type { Service } from './context.ts'

/** Passages read for one query, shared by its terms, and for one term at least and at most. */
const READ = { all: 120_000, least: 2_000, most: 20_000 }

/** `totals`: the row of the namespace in index_totals. */
export async function readIndex(
  { database }: Service,
  ns: string,
  query: Query,
  totals: Row | undefined,
): Promise<Index> {
  const limit = Math.min(READ.most, Math.max(READ.least, Math.floor(READ.all / Math.max(1, query.terms.length))))
  const wanted = query.terms.map(({ term }, place) => ({ place, term: hashOf(term) }))
  const passages = Number(totals?.passages ?? 0)
  const tables = await Promise.all(
    postingsOf(database.dialect, wanted, { ns, limit }).map((statement) => database.read(statement)),
  )
  const postings: Postings[] = wanted.map(() => noPostings)
  for (const { place, found } of tables.flat())
    if (found !== null) postings[Number(place)] = toPostings(String(found), { limit, passages })
  return { passages, terms: Number(totals?.terms ?? 0), postings }
}

const ZERO = 48
const LENGTHS = MAX_LENGTH + 1
const REST = LENGTHS * (MAX_TIMES + 1)
/** A number and the space behind it have at least so many characters: a unit of one is REST * 1,024. */
const MIN_CHARS = 9

/** Reads the numbers digit by digit: there can be very many. */
function toPostings(found: string, { limit, passages }: { limit: number; passages: number }): Postings {
  const numbers = new Float64Array(Math.ceil((found.length + 1) / MIN_CHARS))
  let size = 0
  let number = 0
  for (let at = 0; at < found.length; at += 1) {
    const digit = found.charCodeAt(at) - ZERO
    if (digit >= 0) number = number * 10 + digit
    else {
      numbers[size] = number
      size += 1
      number = 0
    }
  }
  numbers[size] = number
  size += 1
  const ascending = inOrder(numbers.subarray(0, size))
  const [units, times, lengths] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)]
  for (let at = 0; at < size; at += 1) {
    const packed = ascending[at] ?? 0
    const unit = Math.floor(packed / REST)
    const rest = packed - unit * REST
    const length = rest % LENGTHS
    units[at] = unit
    times[at] = (rest - length) / LENGTHS
    lengths[at] = length
  }
  return { units, times, lengths, frequency: size < limit ? size : frequencyOf(units, passages) }
}

/** Ascending. They come descending, though no database promises that of a text it gathers. */
function inOrder(numbers: Float64Array): Float64Array {
  numbers.reverse()
  for (let at = 1; at < numbers.length; at += 1) if ((numbers[at] ?? 0) < (numbers[at - 1] ?? 0)) return numbers.sort()
  return numbers
}

/** Of a list that was cut at the newest: as dense before as it is there. */
function frequencyOf(units: Float64Array, passages: number): number {
  const [first = 0, last = 0] = [units[0], units.at(-1)]
  return Math.min(passages, Math.max(units.length, Math.round((units.length * last) / Math.max(1, last - first))))
}
