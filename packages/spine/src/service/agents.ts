/** Agents: profiles and queues. A name that was sent to or that received is known, whether it was registered or not. */

import type { z } from 'zod'
import { type Agent, type AgentProfile, agentProfile } from '../protocol/agent.ts'
import type { contract } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { toIso } from '../protocol/scalars.ts'
import * as sql from '../store/agents.ts'
import type { Row, Statement } from '../store/database.ts'
import type { Breakers } from './breakers.ts'
import type { Caller, Service } from './context.ts'
import { optional } from './documents.ts'
import { isWebhookSecret } from './outbound/signature.ts'
import { refusedUrl } from './outbound/webhook.ts'

type In<N extends keyof typeof contract.agents> = z.output<(typeof contract.agents)[N]['input']>

/** Other nodes see a changed profile within this time. */
const PROFILE_CACHE_MS = 2_000
/** `last_seen_at` is written at most this often per agent. */
const SEEN_EVERY_MS = 10_000
const MAX_CACHED = 10_000

export type Agents = ReturnType<typeof createAgents>

export type AgentOptions = {
  /** `host:port` that may be pushed to though it is private or plain. */
  webhook_allow: readonly string[]
  /** A profile was set on this node. */
  onPut: () => void
}

export function createAgents(service: Service, breakers: Breakers, { webhook_allow, onPut }: AgentOptions) {
  const { database, clock } = service
  const { dialect } = database
  const profiles = new Map<string, { profile: AgentProfile | undefined; until: number }>()
  const looks = new Map<string, Promise<Row | undefined>>()
  const seen = new Map<string, number>()
  const noted = new Set<string>()
  const keyOf = (ns: string, name: string) => `${ns}\n${name}`

  const row = async (ns: string, name: string): Promise<Row | undefined> =>
    (await database.read(sql.agentByName(dialect, { ns, name })))[0]

  const profileIn = (found: Row | undefined): AgentProfile | undefined =>
    found?.profile == null ? undefined : agentProfile.parse(JSON.parse(String(found.profile)))

  /** The profile, if one was set; from the cache where it is fresh. Those who ask at once share one look. */
  const profile = async (ns: string, name: string): Promise<AgentProfile | undefined> => {
    const key = keyOf(ns, name)
    const cached = profiles.get(key)
    if (cached && cached.until > clock.now()) return cached.profile
    const look = looks.get(key) ?? row(ns, name)
    looks.set(key, look)
    const found = await look.finally(() => looks.get(key) === look && looks.delete(key))
    if (noted.size >= MAX_CACHED) noted.clear()
    if (found) noted.add(key)
    if (profiles.size >= MAX_CACHED) profiles.clear()
    const fresh = { profile: profileIn(found), until: clock.now() + PROFILE_CACHE_MS }
    profiles.set(key, fresh)
    return fresh.profile
  }

  /** Makes names known in the commit of what mentions them; nothing for names that are known to be stored. */
  const note = (ns: string, names: readonly string[]): Statement[] => {
    const fresh = [...new Set(names)]
      .filter((name) => !noted.has(keyOf(ns, name)))
      .sort((left, right) => (left < right ? -1 : 1))
    return sql.noteAgents(
      dialect,
      fresh.map((name) => ({ ns, name })),
      { now: clock.now() },
    )
  }

  /** The agent asked for work. */
  const see = async (ns: string, name: string): Promise<void> => {
    const now = clock.now()
    if (now - (seen.get(keyOf(ns, name)) ?? Number.NEGATIVE_INFINITY) < SEEN_EVERY_MS) return
    if (seen.size >= MAX_CACHED) seen.clear()
    seen.set(keyOf(ns, name), now)
    await database.write([sql.seeAgent(dialect, { ns, name, now })])
  }

  const breakerOf = (ns: string, name: string): Pick<Agent, 'breaker'> => {
    const found = breakers.find(ns, name)
    if (!found) return {}
    const retry_after_ms = breakers.openFor(ns, name)
    const state = String(found.state) as NonNullable<Agent['breaker']>['state']
    return {
      breaker: { state, failures: Number(found.failures), ...(retry_after_ms === undefined ? {} : { retry_after_ms }) },
    }
  }

  const withQueues = async (ns: string, rows: readonly Row[]): Promise<Agent[]> => {
    const names = rows.map((found) => ({ name: String(found.name) }))
    const tables = await Promise.all(
      sql.queueDepths(dialect, names, { ns }).map((statement) => database.read(statement)),
    )
    const depths = new Map(tables.flat().map((depth) => [depth.name, depth]))
    return rows.map((found) => ({
      ...(profileIn(found) ?? agentProfile.parse({})),
      name: String(found.name),
      ready: Number(depths.get(found.name ?? null)?.ready ?? 0),
      held: Number(depths.get(found.name ?? null)?.held ?? 0),
      ...(found.last_seen_at === null ? {} : { last_seen_at: toIso(Number(found.last_seen_at)) }),
      registered: found.profile !== null,
      ...optional(found, 'push_stopped'),
      ...breakerOf(ns, String(found.name)),
    }))
  }

  const get = async ({ name }: In<'get'>, { ns }: Caller): Promise<Agent> => {
    const found = await row(ns, name)
    const [agent] = found ? await withQueues(ns, [found]) : []
    if (!agent) throw new SpineError('AGENT_NOT_FOUND', `Nobody called ${name} is known in namespace ${ns}.`, { name })
    return agent
  }

  /** What is signed with from now on, as JSON; nothing where nothing is pushed. Errors never show what was given. */
  const secretsFor = async (ns: string, { name, push_url, push_secrets }: In<'put'>): Promise<string | null> => {
    if (push_url === undefined) {
      if (push_secrets === undefined) return null
      throw new SpineError('INVALID_INPUT', '`push_secrets` sign what is pushed: give `push_url` too.')
    }
    const refused = refusedUrl(push_url, webhook_allow)
    if (refused !== undefined)
      throw new SpineError(
        'INVALID_INPUT',
        `\`push_url\` is refused: ${refused}. SPINE_WEBHOOK_ALLOW=host:port of the server lets it through.`,
      )
    if (push_secrets?.every(isWebhookSecret)) return JSON.stringify(push_secrets)
    const [kept] = push_secrets ? [] : await database.read(sql.pushSecretsOf(dialect, { ns, name }))
    if (kept && profileIn(kept)?.push_url === push_url) return String(kept.push_secrets)
    throw new SpineError(
      'INVALID_INPUT',
      '`push_secrets`: what is pushed to a new `push_url` is signed with whsec_ and base64 of 24 to 64 bytes.',
    )
  }

  const put = async (input: In<'put'>, caller: Caller): Promise<Agent> => {
    const { ns } = caller
    const { name, push_secrets: _secrets, ...given } = input
    if (caller.agent !== undefined && caller.agent !== name)
      throw new SpineError('FORBIDDEN', `The key is that of ${caller.agent}; it cannot set the profile of ${name}.`)
    const push_secrets = await secretsFor(ns, input)
    const profile = JSON.stringify(given)
    await database.write([sql.putAgent(dialect, { ns, name, profile, push_secrets, now: clock.now() })])
    profiles.delete(keyOf(ns, name))
    looks.delete(keyOf(ns, name))
    onPut()
    return get({ name }, caller)
  }

  return {
    profile,
    note,
    see,
    operations: {
      put,
      get,
      reset_breaker: async ({ name }: In<'reset_breaker'>, caller: Caller): Promise<Agent> => {
        await breakers.reset(caller.ns, name)
        return get({ name }, caller)
      },
      list: async ({ limit, after }: In<'list'>, { ns }: Caller) => {
        const rows = await database.read(sql.listAgents(dialect, { ns, after: after ?? null, limit }))
        const last = rows.length === limit ? rows.at(-1) : undefined
        return { agents: await withQueues(ns, rows), ...(last ? { next: String(last.name) } : {}) }
      },
    },
  }
}
