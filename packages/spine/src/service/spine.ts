/** The embedded spine: every operation of the contract over one database, its input checked at this one place. */

import { contract, type Operation as PlainOperation } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { type Retention, retentionDefaults } from '../protocol/retention.ts'
import { checkValue } from '../protocol/scan.ts'
import { SECRET_POLICY, type SecretPolicy } from '../protocol/secrets.ts'
import { type CallOptions, operationsOf, type Spine } from '../protocol/spine.ts'
import type { Trouble } from '../protocol/trouble.ts'
import { issuesOf } from '../protocol/versions.ts'
import type { Database } from '../store/database.ts'
import { migrate } from '../store/migrations.ts'
import { migrations } from '../store/schema.ts'
import { returnFromFuture } from '../store/sweeps.ts'
import { createAgents } from './agents.ts'
import { alertOperations } from './alerts.ts'
import { createArchive } from './archive.ts'
import { createAssembly } from './assembly.ts'
import { createBreakers } from './breakers.ts'
import { type Chance, type Clock, clockOf, idMaker, systemChance } from './clock.ts'
import type { Caller, Service } from './context.ts'
import { createDeliveries } from './deliveries.ts'
import { directOperations } from './direct.ts'
import { createEnvelopes } from './envelopes.ts'
import { eventOperations } from './events.ts'
import { findingOperations } from './finding.ts'
import { createFold } from './fold.ts'
import { createGuard, type Guarded } from './guard/guard.ts'
import { handoffOperations } from './handoffs.ts'
import { healthOperations } from './health.ts'
import { createInbox } from './inbox.ts'
import { createKnownMemories } from './known-memories.ts'
import { createKnownValues } from './known-values.ts'
import { leaseOperations } from './leases.ts'
import { memoryOperations } from './memories.ts'
import { withNews } from './news.ts'
import { parkedOperations } from './parking.ts'
import { previewOperations } from './previewing.ts'
import { channelOperations } from './publishing.ts'
import { type Pusher, type PushOptions, startPusher } from './pushing.ts'
import { createReceiving } from './receiving.ts'
import { takeEventsIn } from './restored.ts'
import { createRetention } from './retention.ts'
import { createSenders } from './senders.ts'
import { createSending } from './sending.ts'
import { createSendingCalls } from './sending-call.ts'
import { createSettling } from './settling.ts'
import { startSweeper } from './sweeper.ts'
import { taskOperations } from './tasks.ts'
import { type AlertWebhook, createTeller } from './telling.ts'
import { DEFAULT_TOKENIZER, tokenizer } from './tokenizers.ts'
import { createTurns } from './turns.ts'
import { type AlertChange, startWatch } from './watch.ts'

export type SpineOptions = {
  database: Database
  /** Default: the time that the database keeps for all its nodes, else the wall clock at start plus monotonic time. */
  clock?: Clock
  /** Default: the system's. */
  chance?: Chance
  /** The namespace of callers without an identity. Default "default". */
  namespace?: string
  /** What happens to secrets in texts that are kept: off, flag, redact or refuse. Default redact. */
  secrets?: SecretPolicy
  /** Load the tokenizer before the first call needs it: 0.2 s once. Default false, a server wants it. */
  warm?: boolean
  /** How long what is over is kept, in ms; what is left out has its default. */
  retention?: Partial<Retention>
  /** Count what happens, judge it and raise alerts. Default true; who only looks in for a moment leaves it to others. */
  watch?: boolean
  /** Who is told of alerts. */
  alert_webhook?: AlertWebhook
  /** `host:port` that webhooks may reach though it is private, or spoken to without TLS. Default none. */
  webhook_allow?: readonly string[]
  /** Push deliveries to agents that have a `push_url`. Default true; who only looks in for a moment leaves it to others. */
  push?: PushOptions | boolean
  /** Hears of each alert once when it is raised and once when it is resolved, on the node that saw it. */
  onAlert?: (change: AlertChange) => void
  /** Hears of each failure of the work in the background, which is tried again: of a store that is full or away. */
  onTrouble?: (trouble: Trouble) => void
}

// biome-ignore lint/suspicious/noExplicitAny: the contract ties each function to its input; the loop below cannot say so.
type Operation = (input: any, caller: Caller) => Promise<unknown>

/**
 * Brings the store to the current schema and serves it. Ends with `close()`, which closes the database too, as does a
 * failure to begin.
 */
export async function createSpine({
  database: given,
  clock = clockOf(given),
  chance = systemChance(),
  namespace = 'default',
  secrets = SECRET_POLICY,
  warm = false,
  retention: kept = {},
  watch: watches = true,
  alert_webhook,
  webhook_allow = [],
  push: pushes = true,
  onAlert = () => {},
  onTrouble: tell = () => {},
}: SpineOptions): Promise<Spine> {
  await using begun = new AsyncDisposableStack()
  // A database that does not close either must not hide why.
  begun.defer(() => given.close().catch(() => {}))
  await migrate(given, migrations, clock.now())
  await given.write(returnFromFuture(given.dialect, { now: clock.now() }))
  await takeEventsIn(given)
  if (warm) await tokenizer(DEFAULT_TOKENIZER)
  const { database, news } = withNews(given)
  const onTrouble = (trouble: Trouble): void => {
    try {
      tell(trouble)
    } catch {
      // There is nobody else to tell.
    }
  }
  const service: Service = {
    database,
    clock,
    chance,
    archive: createArchive({ database, clock, onTrouble }),
    newId: idMaker(clock, chance),
    values: createKnownValues(),
    known: createKnownMemories(),
    turns: createTurns(),
    onTrouble,
  }
  begun.defer(service.archive.stop)
  const guard = createGuard(secrets)
  const inbox = createInbox(database.hints)
  const senders = createSenders(database.hints, chance.hex(8))
  const envelopes = createEnvelopes(service)
  const breakers = createBreakers(service)
  let pusher: Pusher | undefined
  const agents = createAgents(service, breakers, { webhook_allow, onPut: () => pusher?.refresh() })
  const deliveries = createDeliveries(service, { inbox, senders })
  const settling = createSettling(service, { breakers, moved: deliveries.moved, rowsById: deliveries.rowsById })
  const sending = createSending(service, envelopes, agents, inbox, breakers)
  const calls = createSendingCalls(service, { envelopes, agents })
  const assembly = createAssembly(service, { envelopes, agents })
  const receiving = createReceiving(service, { envelopes, agents, inbox, breakers }, settling.settle)
  const rooms = {
    envelopes,
    agents,
    assembly,
    deliveries,
    settling,
    sending,
    calls,
    senders,
    inbox,
    breakers,
    receiving,
  }
  await breakers.refresh()
  const sweeper = startSweeper(service, rooms)
  const retention = createRetention(service, rooms, { ...retentionDefaults, ...kept })
  // Counting tells nobody: it would wake those who wait for events. Alerts are events.
  const fold = createFold({ ...service, database: given })
  const teller = createTeller(service, { webhook: alert_webhook, allow: webhook_allow })
  const watch = watches ? startWatch(service, { fold, envelopes, teller, onAlert }) : undefined
  const operations: Record<keyof typeof contract, Record<string, Operation>> = {
    memories: { ...memoryOperations(service), ...findingOperations(service, envelopes) },
    tasks: taskOperations(service, envelopes),
    agents: agents.operations,
    handoffs: { ...handoffOperations(service, rooms), ...previewOperations(service, rooms) },
    deliveries: {
      ...deliveries.operations,
      ...directOperations(service, rooms),
      ...leaseOperations(service, rooms),
    },
    channels: channelOperations(service, rooms),
    parked: parkedOperations(service, rooms),
    system: retention.operations,
    health: { ...eventOperations(service, news), ...healthOperations(service, { breakers, fold }) },
    alerts: alertOperations(service),
  }

  const closing = new AbortController()
  const under_way = new Set<Promise<unknown>>()

  const call = async (
    group: string,
    name: string,
    entry: (typeof contract)['memories']['get'],
    input: unknown,
    options: CallOptions,
  ): Promise<unknown> => {
    if (closing.signal.aborted) throw new SpineError('SHUTTING_DOWN', 'The spine is closed or closing.')
    checkValue(input)
    const parsed = entry.input.safeParse(input)
    if (!parsed.success)
      throw new SpineError('INVALID_INPUT', firstIssue(`${group}.${name}`, parsed.error), {
        issues: issuesOf(parsed.error),
      })
    const { identity, onWarning: warn = () => {} } = options
    const ns = identity?.namespace ?? namespace
    const { guarded } = entry as PlainOperation
    const held = guarded ? guard.suspects(parsed.data) : []
    const { input: safe, found: secrets } =
      held.length > 0 ? await guard.check(ns, parsed.data, held, warn) : clean(parsed.data)
    let ended: AbortSignal | undefined
    const caller: Caller = {
      ns,
      agent: identity?.agent,
      secrets,
      opaque: options.opaque ?? false,
      // Joined for those who wait only: it costs more than the rest of the call.
      get signal() {
        ended ??= options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal
        return ended
      },
      warn,
    }
    const operation = operations[group as keyof typeof contract][name] as Operation
    const work = operation(safe, caller)
    under_way.add(work)
    return work.finally(() => under_way.delete(work))
  }

  const spine = operationsOf(contract, call as Parameters<typeof operationsOf>[1])
  if (pushes !== false) {
    const options = { ...(pushes === true ? {} : pushes), allow: webhook_allow }
    pusher = startPusher(service, { ...rooms, operations: spine }, options)
  }

  const end = async () => {
    // While calls are still answered: what receivers have said to a push is stored.
    await pusher?.stop()
    closing.abort()
    await Promise.allSettled(under_way)
    await Promise.all([sweeper.stop(), retention.stop(), watch?.stop(), service.archive.stop()])
    await database.close()
  }
  let ending: Promise<void> | undefined
  begun.move()
  return Object.freeze({
    ...spine,
    close: () => {
      ending ??= end()
      return ending
    },
  })
}

const clean = <T>(input: T): Guarded<T> => ({ input, found: [] })

function firstIssue(operation: string, error: Parameters<typeof issuesOf>[0]): string {
  const [issue, ...others] = issuesOf(error)
  const place = issue?.path ? `${operation}: ${issue.path}` : operation
  const more = others.length > 0 ? ` (and ${others.length} more in \`issues\`)` : ''
  return `${place}: ${issue?.message ?? 'the input does not fit'}${more}.`
}
