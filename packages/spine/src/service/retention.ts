/**
 * Nothing grows for ever: every ten minutes what is over and old is removed, in batches that let others write in
 * between. A pass by hand is the same within one namespace, and a dry one only counts.
 */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import type { Retention, Swept } from '../protocol/retention.ts'
import type { Row, Statement } from '../store/database.ts'
import * as sql from '../store/retention.ts'
import type { Caller, Service } from './context.ts'
import type { Deliveries } from './deliveries.ts'
import type { Envelopes } from './envelopes.ts'
import { startRounds } from './rounds.ts'

type In = z.output<(typeof contract.system)['gc']['input']>

/** A pass that is ended between two batches leaves the rest to the next one. */
type PassOptions = { dry_run: boolean; signal?: AbortSignal }

const EVERY_MS = 600_000
const BATCH = 500
/** Before all time: no delivery that is still there counts as gone. */
const NONE = -1

export function createRetention(
  service: Service,
  { deliveries, envelopes }: { deliveries: Deliveries; envelopes: Envelopes },
  kept: Retention,
) {
  const { database, clock, archive } = service
  const { dialect } = database
  const reason = `nobody looked at it for ${Math.round(kept.parked_ms / 86_400_000)} days`

  const inBatches = async (
    statement: () => Statement,
    signal: AbortSignal | undefined,
    seen?: (row: Row) => void,
  ): Promise<number> => {
    for (let taken = 0; ; ) {
      signal?.throwIfAborted()
      const rows = (await database.write([statement()])).flat()
      for (const row of rows) seen?.(row)
      taken += rows.length
      if (rows.length < BATCH) return taken
    }
  }

  const dropOver = async (over: readonly { ns: string; id: string }[], before: number): Promise<number> => {
    const batch = [...sql.dropEnvelopes(dialect, over, { before }), ...sql.dropForms(dialect, over)]
    const rows = (await database.write(batch)).flat()
    for (const row of rows) envelopes.forget(String(row.ns), String(row.id))
    return rows.length
  }

  const overEnvelopes = async (
    ns: string | null,
    { before, gone }: { before: number; gone: number },
    { dry_run, signal }: PassOptions,
  ): Promise<number> => {
    let place = { after: 0, after_ns: '', after_id: '' }
    for (let taken = 0; ; ) {
      signal?.throwIfAborted()
      const rows = await database.read(sql.agedEnvelopes(dialect, { ns, before, gone, limit: BATCH, ...place }))
      const over = rows.filter((row) => row.over === 1).map((row) => ({ ns: String(row.ns), id: String(row.id) }))
      if (dry_run) taken += over.length
      else if (over.length > 0) taken += await dropOver(over, before)
      const last = rows.at(-1)
      if (!last || rows.length < BATCH) return taken
      place = { after: Number(last.stored_at), after_ns: String(last.ns), after_id: String(last.id) }
    }
  }

  const pass = async (ns: string | null, options: PassOptions): Promise<Swept> => {
    const { dry_run, signal } = options
    const now = clock.now()
    const counted = async (statement: typeof sql.countSettled, before: number) =>
      Number((await database.read(statement(dialect, { ns, before })))[0]?.n)
    const taken = (count: typeof sql.countSettled, drop: typeof sql.dropSettled, before: number) =>
      dry_run ? counted(count, before) : inBatches(() => drop(dialect, { ns, before, limit: BATCH }), signal)
    const discard = (before: number) => {
      const named = { ns, before, limit: BATCH, reason, reason_json: JSON.stringify(reason), now }
      return dry_run
        ? counted(sql.countParked, before)
        : inBatches(() => sql.discardParked(dialect, named), signal, deliveries.moved)
    }
    const settled = async (before: number) => {
      const left = await taken(sql.countSettled, sql.dropSettled, before)
      // A day of the archive is that of every namespace.
      return dry_run || ns !== null ? left : left + (await archive.drop(before))
    }
    return {
      dry_run,
      deliveries: await settled(now - kept.settled_ms),
      parked: await discard(now - kept.parked_ms),
      envelopes: await overEnvelopes(
        ns,
        { before: now - kept.envelopes_ms, gone: dry_run ? now - kept.settled_ms : NONE },
        options,
      ),
      events: await taken(sql.countEvents, sql.dropEvents, now - kept.events_ms),
      keys: await taken(sql.countKeys, sql.dropKeys, now - kept.keys_ms),
    }
  }

  const rounds = startRounds(service, { work: 'retention', every_ms: EVERY_MS }, (signal) =>
    pass(null, { dry_run: false, signal }),
  )

  return {
    operations: { gc: ({ dry_run }: In, { ns }: Caller): Promise<Swept> => pass(ns, { dry_run }) },
    stop: rounds.stop,
  }
}
