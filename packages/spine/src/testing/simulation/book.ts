/**
 * The model's book: deliveries and breakers as they should stand. Rules write into a page laid over what stood before
 * the step, so that several orders of the same operations can be tried. What the model cannot know is written as TOLD
 * (it is then taken from the table) or as a span of times.
 */

import type { Seen, SeenBreaker, Sums } from './seen.ts'

export const TOLD: unique symbol = Symbol('told by the table')
/** At least, at most. */
export type Span = readonly [from: number, to: number]

/** A delivery as it should stand. */
export type Due = Omit<Seen, 'id' | 'token' | 'successor' | 'ready_at' | 'settled_at'> & {
  id: string | typeof TOLD
  token: string | null | typeof TOLD
  successor: string | null | typeof TOLD
  ready_at: number | Span
  settled_at: number | null | typeof TOLD
}

export type Page = {
  readonly deliveries: Map<string, Due>
  readonly breakers: Map<string, SeenBreaker | undefined>
  /** Idempotency keys, and the bodies they were used with. */
  readonly keys: Map<string, string>
}

export type Book = {
  readonly now: number
  find(key: string): Due | undefined
  byId(id: string): Due | undefined
  /** Those that are not over, of one target or of all. */
  live(target?: string): Due[]
  put(row: Due): void
  breaker(target: string): SeenBreaker | undefined
  breakers(): SeenBreaker[]
  putBreaker(target: string, breaker: SeenBreaker | undefined): void
  /** The body that an idempotency key stands for. */
  bodyOf(key: string): string | undefined
  putKey(key: string, body: string): void
  /** What the table says after the step: for what the model must be told. */
  readonly seen: ReadonlyMap<string, Seen>
  readonly page: Page
}

/** What stood after the step before. */
export type Standing = {
  /** Sums over all deliveries. */
  readonly sums: Sums
  readonly live: Map<string, Seen>
  /** Terminal ones: nothing may touch them any more. */
  readonly over: Map<string, Seen>
  readonly ids: Map<string, string>
  readonly keys: Map<string, string>
  breakers: Map<string, SeenBreaker>
}

export const emptyStanding = (): Standing => ({
  sums: [0, 0, 0, 0, 0, 0],
  live: new Map(),
  over: new Map(),
  ids: new Map(),
  keys: new Map(),
  breakers: new Map(),
})

export const emptyPage = (): Page => ({ deliveries: new Map(), breakers: new Map(), keys: new Map() })
export const copyPage = (page: Page): Page => ({
  deliveries: new Map(page.deliveries),
  breakers: new Map(page.breakers),
  keys: new Map(page.keys),
})

export function openBook(standing: Standing, page: Page, now: number, seen: ReadonlyMap<string, Seen>): Book {
  const find = (key: string): Due | undefined =>
    page.deliveries.get(key) ?? standing.live.get(key) ?? standing.over.get(key)
  const breaker = (target: string) =>
    page.breakers.has(target) ? page.breakers.get(target) : standing.breakers.get(target)
  return {
    now,
    seen,
    page,
    find,
    byId(id) {
      const key = standing.ids.get(id)
      if (key !== undefined) return find(key)
      for (const row of page.deliveries.values()) if (row.id === id) return row
      return undefined
    },
    live(target) {
      const rows: Due[] = []
      const take = (row: Due) => {
        if (target === undefined || row.target === target) rows.push(row)
      }
      for (const [key, row] of standing.live) if (!page.deliveries.has(key)) take(row)
      for (const row of page.deliveries.values()) take(row)
      return rows
    },
    put: (row) => void page.deliveries.set(row.key, row),
    breaker,
    breakers: () =>
      [...new Set([...standing.breakers.keys(), ...page.breakers.keys()])].flatMap((target) => breaker(target) ?? []),
    putBreaker: (target, row) => void page.breakers.set(target, row),
    bodyOf: (key) => page.keys.get(key) ?? standing.keys.get(key),
    putKey: (key, body) => void page.keys.set(key, body),
  }
}

/** What the table says otherwise than the model; undefined when they agree. */
export function difference(due: Due, seen: Seen | undefined): string | undefined {
  if (!seen) return `${due.key} is ${due.state} in the model and not in the table`
  for (const name of Object.keys(seen) as (keyof Seen)[]) {
    const expected = due[name]
    const found = seen[name]
    if (expected === found || expected === TOLD || name === 'updated_at' || name === 'settled_at') continue
    if (Array.isArray(expected) && Number(found) >= expected[0] && Number(found) <= expected[1]) continue
    return `${due.key}: ${name} is ${found}, the model says ${Array.isArray(expected) ? expected.join('..') : String(expected)}`
  }
  return undefined
}

export function breakerDifference(book: Book, seen: ReadonlyMap<string, SeenBreaker>): string | undefined {
  const due = new Map(book.breakers().map((row) => [row.target, row]))
  for (const target of new Set([...due.keys(), ...seen.keys()])) {
    const expected = due.get(target)
    const found = seen.get(target)
    if (JSON.stringify(wordsOf(expected)) !== JSON.stringify(wordsOf(found)))
      return `the breaker of ${target} is ${JSON.stringify(wordsOf(found))}, the model says ${JSON.stringify(wordsOf(expected))}`
  }
  return undefined
}

const wordsOf = (row: SeenBreaker | undefined) =>
  row && [row.state, row.failures, row.claimed, row.open_until, row.cooldown_ms, row.probe_id]
