/** `memory-spine handoffs diff`: what of one envelope survives in another, and where the rest ended. */

import type { ChainItem, Fidelity, ItemEvent } from '../protocol/fidelity.ts'
import type { Connection } from './connection.ts'
import { clip, type Output, table } from './output.ts'

const percent = (share: number) => `${Math.round(share * 100)} %`
const words = (kind: string) => kind.replaceAll('_', ' ')

export async function diffHandoffs(
  { client, options }: Connection,
  a: string,
  b: string,
  output: Output,
): Promise<number> {
  const report = await client.handoffs.diff({ a, b }, options)
  const { score, total, hops, path } = report
  const [first, last] = [hops[0], hops.at(-1)]
  output.say(
    `${a} (hop ${first?.hop}, ${first?.source_agent} -> ${first?.target_agent}) to ${b} (hop ${last?.hop}, ${last?.source_agent} -> ${last?.target_agent})${path === 'direct' ? ', which does not descend from it' : ''}:`,
  )
  output.say(`${total.survived} of ${total.of} items survive, score ${percent(score)} = ${report.formula}`)
  output.say()
  output.say(kindTable(report))
  output.say()
  output.say(hopTable(report))
  for (const section of [
    lines(report, 'Lost', isLost),
    lines(report, 'Waived', isWaived),
    lines(report, 'Changed', isChanged),
  ])
    if (section) output.say(`\n${section}`)
  output.answer(report)
  return 0
}

function kindTable({ kinds }: Fidelity): string {
  const rows = Object.entries(kinds).map(([kind, counted]) => [
    words(kind),
    ...[
      counted.of,
      counted.survived,
      counted.changed,
      counted.waived,
      counted.resolved,
      counted.lost,
      counted.added,
    ].map(String),
  ])
  return table(['what', 'of', 'survived', 'changed', 'waived', 'resolved', 'lost', 'added'], rows)
}

function hopTable({ hops }: Fidelity): string {
  const rows = hops.map((hop) => [
    String(hop.hop),
    `${clip(hop.source_agent, 18)} -> ${clip(hop.target_agent, 18)}`,
    `${hop.token_count}/${hop.max_tokens}`,
    percent(hop.score),
    String(hop.total.lost),
    String(hop.total.added),
    hop.envelope_id,
  ])
  return table(['hop', 'from -> to', 'tokens', 'of the hop before', 'lost', 'added', 'envelope'], rows)
}

const lastOf = ({ events }: ChainItem) => events.at(-1)
const isLost = (item: ChainItem) => (item.fate === 'lost' ? lastOf(item) : undefined)
const isWaived = (item: ChainItem) => (item.fate === 'waived' ? lastOf(item) : undefined)
const isChanged = (item: ChainItem) =>
  item.fate === 'changed' ? item.events.findLast(({ what }) => what === 'narrowed' || what === 'changed') : undefined

const SHOWN = 20

/** One line for each item of a fate: where, what, and how. */
function lines(
  { items }: Fidelity,
  title: string,
  find: (item: ChainItem) => ItemEvent | undefined,
): string | undefined {
  const found = items.flatMap((item) => {
    const event = find(item)
    return event ? [{ item, event }] : []
  })
  if (found.length === 0) return undefined
  const rows = found.slice(0, SHOWN).map(({ item, event }) => {
    const { from, to, by, reason } = event
    const change = from === undefined ? '' : `${clip(plain(from), 24)} -> ${clip(plain(to), 24)}`
    return [
      `hop ${event.hop}`,
      words(item.kind),
      clip(item.label, 48),
      [change, by && `by ${by}`, reason].filter(Boolean).join(', '),
    ]
  })
  const more = found.length > SHOWN ? `\n... and ${found.length - SHOWN} more` : ''
  return `${title}\n${table(['where', 'what', 'which', 'how'], rows)}${more}`
}

const plain = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
