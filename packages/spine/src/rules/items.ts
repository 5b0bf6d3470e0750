/** An envelope taken apart into the items that a chain has to carry, each named by its own words. */

import { type Envelope, isCompacted, type LedgerEntry } from '../protocol/envelope.ts'
import type { ItemKind } from '../protocol/fidelity.ts'
import type { JsonMap } from '../protocol/scalars.ts'

export type SeenItem = {
  key: string
  kind: ItemKind
  label: string
  /** What counts as a change when it differs from hop to hop. */
  value: JsonMap[string]
  by?: string
  /** Of a constraint: its key, and what the ledger says of it. */
  name?: string
  ledger?: LedgerEntry
}

const MAX_LABEL = 500

const labelOf = (text: string) => (text.length > MAX_LABEL ? `${text.slice(0, MAX_LABEL - 1).toWellFormed()}…` : text)

/** Its items by key, in the order in which they stand. */
export function itemsOf(envelope: Envelope): Map<string, SeenItem> {
  const items = new Map<string, SeenItem>()
  const see = (kind: ItemKind, words: string, more: Partial<SeenItem> = {}) => {
    const key = kind === 'intent' ? kind : `${kind}:${more.name ?? words}`
    if (!items.has(key)) items.set(key, { key, kind, label: labelOf(words), value: words, ...more })
  }
  const { task, constraints, constraint_ledger, execution_history, facts, memories, memory_refs } = envelope
  see('intent', task.intent)
  for (const { text, by } of task.amendments) see('amendment', text, by === undefined ? {} : { by })
  for (const [name, value] of Object.entries(constraints)) {
    const ledger = Object.hasOwn(constraint_ledger, name) ? constraint_ledger[name] : undefined
    const words = `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`
    see('constraint', words, { name, value, ...(ledger && { ledger, by: ledger.set_by }) })
  }
  for (const decision of task.state.decisions ?? []) {
    if (typeof decision === 'string') see('decision', decision, { value: 'taken' })
    else {
      const by = decision.by === undefined ? {} : { by: decision.by }
      see('decision', decision.decision, { value: decision.status ?? 'taken', ...by })
      for (const option of decision.rejected ?? []) see('rejected', option, by)
    }
  }
  for (const entry of execution_history) {
    if (isCompacted(entry)) continue
    const by = { by: entry.agent }
    if (entry.decision !== undefined) see('decision', entry.decision, { value: 'taken', ...by })
    for (const option of [entry.rejected ?? []].flat()) see('rejected', option, by)
  }
  for (const question of task.state.open_questions ?? []) see('open_question', question)
  for (const { value } of facts) see('fact', value)
  for (const { id, level } of memories) see('reference', id, { value: level })
  for (const id of memory_refs) see('reference', id, { value: 'ref' })
  return items
}
