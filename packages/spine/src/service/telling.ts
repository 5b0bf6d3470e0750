/**
 * Tells a webhook of alerts: once when one is raised, once when it is resolved, in this order, tried again with backoff
 * and jitter until it is heard or given up. What is to be told is in the store, so that a restart forgets nothing and
 * of several nodes one tells.
 */

import { toIso } from '../protocol/scalars.ts'
import { backoffMs } from '../rules/backoff.ts'
import * as sql from '../store/alerts.ts'
import type { Row } from '../store/database.ts'
import { toAlert } from './alerts.ts'
import type { Service } from './context.ts'
import { postWebhook, type WebhookAnswer } from './outbound/webhook.ts'

const BATCH = 10
/** Longer than one attempt can take. */
const HOLD_MS = 60_000
const MAX_ATTEMPTS = 10
const BACKOFF_CAP_MS = 3_600_000

export type AlertWebhook = {
  url: string
  /** `whsec_...`; several while one is exchanged for another. */
  secrets: readonly string[]
}

export type TellerOptions = {
  webhook: AlertWebhook | undefined
  /** `host:port` that may be private, and spoken to without TLS. */
  allow: readonly string[]
}

export type Teller = ReturnType<typeof createTeller>

export function createTeller({ database, clock, chance }: Service, { webhook, allow }: TellerOptions) {
  const { dialect } = database

  const tell = async (row: Row, { url, secrets }: AlertWebhook, signal: AbortSignal): Promise<void> => {
    const told = Number(row.told) + 1
    const type = told === 1 ? 'alert.raised' : 'alert.resolved'
    const { ns, id } = { ns: String(row.ns), id: String(row.id) }
    const now = clock.now()
    const at = toIso(Number(told === 1 ? row.raised_at : row.resolved_at))
    const body = JSON.stringify({ type, timestamp: at, data: { namespace: ns, ...toAlert(row) } })
    const answer = await postWebhook({ url, id: `${id}.${type}`, body, secrets }, { now, allow, signal })
    await database.write([
      answer.ok
        ? sql.noteTold(dialect, { ns, id, told, now: clock.now() })
        : sql.tellLater(dialect, { ns, id, at: again(answer, Number(row.tell_attempts)) }),
    ])
  }

  /** A refusal is tried again too, but seldom: a person may be putting the address right. */
  const again = (answer: WebhookAnswer & { ok: false }, attempts: number): number | null => {
    if (attempts >= MAX_ATTEMPTS || answer.status === 410) return null
    const wait = backoffMs(answer.retry ? attempts + 2 : MAX_ATTEMPTS, BACKOFF_CAP_MS, chance.uniform())
    return clock.now() + Math.max(answer.retry_after_ms ?? 0, wait)
  }

  return Object.freeze({
    configured: webhook !== undefined,
    async turn(signal: AbortSignal): Promise<void> {
      if (!webhook) return
      const [rows = []] = await database.write([
        sql.takeTellings(dialect, { now: clock.now(), hold_ms: HOLD_MS, limit: BATCH }),
      ])
      await Promise.all(rows.map((row) => tell(row, webhook, signal)))
    },
  })
}
