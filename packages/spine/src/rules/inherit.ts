/**
 * What the next envelope of a chain starts from: the user's intent, constraints, state, amendments and history of the
 * envelopes before it, changed only as the rules allow.
 */

import { type CompactedEntry, type Envelope, isCompacted } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import type { JsonMap } from '../protocol/scalars.ts'
import type { Amendment, TaskState } from '../protocol/task.ts'
import { type Constrained, inheritConstraints, joinConstraints, type Refusal, whyNotLifted } from './constraints.ts'
import type { HistoryPart } from './history.ts'

/** What is known of the task when nothing came before. */
export type TaskStart = { id: string; intent: string; constrained: Constrained; state: TaskState }

export type InheritCall = {
  id: string | undefined
  intent: string | undefined
  summary: string
  state: TaskState
  amendments: readonly Amendment[]
  constraints: JsonMap
  locked: readonly string[]
  waive: Readonly<Record<string, string>>
  extensions: JsonMap | undefined
  by: string
  /** The agent that the sender's credential is bound to. */
  agent: string | undefined
  hop: number
}

export type Inherited = {
  task: Envelope['task']
  constrained: Constrained
  history: HistoryPart[]
  compacted: CompactedEntry | undefined
  extensions: JsonMap | undefined
}

/** Throws INTENT_CHANGED, WAIVER_REFUSED, CONSTRAINT_CHANGED or CONSTRAINT_CONFLICT, each naming what differs. */
export function inherit(previous: readonly Envelope[], start: TaskStart | undefined, call: InheritCall): Inherited {
  const [first] = previous
  const joined = joinConstraints(previous.map(constrainedOf))
  refuse('CONSTRAINT_CONFLICT', joined.refusals)
  const before: Constrained = first ? joined : (start?.constrained ?? { constraints: {}, ledger: {} })
  const amendments = distinct([...previous.flatMap(({ task }) => task.amendments), ...call.amendments])
  refuseWaivers(call)
  const constrained = inheritConstraints(before, { ...call, amendments: call.amendments })
  refuse('CONSTRAINT_CHANGED', constrained.refusals)

  const id = first?.task.id ?? start?.id ?? call.id
  const state = joinStates([...previous.map(({ task }) => task.state), ...(first ? [] : [start?.state ?? {}])])
  const extensions = Object.assign(
    {},
    ...previous.map((envelope) => envelope.extensions ?? {}),
    call.extensions ?? {},
  ) as JsonMap
  return {
    task: {
      ...first?.task,
      ...(id === undefined ? {} : { id }),
      ...intentOf(previous, start, call),
      summary: call.summary,
      state: { ...state, ...call.state },
      amendments,
    },
    constrained,
    ...historyOf(previous),
    extensions: Object.keys(extensions).length ? extensions : undefined,
  }
}

/** A constraint that an imported envelope has no ledger for was set by its sender. */
function constrainedOf({ constraints, constraint_ledger, source_agent, chain }: Envelope): Constrained {
  const unsaid = Object.keys(constraints).filter((key) => !Object.hasOwn(constraint_ledger, key))
  const set = { set_by: source_agent, hop: chain.hop, locked: false }
  return { constraints, ledger: { ...Object.fromEntries(unsaid.map((key) => [key, set])), ...constraint_ledger } }
}

function intentOf(
  previous: readonly Envelope[],
  start: TaskStart | undefined,
  call: InheritCall,
): Pick<Envelope['task'], 'intent' | 'intent_from'> {
  const known = previous[0]?.task.intent ?? start?.intent
  const others = [...previous.map(({ task }) => task.intent), ...(call.intent === undefined ? [] : [call.intent])]
  if (known !== undefined && others.some((intent) => intent !== known))
    throw new SpineError(
      'INTENT_CHANGED',
      'The chain has another intent; new words of the user belong into `amendments`.',
      { intent: known.slice(0, 500) },
    )
  const intent = known ?? call.intent
  if (intent === undefined) return { intent: call.summary, intent_from: 'summary' }
  const marked = previous[0]?.task.intent_from
  return marked ? { intent, intent_from: marked } : { intent }
}

/** Lists of branches are united, of other keys the last branch that has one counts. */
function joinStates(states: readonly TaskState[]): TaskState {
  const joined: Record<string, unknown> = {}
  for (const state of states)
    for (const [key, value] of Object.entries(state)) {
      const known = Object.hasOwn(joined, key) ? joined[key] : undefined
      joined[key] = Array.isArray(known) && Array.isArray(value) ? distinct([...known, ...value]) : value
    }
  return joined as TaskState
}

/** The entries that the previous envelopes show, oldest first, each with the envelope that has it. */
function historyOf(previous: readonly Envelope[]): { history: HistoryPart[]; compacted: CompactedEntry | undefined } {
  const history: HistoryPart[] = []
  let compacted: CompactedEntry | undefined
  const seen = new Set<string>()
  for (const envelope of previous)
    for (const entry of envelope.execution_history) {
      if (isCompacted(entry)) {
        if (!compacted || entry.compacted > compacted.compacted) compacted = entry
        continue
      }
      const key = JSON.stringify(entry)
      if (seen.has(key) && previous.length > 1) continue
      seen.add(key)
      history.push({ entry, hop: envelope.chain.hop, envelope_id: envelope.id })
    }
  return { history, compacted }
}

function refuseWaivers({ amendments, agent }: InheritCall): void {
  for (const amendment of amendments) {
    const reason = whyNotLifted(amendment, agent)
    if (reason === undefined) continue
    const keys = amendment.waives ?? []
    throw new SpineError('WAIVER_REFUSED', `The amendment does not lift ${keys.join(', ')}: ${reason}.`, { keys })
  }
}

function refuse(code: 'CONSTRAINT_CHANGED' | 'CONSTRAINT_CONFLICT', refusals: readonly Refusal[]): void {
  if (refusals.length === 0) return
  const said = refusals.map(({ key, reason }) => `${key}: ${reason}`).join('; ')
  throw new SpineError(code, `Constraints cannot be changed this way: ${said}.`, { constraints: refusals })
}

const distinct = <T>(items: readonly T[]): T[] => [
  ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
]
