/**
 * Pushes deliveries to agents whose profile has an address. A pushed agent is a receiver like any other: what it gets is
 * leased first, so of several nodes one pushes it, and its breaker, retries and deadline are those of everybody. How
 * much is under way at once is bounded for each agent and in all.
 */

import { agentProfile } from '../protocol/agent.ts'
import { deliveryDefaults } from '../protocol/delivery.ts'
import * as sql from '../store/agents.ts'
import type { Row } from '../store/database.ts'
import type { Caller, Service } from './context.ts'
import type { Inbox } from './inbox.ts'
import { createPlaces } from './outbound/places.ts'
import type { WebhookOptions } from './outbound/webhook.ts'
import { type AttemptRooms, createPushAttempt, type PushTarget } from './push-attempt.ts'
import type { Received, Receiving } from './receiving.ts'
import { startRounds } from './rounds.ts'

/** Other nodes push to a changed profile within this time. */
const EVERY_MS = 2_000
const MAX_PER_AGENT = 8
const MAX_UNDER_WAY = 128
/** Until the receiver has to answer: less than the lease of an attempt, with room for what is stored before and after. */
const TIMEOUT_MS = 30_000
const LEASE_MS = deliveryDefaults.lease_ms
/** How soon a breaker is looked at again, which may have been reset by hand, and a store that did not answer. */
const LOOK_MS = 1_000
/** What is under way when the spine closes has this long to end; what has not is left to its lease. */
const DRAIN_MS = 5_000

export type PushOptions = Pick<WebhookOptions, 'resolve'> & {
  /** Until a receiver has to answer. Default 30,000. */
  timeout_ms?: number
}

export type Pusher = {
  /** Profiles were set: look at them now. */
  refresh(): void
  /** Takes nothing more, and waits a while for what is under way. */
  stop(): Promise<void>
}

type Rooms = Omit<AttemptRooms, 'stopPush'> & { inbox: Inbox; receiving: Receiving }
type Served = { target: PushTarget; ended: AbortController; loop: Promise<void> }

export function startPusher(
  service: Service,
  rooms: Rooms,
  { timeout_ms = TIMEOUT_MS, ...options }: PushOptions & Pick<WebhookOptions, 'allow'>,
): Pusher {
  const { database, clock } = service
  const { dialect } = database
  const { inbox, receiving } = rooms
  const served = new Map<string, Served>()
  const under_way = new Set<Promise<void>>()
  const cut = new AbortController()
  const all = createPlaces(MAX_UNDER_WAY)
  let stopped = false

  const stopPush = async ({ ns, name, set_as }: PushTarget, reason: string): Promise<void> => {
    await database.write([sql.stopPush(dialect, { ns, name, ...set_as, reason })])
    await refresh()
  }

  const attempt = createPushAttempt(service, { ...rooms, stopPush }, { ...options, timeout_ms })

  /** Until `wake` is called, the time is over, or the agent is not served any more. */
  const pause = (ms: number | undefined, signal: AbortSignal, start: (wake: () => void) => () => void): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const wake = () => {
        leave()
        stopTimer()
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const leave = start(wake)
      const stopTimer = ms === undefined ? () => {} : clock.after(ms, wake)
      signal.addEventListener('abort', wake, { once: true })
    })

  /** A place with no room: it hears that something came, and nothing is leased to it. */
  const untilSomethingCame = ({ ns, name }: PushTarget, signal: AbortSignal): Promise<void> =>
    pause(undefined, signal, (wake) => inbox.wait(ns, name, { max: 0, lease_ms: LEASE_MS, newToken: () => '', wake }))

  const claim = async ({ ns, name }: PushTarget, signal: AbortSignal): Promise<Received> => {
    const caller: Caller = { ns, agent: undefined, signal, warn: () => {}, secrets: [] }
    // A store that does not answer is asked again.
    return receiving
      .receive(name, { max: 1, wait_ms: 0, lease_ms: LEASE_MS }, caller)
      .catch(() => ({ deliveries: [], retry_after_ms: LOOK_MS }))
  }

  const serve = async (key: string, signal: AbortSignal): Promise<void> => {
    const own = createPlaces(MAX_PER_AGENT)
    const leave = () => {
      all.leave()
      own.leave()
    }
    for (;;) {
      await own.enter()
      await all.enter()
      const target = served.get(key)?.target
      if (signal.aborted || !target) return leave()
      const version = inbox.version(target.ns, target.name)
      const { deliveries, retry_after_ms } = await claim(target, signal)
      for (const delivery of deliveries) {
        const work = attempt(target, delivery, cut.signal).finally(() => {
          under_way.delete(work)
          leave()
        })
        under_way.add(work)
      }
      if (deliveries.length > 0) continue
      leave()
      if (retry_after_ms !== undefined) await pause(Math.min(retry_after_ms, LOOK_MS), signal, () => () => {})
      else if (inbox.version(target.ns, target.name) === version) await untilSomethingCame(target, signal)
    }
  }

  const serveWhoIsThere = async (): Promise<void> => {
    const rows = await database.read(sql.pushedAgents(dialect))
    if (stopped) return
    const there = new Map(rows.map((row) => [keyOf(row.ns, row.name), row]))
    for (const [key, { ended }] of served)
      if (!there.has(key)) {
        served.delete(key)
        ended.abort()
      }
    for (const [key, row] of there) {
      const known = served.get(key)
      if (known) known.target = targetOf(row)
      else {
        const ended = new AbortController()
        const begun: Served = { target: targetOf(row), ended, loop: Promise.resolve() }
        served.set(key, begun)
        begun.loop = serve(key, ended.signal)
      }
    }
  }

  /** One look after the other: an older answer must not come after a newer one. */
  let looking: Promise<void> = Promise.resolve()
  const refresh = (): Promise<void> => {
    looking = looking.then(serveWhoIsThere, serveWhoIsThere)
    return looking
  }

  const rounds = startRounds(service, { work: 'push', every_ms: EVERY_MS }, refresh)
  void refresh().catch(() => {})

  return Object.freeze({
    refresh: () => void refresh().catch(() => {}),
    async stop() {
      stopped = true
      await rounds.stop()
      await looking.catch(() => {})
      const loops = [...served.values()].map(({ ended, loop }) => {
        ended.abort()
        return loop
      })
      const stopTimer = clock.after(DRAIN_MS, () => cut.abort())
      await Promise.all(loops)
      await Promise.allSettled(under_way)
      stopTimer()
    },
  })
}

const keyOf = (ns: unknown, name: unknown) => `${ns}\n${name}`

function targetOf(row: Row): PushTarget {
  const { push_url = '', accept_lease_ms } = agentProfile.parse(JSON.parse(String(row.profile)))
  return {
    ns: String(row.ns),
    name: String(row.name),
    url: push_url,
    secrets: JSON.parse(String(row.push_secrets)),
    accept_lease_ms: accept_lease_ms ?? deliveryDefaults.accept_lease_ms,
    set_as: { profile: String(row.profile), push_secrets: String(row.push_secrets) },
  }
}
