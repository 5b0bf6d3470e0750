/** Alerts as callers see them. What raises and resolves them is in watch.ts. */

import type { z } from 'zod'
import type { Alert } from '../protocol/alert.ts'
import type { contract } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { toIso } from '../protocol/scalars.ts'
import * as sql from '../store/alerts.ts'
import type { Row } from '../store/database.ts'
import type { Caller, Service } from './context.ts'

type In<N extends keyof typeof contract.alerts> = z.output<(typeof contract.alerts)[N]['input']>

/** What an alert says does not change while it stands; the row adds what became of it. */
export function toAlert(row: Row): Alert {
  const iso = (column: string) => toIso(Number(row[column]))
  const note = row.note === null ? {} : { note: String(row.note) }
  return {
    ...(JSON.parse(String(row.data)) as Alert),
    state: row.state as Alert['state'],
    raised_at: iso('raised_at'),
    ...(row.resolved_at === null ? {} : { resolved_at: iso('resolved_at') }),
    ...(row.acknowledged_at === null
      ? {}
      : { acknowledged: { by: String(row.acknowledged_by), at: iso('acknowledged_at'), ...note } }),
    ...(row.silenced_until == null ? {} : { silenced_until: iso('silenced_until') }),
  }
}

export function alertOperations({ database, clock }: Service) {
  const { dialect } = database

  /** A silence that is over is not mentioned. */
  const shown = (row: Row): Alert =>
    toAlert(Number(row.silenced_until ?? 0) > clock.now() ? row : { ...row, silenced_until: null })

  const get = async ({ id }: In<'get'>, { ns }: Caller): Promise<Alert> => {
    const [row] = await database.read(sql.alertById(dialect, { ns, id }))
    if (!row) throw new SpineError('ALERT_NOT_FOUND', `There is no alert ${id} in namespace ${ns}.`, { id })
    return shown(row)
  }

  return {
    get,
    list: async ({ state, tier, target, limit, after }: In<'list'>, { ns }: Caller) => {
      const filters = { tier: tier ?? null, target: target ?? null, state: state === 'all' ? null : state }
      const rows = await database.read(sql.listAlerts(dialect, { ns, ...filters, before: after ?? null, limit }))
      const last = rows.length === limit ? rows.at(-1) : undefined
      return { alerts: rows.map(shown), ...(last ? { next: String(last.id) } : {}) }
    },
    acknowledge: async ({ id, by, note }: In<'acknowledge'>, caller: Caller): Promise<Alert> => {
      const { ns, agent } = caller
      const named = { ns, id, by: agent ?? by ?? 'unknown', note: note ?? null, now: clock.now() }
      await database.write([sql.acknowledgeAlert(dialect, named)])
      return get({ id }, caller)
    },
    silence: async ({ id, for_ms, by }: In<'silence'>, caller: Caller): Promise<Alert> => {
      const { ns, agent } = caller
      const until = clock.now() + for_ms
      await database.write([sql.silenceKey(dialect, { ns, id, until, by: agent ?? by ?? null })])
      return get({ id }, caller)
    },
  }
}
