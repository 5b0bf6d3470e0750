/**
 * Making an envelope: find what is continued, inherit, collect, fit, seal. One straight walk, each step in its own
 * room. Nothing is stored here: the statements that store it are answered, so that they can share a commit.
 */

import type { z } from 'zod'
import type { AgentProfile } from '../protocol/agent.ts'
import { canonicalBytes, sealed, sha256 } from '../protocol/canonical.ts'
import type { contract } from '../protocol/contract.ts'
import type { Chain, Completeness, Draft, Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { handoffDefaults } from '../protocol/handoff.ts'
import { limits } from '../protocol/limits.ts'
import { render } from '../protocol/render.ts'
import { toIso } from '../protocol/scalars.ts'
import { CURRENT_VERSION, formOf } from '../protocol/versions.ts'
import { type Budget, budgetOf } from '../rules/budget.ts'
import { fitEnvelope } from '../rules/fit.ts'
import type { HistoryPart } from '../rules/history.ts'
import type { Step } from '../rules/hops.ts'
import { type Inherited, inherit } from '../rules/inherit.ts'
import type { Candidates } from '../rules/variants.ts'
import type { Row, Statement } from '../store/database.ts'
import { storeEnvelopes, storeForms } from '../store/envelopes.ts'
import { supersedeDeliveries } from '../store/parked.ts'
import { openTask, setLastEnvelope } from '../store/tasks.ts'
import type { Agents } from './agents.ts'
import { chainOf, trailOf } from './chain.ts'
import type { Collected } from './collecting.ts'
import type { Caller, Service } from './context.ts'
import { earlierOutputs } from './earlier-outputs.ts'
import type { Envelopes } from './envelopes.ts'
import { factsFor } from './fact-sources.ts'
import type { KeyClaim } from './idempotency.ts'
import { collectOrGaps } from './lookups.ts'
import { findPrevious, type Previous } from './previous.ts'
import { taskStart } from './tasks.ts'
import { DEFAULT_TOKENIZER, tokenizer } from './tokenizers.ts'

export type HandoffCall = z.output<(typeof contract.handoffs)['create']['input']>

/** A sealed envelope and what belongs into the commit that stores it. */
export type Assembled = {
  envelope: Envelope
  bytes: Uint8Array
  trail: Step[]
  continued: readonly Row[]
  /** What set the budget. */
  budget_by: Budget['set_by']
  /** The same handoff sealed in other versions. */
  forms: readonly Sealed[]
  /** Its sender said that it continues nothing. */
  begun: boolean
}

/** All that an envelope is chosen from. Nothing has been refused for its size yet. */
export type Prepared = Pick<Assembled, 'trail' | 'continued' | 'budget_by' | 'begun'> & {
  candidates: Candidates
  collected: Collected
}

export type Assembly = ReturnType<typeof createAssembly>

type Sealed = { version: string; digest: string; checksum: string; body: Uint8Array }

/** A delivery that ends in the same commit, with what it answers. */
type Ending = { id: string; output: string | null }

/** Pins that take more than this share of the budget are worth a warning. */
const PIN_SHARE = 0.25
/** Times that an envelope with too many bytes is fitted into fewer tokens. */
const SMALLER = 3

export function createAssembly(service: Service, { envelopes, agents }: { envelopes: Envelopes; agents: Agents }) {
  const { database, clock } = service
  const { dialect } = database

  /** Finds, inherits and collects for the envelope `id` of this call, or for budgets up to the `largest` of a what-if. */
  const prepare = async (
    id: string,
    call: HandoffCall,
    caller: Caller,
    { ending, largest = 0 }: { ending?: Ending | undefined; largest?: number } = {},
  ): Promise<Prepared> => {
    const { ns } = caller
    const named = senderOf(call, caller)
    const found = { previous: call.previous, sender: named, task_id: call.task_id }
    const previous = withOutput(await findPrevious(service, envelopes, ns, found), ending)
    const sender = named ?? previous.receiver ?? 'unknown'
    const { max_hops, cycle, target_agent: target } = call
    const chain = chainOf({ id, sender, target, max_hops, cycle }, previous)
    const inherited = await inheritFor(call, previous, chain, sender, caller)
    const profile = await agents.profile(ns, target)
    const budget = budgetOf(call.max_tokens, inherited.constrained.constraints, profile, handoffDefaults.max_tokens)
    const { max_tokens } = budget
    // A trace goes on along the chain, also through those who do not trace.
    const traceparent = call.traceparent ?? previous.envelopes[0]?.traceparent
    const made = { id, ns, now: clock.now(), sender, chain, inherited, profile, max_tokens, traceparent }
    const draft = draftOf(call, made)
    const trail = trailOf(draft, previous, caller.warn)
    const history = await historyOf(call, draft, inherited, previous)
    const wanted = {
      ns,
      task_id: draft.task.id,
      memory_ids: call.memory_ids ?? [],
      summary: call.task_summary,
      intent: draft.task.intent,
      history_ids: history.flatMap(({ entry }) => entry.memory_id ?? []),
      previous: previous.envelopes,
      include_recent: call.include_recent,
      include_pins: call.include_pins,
      max_tokens: Math.max(largest, draft.budget.max_tokens),
    }
    const collected = await collectOrGaps(service, wanted, caller)
    const { memories } = collected
    const task_id = draft.task.id
    const before = { previous: previous.envelopes, inherited: previous.envelopes.flatMap(({ facts }) => facts) }
    const facts = await factsFor(service, { ns, draft, ...before, history, memories, task_id })
    const candidates = {
      draft: { ...draft, completeness: { ...draft.completeness, gaps: collected.gaps } },
      history,
      compacted: inherited.compacted,
      memories,
      facts,
      require_full_intent: call.require_full_intent,
    }
    return {
      candidates,
      collected,
      trail,
      continued: previous.deliveries,
      budget_by: budget.set_by,
      begun: call.previous === null,
    }
  }

  /** Makes the envelope `id` of this call. */
  const assemble = async (id: string, call: HandoffCall, caller: Caller, ending?: Ending): Promise<Assembled> => {
    const { candidates, collected, ...made } = await prepare(id, call, caller, { ending })
    if (call.require_complete) refuseGaps(collected.gaps)
    const count = await tokenizer(candidates.draft.budget.tokenizer)
    await service.turns.next()
    const { max_tokens } = candidates.draft.budget
    const sealedWithin = (most: number) => {
      const fitted = fitEnvelope({ ...within(candidates, most), strategy: call.strategy, count })
      const { draft } = within({ draft: fitted.draft }, max_tokens)
      // How much is said of what is missing goes by the budget.
      const tokens = most === max_tokens ? fitted.tokens : count(render(draft))
      return seal(withReferences(draft, collected, candidates.history), tokens)
    }
    const { envelope, bytes } = sealWithinBytes(sealedWithin, max_tokens, caller)
    warnOfPins(envelope, caller)
    return { envelope, bytes, forms: formsFor(call, envelope), ...made }
  }

  const inheritFor = async (
    call: HandoffCall,
    previous: Previous,
    chain: Chain,
    by: string,
    { ns, agent }: Caller,
  ): Promise<Inherited> => {
    const task_id = previous.envelopes[0]?.task.id ?? call.task_id
    if (call.task_id !== undefined && task_id !== call.task_id)
      throw new SpineError('INVALID_INPUT', `task_id: what is continued belongs to task ${task_id}.`, { task_id })
    const start = previous.envelopes.length ? undefined : await taskStart(service, envelopes, ns, call)
    return inherit(previous.envelopes, start, {
      id: call.task_id,
      intent: call.intent,
      summary: call.task_summary,
      state: call.state ?? {},
      amendments: call.amendments ?? [],
      constraints: call.constraints ?? {},
      locked: call.locked ?? [],
      waive: call.waive ?? {},
      extensions: call.extensions,
      by,
      agent,
      hop: chain.hop,
    })
  }

  /** What was inherited, what ended, and what this call adds. */
  const historyOf = async (call: HandoffCall, draft: Draft, inherited: Inherited, previous: Previous) => {
    const count = await tokenizer(draft.budget.tokenizer)
    const here = (entry: HistoryPart['entry']): HistoryPart => ({ entry, hop: draft.chain.hop, envelope_id: draft.id })
    const outcomes = earlierOutputs(previous.deliveries, Math.floor(draft.budget.max_tokens / 5), count)
    return [...inherited.history, ...[...outcomes, ...(call.execution_history ?? [])].map(here)]
  }

  /** What stores it. With `after`, only when that delivery has named this envelope as its successor. */
  const statementsOf = (ns: string, made: Assembled, claim: KeyClaim | undefined, after?: string): Statement[] => {
    const { envelope, bytes, trail, continued, budget_by, forms, begun } = made
    const { id, task } = envelope
    const now = clock.now()
    const row = envelopes.rowOf(ns, envelope, bytes, {
      verified: true,
      trail: JSON.stringify(trail),
      budget_by,
      ...(begun ? { linked: 'begun' } : {}),
      claim,
      after,
    })
    const asked = continued.filter((delivery) => delivery.state === 'parked' && delivery.last === 'nack_clarify')
    const answered = asked.map((delivery) => ({ ns, id: String(delivery.id), envelope_id: id }))
    return [
      ...storeEnvelopes(dialect, [row]),
      ...storeForms(
        dialect,
        forms.map((form) => ({ ns, id, of: envelope.digest, ...form })),
      ),
      ...agents.note(
        ns,
        [envelope.target_agent].filter((name) => name !== 'broadcast'),
      ),
      ...(task.id === undefined
        ? []
        : [
            openTask(dialect, { ns, id: task.id, intent: task.intent, envelope_id: id, now }),
            setLastEnvelope(dialect, { ns, id: task.id, envelope_id: id, now }),
          ]),
      ...supersedeDeliveries(dialect, answered, { now }),
    ]
  }

  return Object.freeze({ prepare, assemble, statementsOf })
}

/** What a delivery answers as it ends is part of what happened, though no row says so yet. */
function withOutput(previous: Previous, ending: Ending | undefined): Previous {
  if (!ending) return previous
  const { id, output } = ending
  return { ...previous, deliveries: previous.deliveries.map((row) => (row.id === id ? { ...row, output } : row)) }
}

function senderOf(call: HandoffCall, caller: Caller): string | undefined {
  if (caller.agent !== undefined && call.source_agent !== undefined && call.source_agent !== caller.agent)
    throw new SpineError(
      'FORBIDDEN',
      `The key is that of ${caller.agent}; it cannot hand over as ${call.source_agent}.`,
    )
  return caller.agent ?? call.source_agent
}

type Made = {
  id: string
  ns: string
  now: number
  sender: string
  chain: Chain
  inherited: Inherited
  profile: AgentProfile | undefined
  max_tokens: number
  traceparent: string | undefined
}

/** The envelope before anything was chosen for it. */
function draftOf(call: HandoffCall, made: Made): Draft {
  const { id, ns, now, sender, chain, inherited, profile, max_tokens, traceparent } = made
  const { constraints, ledger } = inherited.constrained
  const tokenizer_name = profile?.tokenizer ?? DEFAULT_TOKENIZER
  return {
    envelope_version: CURRENT_VERSION,
    id,
    created_at: toIso(now),
    namespace: ns,
    source_agent: sender,
    target_agent: call.target_agent,
    chain,
    task: inherited.task,
    constraints,
    constraint_ledger: { ...ledger },
    execution_history: [],
    ...(call.expected_output ? { expected_output: call.expected_output } : {}),
    memory_refs: [],
    memories: [],
    facts: [],
    budget: {
      max_tokens,
      tokenizer: tokenizer_name,
      used: 0,
      reserved: profile?.reserved_tokens ?? 0,
      strategy: call.strategy,
    },
    receipts: { trimmed: [], omitted_count: 0 },
    completeness: { requested: 0, resolved: 0, included: 0, score: 1, gaps: [] },
    ...(call.idempotency_key === undefined ? {} : { idempotency_key: call.idempotency_key }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(call.deadline === undefined ? {} : { deadline: call.deadline }),
    ...(inherited.extensions ? { extensions: inherited.extensions } : {}),
  }
}

function withReferences(draft: Draft, { requested, gaps }: Collected, history: readonly HistoryPart[]): Draft {
  const gone = new Set(gaps.map((gap) => gap.id))
  const refs = [...requested.filter((ref) => !gone.has(ref)), ...draft.memories.map((memory) => memory.id)]
  const shown = new Set<unknown>(draft.execution_history)
  const rest = history.filter(({ entry, envelope_id }) => envelope_id === draft.id && !shown.has(entry))
  return {
    ...draft,
    memory_refs: [...new Set(refs)],
    completeness: completenessOf(requested, gaps, draft),
    // Entries of this call that the text had no room for: the compacted entry points here.
    ...(rest.length ? { history_rest: rest.map(({ entry }) => entry) } : {}),
  }
}

/** The forms that are emitted beside the current one. */
function formsFor({ emit = [] }: HandoffCall, envelope: Envelope): Sealed[] {
  return emit
    .filter((version) => version !== CURRENT_VERSION)
    .map((version) => {
      const form = formOf(envelope, version)
      const body = bounded(canonicalBytes(form))
      return { version, digest: form.digest, checksum: sha256(body), body }
    })
}

/** The same with another budget. */
const within = <D extends { draft: Draft }>(given: D, max_tokens: number): D => ({
  ...given,
  draft: { ...given.draft, budget: { ...given.draft.budget, max_tokens } },
})

type SealedEnvelope = { envelope: Envelope; bytes: Uint8Array }

function seal(draft: Draft, tokens: number): SealedEnvelope {
  const { document, bytes } = sealed({ ...draft, budget: { ...draft.budget, used: tokens }, token_count: tokens })
  return { envelope: document as Envelope, bytes }
}

/**
 * Seals within the budget; and where that holds more than the bytes of an envelope do, within as many tokens as these
 * hold. Throws TOO_LARGE when what must be kept has too many bytes.
 */
function sealWithinBytes(seal: (tokens: number) => SealedEnvelope, max_tokens: number, caller: Caller): SealedEnvelope {
  const whole = seal(max_tokens)
  let made = whole
  let most = whole.envelope.token_count
  for (let tries = 0; made.bytes.byteLength > limits.envelope_bytes && tries < SMALLER; tries += 1) {
    most = Math.floor((most * 0.95 * limits.envelope_bytes) / made.bytes.byteLength)
    try {
      made = seal(most)
    } catch (error) {
      if (error instanceof SpineError && error.code === 'BUDGET_TOO_SMALL') break
      throw error
    }
  }
  bounded(made.bytes)
  if (made !== whole)
    caller.warn(`An envelope has at most ${limits.envelope_bytes} bytes: fitted into ${most} of ${max_tokens} tokens.`)
  return made
}

function bounded(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength <= limits.envelope_bytes) return bytes
  throw new SpineError(
    'TOO_LARGE',
    `The envelope would have ${bytes.byteLength} bytes, allowed are ${limits.envelope_bytes}.`,
  )
}

function refuseGaps(gaps: Completeness['gaps']): void {
  if (gaps.length === 0) return
  const named = gaps.slice(0, 10).map((gap) => `${gap.id} (${gap.reason})`)
  throw new SpineError('INCOMPLETE', `${gaps.length} requested memories cannot be read: ${named.join(', ')}.`, { gaps })
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
