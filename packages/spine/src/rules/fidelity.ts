/**
 * What survives along a chain. Every envelope of the way is taken apart into items; an item is followed by its own
 * words from hop to hop, so what is reported is what stands there, not what somebody meant.
 */

import type { Envelope } from '../protocol/envelope.ts'
import {
  type ChainItem,
  type Fidelity,
  type ItemEvent,
  type ItemKind,
  itemKind,
  type Survival,
} from '../protocol/fidelity.ts'
import { render } from '../protocol/render.ts'
import { sameValue } from './constraints.ts'
import { itemsOf, type SeenItem } from './items.ts'

const FORMULA = 'survived / (of - waived - resolved)'

/** What an event says beside where it was. */
type Happening = Pick<ItemEvent, 'what' | 'from' | 'to' | 'by' | 'reason'>

type Followed = { item: SeenItem; here: boolean; events: ItemEvent[] }

/** The longest way from a to b through `previous`; undefined when b does not descend from a. */
export function wayBetween(lineage: readonly Envelope[], a: string, b: string): Envelope[] | undefined {
  const ways = new Map<string, Envelope[]>()
  for (const envelope of lineage.toSorted((left, right) => left.chain.hop - right.chain.hop)) {
    if (envelope.id === a) ways.set(a, [envelope])
    const before = envelope.chain.previous.flatMap((link) => [ways.get(link.id) ?? []])
    const longest = before.toSorted((left, right) => right.length - left.length)[0]
    if (longest?.length) ways.set(envelope.id, [...longest, envelope])
  }
  return ways.get(b)
}

/** The report over a way; its first envelope is a, its last b. */
export function fidelityOf(way: readonly Envelope[], path: Fidelity['path']): Fidelity {
  const followed = new Map<string, Followed>()
  const hops = way.map((envelope, index) => {
    const before = new Set([...followed.values()].filter(({ here }) => here))
    follow(followed, envelope, path)
    const counted = [...followed.values()].filter((one) => before.has(one) || one.here)
    const isOld = (one: Followed) => index === 0 || before.has(one)
    const { id, chain, source_agent, target_agent, created_at, token_count, budget } = envelope
    return {
      envelope_id: id,
      hop: chain.hop,
      source_agent,
      target_agent,
      created_at,
      token_count,
      max_tokens: budget.max_tokens,
      ...surviving(
        counted.map((one) => ({ kind: one.item.kind, fate: isOld(one) ? fateSince(one, envelope.id) : 'added' })),
      ),
    }
  })
  const [a] = way
  const items = [...followed.values()].map((one) => itemOf(one, a?.id)).toSorted((left, right) => byKind(left, right))
  return { path, hops, items, ...surviving(items.filter(({ in_a, in_b }) => in_a || in_b)), formula: FORMULA }
}

/** Goes one envelope further with every item. */
function follow(followed: Map<string, Followed>, envelope: Envelope, path: Fidelity['path']): void {
  const seen = itemsOf(envelope)
  const at = { hop: envelope.chain.hop, envelope_id: envelope.id }
  const text = textOf(envelope)
  for (const [key, one] of followed) {
    if (seen.has(key)) continue
    // A fact that the list no longer names may still stand in the text.
    if (one.item.kind === 'fact' && text().includes(String(one.item.value))) {
      if (!one.here) one.events.push({ ...at, what: 'back' })
      one.here = true
    } else if (one.here) {
      one.here = false
      one.events.push({ ...at, ...endOf(one.item, envelope, path) })
    }
  }
  for (const [key, item] of seen) {
    const known = followed.get(key)
    if (!known) followed.set(key, { item, here: true, events: [{ ...at, what: 'added', ...byOf(item) }] })
    else {
      if (!known.here) known.events.push({ ...at, what: 'back', ...byOf(item) })
      else if (!sameValue(known.item.value, item.value)) known.events.push({ ...at, ...changeOf(known.item, item) })
      known.here = true
      known.item = item
    }
  }
}

function textOf(envelope: Envelope): () => string {
  let text: string | undefined
  return () => (text ??= render(envelope))
}

const byOf = ({ by }: SeenItem) => (by === undefined ? {} : { by })

function changeOf(before: SeenItem, after: SeenItem): Happening {
  const { waiver, narrowed } = after.ledger ?? {}
  const lifted = waiver && !sameValue(waiver, before.ledger?.waiver) ? waiver : undefined
  const narrower = (narrowed?.length ?? 0) > (before.ledger?.narrowed?.length ?? 0) ? narrowed?.at(-1) : undefined
  return {
    what: narrower && !lifted ? 'narrowed' : 'changed',
    from: before.value,
    to: after.value,
    ...(lifted ? { by: lifted.by, reason: lifted.reason } : narrower ? { by: narrower.by } : {}),
  }
}

/** Why an item is no longer there. */
function endOf(item: SeenItem, envelope: Envelope, path: Fidelity['path']): Happening {
  // Questions are carried by themselves: along a chain one goes only when its agent gives a list without it.
  if (item.kind === 'open_question' && path === 'chain') return { what: 'resolved', by: envelope.source_agent }
  if (item.kind === 'constraint') {
    const name = item.name ?? ''
    const ledger = Object.hasOwn(envelope.constraint_ledger, name) ? envelope.constraint_ledger[name] : undefined
    if (ledger?.waiver) return { what: 'waived', by: ledger.waiver.by, reason: ledger.waiver.reason }
  }
  return { what: 'lost' }
}

/** What the last event of this envelope made of it. */
function fateSince({ here, events }: Followed, envelope_id: string): ChainItem['fate'] {
  const last = events.findLast((event) => event.envelope_id === envelope_id)
  if (here) return last && last.what !== 'added' && last.what !== 'back' ? 'changed' : 'kept'
  return endFate(last)
}

const endFate = (event: ItemEvent | undefined): ChainItem['fate'] =>
  event?.what === 'waived' || event?.what === 'resolved' ? event.what : 'lost'

function itemOf({ item, here, events }: Followed, a: string | undefined): ChainItem {
  const { key, kind, label } = item
  const in_a = events[0]?.envelope_id === a
  const touched = events.some(({ what }) => what === 'narrowed' || what === 'changed')
  const fate = here ? (in_a ? (touched ? 'changed' : 'kept') : 'added') : endFate(events.at(-1))
  return { key, kind, label, in_a, in_b: here, fate, events }
}

const byKind = (left: { kind: ItemKind }, right: { kind: ItemKind }) =>
  itemKind.options.indexOf(left.kind) - itemKind.options.indexOf(right.kind)

const NOTHING: Survival = { of: 0, survived: 0, changed: 0, waived: 0, resolved: 0, lost: 0, added: 0 }

function surviving(
  items: readonly { kind: ItemKind; fate: ChainItem['fate'] }[],
): Pick<Fidelity, 'score' | 'total' | 'kinds'> {
  const total = { ...NOTHING }
  const kinds: Fidelity['kinds'] = {}
  for (const { kind, fate } of items) {
    const of_kind = kinds[kind] ?? { ...NOTHING }
    kinds[kind] = of_kind
    for (const counted of [total, of_kind]) {
      if (fate !== 'added') counted.of += 1
      if (fate === 'kept' || fate === 'changed') counted.survived += 1
      if (fate !== 'kept') counted[fate] += 1
    }
  }
  const expected = total.of - total.waived - total.resolved
  return { score: expected > 0 ? Math.round((total.survived / expected) * 10_000) / 10_000 : 1, total, kinds }
}
