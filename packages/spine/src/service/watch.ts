/**
 * Watches over handoffs: counts what happened, judges it by the rules, raises and resolves alerts. What moved is
 * judged at once, what time alone can change every ten seconds. Every node does; an alert is raised by one.
 */

import type { Alert } from '../protocol/alert.ts'
import { wordsOf } from '../rules/alert-words.ts'
import { type Judgement, judge, keyOf, nextLookMs, type Situation } from '../rules/alerts.ts'
import * as sql from '../store/alerts.ts'
import type { Row } from '../store/database.ts'
import { livelyNamespaces } from '../store/health.ts'
import { toAlert } from './alerts.ts'
import type { Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'
import type { Fold } from './fold.ts'
import { withGapCause } from './gap-cause.ts'
import { type Rounds, startRounds } from './rounds.ts'
import { readSituation } from './situation.ts'
import type { Teller } from './telling.ts'

const EVERY_MS = 1_000
/** What depends on time alone is judged this often. */
const ROUND_MS = 10_000
/** What another node watched, and did not live to judge, is looked for this often. */
const SEARCH_MS = 3_600_000
const LIVELY_MS = 86_400_000
const KEEP_MS = 30 * 86_400_000

export type AlertChange = { namespace: string; alert: Alert }

export type WatchOptions = {
  fold: Fold
  envelopes: Envelopes
  teller: Teller
  /** Hears of each alert once when it is raised and once when it is resolved, on the node that saw it. */
  onAlert: (change: AlertChange) => void
}

export function startWatch(service: Service, { fold, envelopes, teller, onAlert }: WatchOptions): Rounds {
  const { database, clock, newId } = service
  const { dialect } = database
  /** When to look again into namespaces in which time alone can change something. */
  const due = new Map<string, number>()
  let next_search = 0

  /** One who throws must not keep the rest from being judged. */
  const hear = (changed: AlertChange): void => {
    try {
      onAlert(changed)
    } catch (error) {
      service.onTrouble({ work: 'onAlert', error, failures: 1 })
    }
  }

  const change = async (ns: string, raise: readonly Judgement[], resolve: readonly string[]): Promise<void> => {
    const now = clock.now()
    const explained = await Promise.all(raise.map((one) => withGapCause(service, envelopes, ns, one)))
    const rows = explained.map((judgement) => ({ ns, ...rowOf(newId('alr'), judgement) }))
    const keys = resolve.toSorted().map((key) => ({ ns, key }))
    const changed: Row[] = (
      await database.write([
        ...sql.resolveAlerts(dialect, keys, { now }),
        ...sql.raiseAlerts(dialect, rows, { now, tell: teller.configured ? 1 : 0 }),
      ])
    ).flat()
    for (const row of changed) hear({ namespace: ns, alert: toAlert(row) })
  }

  const judgeNamespace = async (ns: string, spans: boolean): Promise<void> => {
    const [situation, open]: [Situation, Row[]] = await Promise.all([
      readSituation(service, ns, spans),
      database.read(sql.openAlerts(dialect, { ns })),
    ])
    const { raise, resolve } = judge(situation, new Set(open.map((row) => String(row.key))))
    if (raise.length > 0 || resolve.length > 0) await change(ns, raise, resolve)
    const left = new Set([...open.map((row) => String(row.key)), ...raise.map(keyOf)])
    for (const key of resolve) left.delete(key)
    // What moved is judged over time, too.
    const wait_ms = spans ? nextLookMs(situation, left) : 0
    if (wait_ms === undefined) due.delete(ns)
    else due.set(ns, situation.now + Math.max(ROUND_MS, wait_ms))
  }

  const search = async (): Promise<void> => {
    const now = clock.now()
    if (now < next_search) return
    next_search = now + SEARCH_MS
    for (const { ns } of await database.read(livelyNamespaces(dialect, { since: now - LIVELY_MS })))
      due.set(String(ns), now)
    await database.write([sql.dropAlerts(dialect, { before: now - KEEP_MS }), sql.dropSilences(dialect, { now })])
  }

  const round = async (signal: AbortSignal): Promise<void> => {
    for (const [ns, at] of [...due]) {
      signal.throwIfAborted()
      if (at <= clock.now()) await judgeNamespace(ns, true)
    }
  }

  const turn = async (signal: AbortSignal): Promise<void> => {
    for (const ns of await fold.turn(signal)) {
      // What is not judged now is looked for by the next one that starts.
      signal.throwIfAborted()
      await judgeNamespace(ns, false)
    }
    await search()
    await round(signal)
  }

  const judging = startRounds(service, { work: 'watch', every_ms: EVERY_MS }, turn)
  // A webhook takes the time it takes: nothing is judged later for it.
  const telling = teller.configured
    ? startRounds(service, { work: 'telling', every_ms: EVERY_MS }, teller.turn)
    : undefined
  return Object.freeze({
    async stop() {
      await Promise.all([judging.stop(), telling?.stop()])
    },
  })
}

/** The alert as it is stored; what it says stays as it was when it was raised. */
function rowOf(id: string, judgement: Judgement) {
  const { rule, tier, target, value, threshold, about = {} } = judgement
  const said = {
    id,
    rule,
    tier,
    ...(target === undefined ? {} : { target }),
    ...wordsOf(judgement),
    ...(value === undefined ? {} : { value }),
    ...(threshold === undefined ? {} : { threshold }),
    about,
  }
  return { id, key: keyOf(judgement), rule, tier, target: target ?? null, data: JSON.stringify(said) }
}
