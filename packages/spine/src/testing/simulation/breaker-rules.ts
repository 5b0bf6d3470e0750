/** What the model knows of breakers, in its own words: who may receive, and what an outcome does. */

import { breakerDefaults } from '../../protocol/delivery.ts'
import { type Book, type Due, TOLD } from './book.ts'

export type Heard = 'exhausted' | 'retry' | 'arrived' | 'released'

/** How long nothing is handed out; 0 when one probe may be, undefined when there is nothing to fear. */
export function closedFor(book: Book, target: string): number | undefined {
  const row = book.breaker(target)
  if (!row || row.state === 'closed') return undefined
  if (row.state === 'half_open') return breakerDefaults.probe_poll_ms
  return row.claimed === 0 ? 0 : Math.max(0, Number(row.open_until) - book.now)
}

/** A delivery got somewhere, and the breaker of its target hears of it. */
export function hear(book: Book, delivery: Due, heard: Heard): void {
  const { target } = delivery
  const row = book.breaker(target)
  const is_probe = row !== undefined && row.probe_id !== null && row.probe_id === delivery.id
  if (heard === 'released') {
    if (row && is_probe) book.putBreaker(target, { ...row, state: 'open', probe_id: null, open_until: book.now })
  } else if (heard === 'arrived') {
    if (row && (row.state === 'closed' || is_probe)) book.putBreaker(target, undefined)
  } else if (row && is_probe) {
    const cooldown_ms = Math.min(row.cooldown_ms * 2, breakerDefaults.max_cooldown_ms)
    book.putBreaker(target, {
      ...row,
      state: 'open',
      probe_id: null,
      claimed: 1,
      failures: row.failures + 1,
      cooldown_ms,
      open_until: book.now + cooldown_ms,
    })
  } else if (heard === 'exhausted') countExhausted(book, delivery)
}

function countExhausted(book: Book, { target, claims }: Due): void {
  const reached = claims > 0 ? 1 : 0
  const row = book.breaker(target) ?? {
    target,
    state: 'closed',
    failures: 0,
    claimed: 0,
    open_until: null,
    cooldown_ms: breakerDefaults.cooldown_ms,
    probe_id: null,
  }
  const failures = row.failures + 1
  const opens = row.state === 'closed' && failures >= breakerDefaults.failures
  book.putBreaker(target, {
    ...row,
    failures,
    claimed: Math.max(row.claimed, reached),
    ...(opens ? { state: 'open', open_until: book.now + row.cooldown_ms } : {}),
  })
}

/** A receive that may have the probe: `found` is what it got. */
export function handOutProbe(book: Book, target: string, found: Due | undefined): void {
  const row = book.breaker(target)
  if (!row) return
  const open_until = row.open_until === null ? null : Math.min(row.open_until, book.now)
  const probe_id = found === undefined || found.id === TOLD ? null : found.id
  book.putBreaker(target, { ...row, open_until, probe_id, state: found ? 'half_open' : 'open' })
}

/** A probe that ended where its breaker could not hear it. */
export function freeUnheardProbes(book: Book, unheard_ms: number): void {
  for (const row of book.breakers()) {
    if (row.state !== 'half_open') continue
    const probe = row.probe_id === null ? undefined : book.byId(row.probe_id)
    const is_fresh = probe && probe.updated_at > book.now - unheard_ms && probe.updated_at <= book.now + 1_000
    const may_be_heard = probe && (probe.lease_until !== null || is_fresh)
    if (!may_be_heard) book.putBreaker(row.target, { ...row, state: 'open', probe_id: null, open_until: book.now })
  }
}
