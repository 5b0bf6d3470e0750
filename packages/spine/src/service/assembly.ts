/** Making an envelope: find what is continued, inherit, collect, fit, seal, store. One straight walk, each step in its own room. */

import type { z } from 'zod'
import type { TokenizerName } from '../protocol/agent.ts'
import { canonicalBytes, digestOf, sha256 } from '../protocol/canonical.ts'
import type { contract } from '../protocol/contract.ts'
import type { Completeness, Draft, Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { handoffDefaults } from '../protocol/handoff.ts'
import { limits } from '../protocol/limits.ts'
import { toIso } from '../protocol/scalars.ts'
import { CURRENT_VERSION } from '../protocol/versions.ts'
import { budgetOf } from '../rules/budget.ts'
import { fitEnvelope } from '../rules/fit.ts'
import { isCircle, nextLimits, type Step } from '../rules/hops.ts'
import { type Inherited, inherit, type TaskStart } from '../rules/inherit.ts'
import * as sql from '../store/envelopes.ts'
import { openTask, setLastEnvelope } from '../store/tasks.ts'
import type { Agents } from './agents.ts'
import { collect } from './collecting.ts'
import type { Caller, Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'
import { claimKey, earlierRef, findEarlier, type KeyClaim, readKeys, takeKeys } from './idempotency.ts'
import { findPrevious, type Previous } from './previous.ts'
import { taskRow } from './tasks.ts'
import { DEFAULT_TOKENIZER, tokenizer } from './tokenizers.ts'

type In<N extends keyof typeof contract.handoffs> = z.output<(typeof contract.handoffs)[N]['input']>
type Call = In<'create'>

/** Steps that the rule against circles remembers. */
const MAX_TRAIL = 256
/** Pins that take more than this share of the budget are worth a warning. */
const PIN_SHARE = 0.25

export function createAssembly(service: Service, { envelopes, agents }: { envelopes: Envelopes; agents: Agents }) {
  const { database, clock, newId } = service
  const { dialect } = database

  /** What is known of the task when the call continues nothing. */
  const startOf = async (ns: string, { task_id, intent }: Call): Promise<TaskStart | undefined> => {
    if (task_id === undefined) return undefined
    const row = await taskRow(service, ns, task_id)
    if (!row) {
      if (intent === undefined)
        throw new SpineError(
          'TASK_NOT_FOUND',
          `There is no task ${task_id}: give its \`intent\`, or create it with tasks.put.`,
          { id: task_id },
        )
      return undefined
    }
    const known = { id: task_id, intent: String(row.intent) }
    const last = row.last_envelope_id === null ? undefined : await envelopes.find(ns, String(row.last_envelope_id))
    if (last)
      return {
        ...known,
        constrained: { constraints: last.constraints, ledger: last.constraint_ledger },
        state: last.task.state,
      }
    const constraints = JSON.parse(String(row.constraints))
    const locked: string[] = JSON.parse(String(row.locked))
    const ledger = Object.fromEntries(
      Object.keys(constraints).map((key) => [key, { set_by: 'user', hop: 0, locked: locked.includes(key) }]),
    )
    return { ...known, constrained: { constraints, ledger }, state: {} }
  }

  const senderOf = (call: Call, caller: Caller): string | undefined => {
    if (caller.agent !== undefined && call.source_agent !== undefined && call.source_agent !== caller.agent)
      throw new SpineError(
        'FORBIDDEN',
        `The key is that of ${caller.agent}; it cannot hand over as ${call.source_agent}.`,
      )
    return caller.agent ?? call.source_agent
  }

  const chainOf = (call: Call, id: string, sender: string, previous: Previous): Envelope['chain'] => {
    const before = previous.envelopes.map((envelope) => envelope.chain)
    const next = nextLimits(
      before,
      { max_hops: call.max_hops, cycle: call.cycle, from: sender, to: call.target_agent },
      handoffDefaults,
    )
    const longest = before.toSorted((left, right) => right.hop - left.hop)[0]
    const path = [...(longest?.path ?? [])]
    if (path.at(-1) !== sender) path.push(sender)
    path.push(call.target_agent)
    if (next.hop > next.max_hops)
      throw new SpineError('HOP_LIMIT', `This would be hop ${next.hop} of at most ${next.max_hops}.`, {
        path,
        max_hops: next.max_hops,
      })
    return {
      root_id: longest?.root_id ?? id,
      previous: previous.envelopes.map((envelope) => ({ id: envelope.id, digest: envelope.digest })),
      ...next,
      path,
      linked: previous.linked,
    }
  }

  /** Refuses or warns when nothing has changed since the same pair of agents had it before. */
  const trailOf = (draft: Draft, previous: Previous, caller: Caller): Step[] => {
    const { task, constraints, chain, source_agent: from, target_agent: to } = draft
    const changing = { state: task.state, amendments: task.amendments, constraints, summary: task.summary }
    const step = { from, to, fingerprint: sha256(canonicalBytes(changing)).slice(0, 16) }
    if (chain.cycle !== 'off' && isCircle(previous.trail, step)) {
      const said = `${from} hands the same work to ${to} for the third time with nothing changed.`
      if (chain.cycle === 'stop') throw new SpineError('CYCLE', said, { path: chain.path })
      caller.warn(said)
    }
    return [...previous.trail, step].slice(-MAX_TRAIL)
  }

  const seal = (draft: Draft, tokens: number): { envelope: Envelope; bytes: Uint8Array } => {
    const counted = { ...draft, budget: { ...draft.budget, used: tokens }, token_count: tokens }
    const document = { ...counted, digest: digestOf(counted) } as Envelope
    const bytes = canonicalBytes(document)
    if (bytes.byteLength > limits.envelope_bytes)
      throw new SpineError(
        'TOO_LARGE',
        `The envelope would have ${bytes.byteLength} bytes, allowed are ${limits.envelope_bytes}.`,
      )
    return { envelope: document, bytes }
  }

  const store = async (
    ns: string,
    envelope: Envelope,
    bytes: Uint8Array,
    trail: Step[],
    claim: KeyClaim | undefined,
  ): Promise<Envelope> => {
    const { task } = envelope
    const now = clock.now()
    const row = envelopes.rowOf(ns, envelope, bytes, {
      verified: true,
      trail: JSON.stringify(trail),
      key: claim?.key ?? null,
      owner: claim?.owner ?? null,
    })
    const tables = await database.write([
      ...(claim ? takeKeys(service, [claim]) : []),
      ...sql.storeEnvelopes(dialect, [row]),
      ...(task.id === undefined
        ? []
        : [
            openTask(dialect, { ns, id: task.id, intent: task.intent, constraints: '{}', locked: '[]', now }),
            setLastEnvelope(dialect, { ns, id: task.id, envelope_id: envelope.id, now }),
          ]),
      ...(claim ? readKeys(service, [claim]) : []),
    ])
    const faster = claim && earlierRef(claim, tables.at(-1) ?? [])
    if (faster !== undefined) return envelopes.mustFind(ns, faster)
    return envelopes.keep(ns, envelope, bytes)
  }

  const create = async (call: Call, caller: Caller): Promise<Envelope> => {
    const { ns } = caller
    const id = newId('env')
    const { idempotency_key, ...body } = call
    const claim = claimKey(service, { ns, key: idempotency_key, operation: 'handoffs.create', body, ref: id })
    const earlier = await findEarlier(service, claim)
    if (earlier !== undefined) return envelopes.mustFind(ns, earlier)

    const named = senderOf(call, caller)
    const previous = await findPrevious(service, envelopes, ns, {
      previous: call.previous,
      sender: named,
      task_id: call.task_id,
    })
    const sender = named ?? previous.receiver ?? 'unknown'
    const task_id = previous.envelopes[0]?.task.id ?? call.task_id
    if (call.task_id !== undefined && task_id !== call.task_id)
      throw new SpineError('INVALID_INPUT', `task_id: what is continued belongs to task ${task_id}.`, { task_id })
    const start = previous.envelopes.length ? undefined : await startOf(ns, call)
    const chain = chainOf(call, id, sender, previous)
    const inherited = inherit(previous.envelopes, start, {
      id: call.task_id,
      intent: call.intent,
      summary: call.task_summary,
      state: call.state ?? {},
      amendments: call.amendments ?? [],
      constraints: call.constraints ?? {},
      locked: call.locked ?? [],
      waive: call.waive ?? {},
      extensions: call.extensions,
      by: sender,
      hop: chain.hop,
    })
    const profile = await agents.profile(ns, call.target_agent)
    const tokenizer_name = profile?.tokenizer ?? DEFAULT_TOKENIZER
    const count = await tokenizer(tokenizer_name)
    const budget = budgetOf(call.max_tokens, inherited.constrained.constraints, profile, handoffDefaults.max_tokens)
    const ownHistory = (call.execution_history ?? []).map((entry) => ({ entry, hop: chain.hop, envelope_id: id }))
    const history = [...inherited.history, ...ownHistory]
    const collected = await collect(service, {
      ns,
      task_id,
      memory_ids: call.memory_ids ?? [],
      summary: call.task_summary,
      intent: inherited.task.intent,
      history_ids: history.flatMap(({ entry }) => entry.memory_id ?? []),
      previous: previous.envelopes,
      include_recent: call.include_recent,
      include_pins: call.include_pins,
    })
    if (call.require_complete && collected.gaps.length)
      throw new SpineError(
        'INCOMPLETE',
        `${collected.gaps.length} requested memories cannot be read: ${collected.gaps
          .slice(0, 10)
          .map((gap) => `${gap.id} (${gap.reason})`)
          .join(', ')}.`,
        { gaps: collected.gaps },
      )
    const blank = draftOf(call, caller, {
      id,
      sender,
      chain,
      inherited,
      tokenizer_name,
      max_tokens: budget.max_tokens,
      reserved: profile?.reserved_tokens ?? 0,
    })
    const trail = trailOf(blank, previous, caller)
    const fitted = fitEnvelope({
      draft: { ...blank, completeness: { ...blank.completeness, gaps: collected.gaps } },
      history,
      compacted: inherited.compacted,
      memories: collected.memories,
      strategy: call.strategy,
      count,
      require_full_intent: call.require_full_intent,
    })
    warnOfPins(fitted.draft, caller)
    const rest = history
      .filter(({ entry, envelope_id }) => envelope_id === id && !fitted.draft.execution_history.includes(entry))
      .map(({ entry }) => entry)
    const gone = new Set(collected.gaps.map((gap) => gap.id))
    const refs = [
      ...collected.requested.filter((ref) => !gone.has(ref)),
      ...fitted.draft.memories.map((memory) => memory.id),
    ]
    const { envelope, bytes } = seal(
      {
        ...fitted.draft,
        memory_refs: [...new Set(refs)],
        completeness: completenessOf(collected.requested, collected.gaps, fitted.draft),
        // Entries of this call that the text had no room for: the compacted entry points here.
        ...(rest.length ? { history_rest: rest } : {}),
      },
      fitted.tokens,
    )
    return store(ns, envelope, bytes, trail, claim)
  }

  const draftOf = (
    call: Call,
    { ns }: Caller,
    made: {
      id: string
      sender: string
      chain: Envelope['chain']
      inherited: Inherited
      tokenizer_name: TokenizerName
      max_tokens: number
      reserved: number
    },
  ): Draft => ({
    envelope_version: CURRENT_VERSION,
    id: made.id,
    created_at: toIso(clock.now()),
    namespace: ns,
    source_agent: made.sender,
    target_agent: call.target_agent,
    chain: made.chain,
    task: made.inherited.task,
    constraints: made.inherited.constrained.constraints,
    constraint_ledger: { ...made.inherited.constrained.ledger },
    execution_history: [],
    ...(call.expected_output ? { expected_output: call.expected_output } : {}),
    memory_refs: [],
    memories: [],
    facts: [],
    budget: { max_tokens: made.max_tokens, tokenizer: made.tokenizer_name, used: 0, reserved: made.reserved },
    receipts: { trimmed: [], omitted_count: 0 },
    completeness: { requested: 0, resolved: 0, included: 0, score: 1, gaps: [] },
    ...(call.idempotency_key === undefined ? {} : { idempotency_key: call.idempotency_key }),
    ...(call.traceparent === undefined ? {} : { traceparent: call.traceparent }),
    ...(call.deadline === undefined ? {} : { deadline: call.deadline }),
    ...(made.inherited.extensions ? { extensions: made.inherited.extensions } : {}),
  })

  return create
}

/** Resolved: it exists and is carried at least as a reference. Included: with content. */
function completenessOf(requested: readonly string[], gaps: Completeness['gaps'], draft: Draft): Completeness {
  const wanted = new Set(requested)
  const carried = draft.memories.filter((memory) => wanted.has(memory.id))
  const included = carried.filter((memory) => memory.content !== undefined)
  const score = requested.length === 0 ? 1 : Math.round((carried.length / requested.length) * 10_000) / 10_000
  return { requested: requested.length, resolved: carried.length, included: included.length, score, gaps }
}

function warnOfPins(draft: Draft, caller: Caller): void {
  const tokens = draft.memories
    .filter(({ pinned, content }) => pinned && content !== undefined)
    .reduce((sum, memory) => sum + memory.tokens, 0)
  if (tokens > draft.budget.max_tokens * PIN_SHARE)
    caller.warn(`Pinned memories take ${tokens} of ${draft.budget.max_tokens} tokens.`)
}
