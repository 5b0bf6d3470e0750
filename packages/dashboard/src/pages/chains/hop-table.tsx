/** Under each hop, on the same columns: what survived, how long it took, what it cost. */

import type { Fidelity, ItemKind, Survival } from '../../../../spine/src/protocol/fidelity.ts'
import type { HandoffStatus } from '../../../../spine/src/protocol/handoff.ts'
import { duration, number, percent } from '../../core/words.ts'
import { StateGlyph } from '../../pieces/glyphs.tsx'
import type { Scene } from './scene.ts'
import { endedAt, type Group, groups, kindsOf } from './threads.ts'

const shown: readonly Group[] = groups.slice(1)
const words: Readonly<Record<Group, string>> = {
  intent: 'Intent',
  constraints: 'Constraints',
  decisions: 'Decisions',
  facts: 'Facts',
  memories: 'Memories',
}
const most_pips = 16
/** Of what was lost, by name. */
const most_named = 4
export const table_height = 316

type Kinds = Partial<Record<ItemKind, Survival | undefined>>
type Sum = { kept: number; of: number; waived: number; added: number }

/** Of what should have survived: waived and resolved ones need not. */
function sumOf(kinds: Kinds, group: Group): Sum {
  const sum: Sum = { kept: 0, of: 0, waived: 0, added: 0 }
  for (const kind of kindsOf(group)) {
    const { survived = 0, of = 0, waived = 0, resolved = 0, added = 0 } = kinds[kind] ?? {}
    sum.kept += survived
    sum.of += of - waived - resolved
    sum.waived += waived
    sum.added += added
  }
  return sum
}

const said = ({ kept, of, waived, added }: Sum): string =>
  of + added === 0
    ? 'none yet'
    : `${of === 0 ? '' : `${kept} of ${of}`}${waived > 0 ? `, ${waived} waived` : ''}${added > 0 ? `${of > 0 ? ', ' : ''}${added} new` : ''}`

const q = (top: number, row: number) => top + 66 + row * 23

export function HopTable({ scene }: { scene: Scene }) {
  const { table: top, xs, width, fidelity, names } = scene
  const { threads } = scene.threads
  const present = shown.filter((group) => fidelity.items.some(({ kind }) => kindsOf(group).includes(kind)))
  const label = (xs[0] ?? 0) - 18
  return (
    <g>
      <path class="rule" d={`M0 ${top - 22}H${width}`} />
      <g class="second" text-anchor="end">
        <text x={label} y={top + 34}>
          Survived
        </text>
        {[...present.map((group) => words[group]), 'To accepted', 'Tokens', 'Lost here'].map((word, row) => (
          <text key={word} x={label} y={q(top, row)}>
            {word}
          </text>
        ))}
      </g>
      {fidelity.hops.map((hop, index) => (
        <HopColumn
          key={hop.envelope_id}
          x={(xs[index] ?? 0) + 16}
          top={top}
          hop={hop}
          first={index === 0}
          status={scene.statuses[index]}
          present={present}
          lost={endedAt(threads, index, 'lost').map(({ item }) => item.label)}
          room={Math.floor(((xs[index + 1] ?? 0) - (xs[index] ?? 0) - 34) / 6.2)}
        />
      ))}
      <EndColumn x={(xs.at(-1) ?? 0) + 20} top={top} fidelity={fidelity} present={present} names={names} />
    </g>
  )
}

type HopColumnProps = {
  x: number
  top: number
  hop: Fidelity['hops'][number]
  first: boolean
  status: HandoffStatus | undefined
  present: readonly Group[]
  /** Names of what was lost here, and how many characters of one there is room for. */
  lost: readonly string[]
  room: number
}

function HopColumn({ x, top, hop, first, status, present, lost, room }: HopColumnProps) {
  const { total, score, kinds, token_count, max_tokens } = hop
  const deliveries = (status?.deliveries ?? []).slice(0, 4)
  const needed = total.of - total.waived - total.resolved
  const [only] = deliveries
  const accepted = (status?.deliveries ?? []).flatMap(({ accepted_at, created_at }) =>
    accepted_at ? Date.parse(accepted_at) - Date.parse(created_at) : [],
  )
  const latency = accepted.length > 0 ? Math.max(...accepted) : undefined
  const rows = present.length
  return (
    <g>
      <path class="rule" d={`M${x - 16} ${top - 22}V${top + table_height - 40}`} />
      <text class="second" x={x} y={top}>
        hop {hop.hop}
      </text>
      {deliveries.map(({ id, state }, index) => (
        <StateGlyph key={id} state={state} x={x + 44 + index * 19} y={top - 11} />
      ))}
      <text class="second" x={x + 52 + deliveries.length * 19} y={top}>
        {deliveries.length > 1 ? `${status?.deliveries.length} receivers` : (only?.state ?? 'not sent')}
      </text>
      <text class={`figure ${total.lost > 0 ? 'lost' : ''}`} x={x} y={top + 36}>
        {percent(score)}
        <tspan class="unit">
          {' %'}
          {total.lost > 0 && `, ${total.survived} of ${needed}`}
        </tspan>
      </text>
      {present.map((group, row) => (
        <GroupRow key={group} x={x} y={q(top, row)} group={group} sum={sumOf(kinds, group)} first={first} />
      ))}
      {latency === undefined ? (
        <text class="second" x={x} y={q(top, rows)}>
          not accepted yet
        </text>
      ) : (
        <>
          <rect
            class="time"
            x={x}
            y={q(top, rows) - 8}
            width={Math.min(80, Math.max(2, latency / 110))}
            height="8"
            rx="1"
          />
          <text x={x + 100} y={q(top, rows)}>
            {duration(latency)}
          </text>
        </>
      )}
      <rect class="track" x={x} y={q(top, rows + 1) - 8} width="80" height="8" rx="1" />
      <rect
        class={token_count / max_tokens >= 0.97 ? 'used full' : 'used'}
        x={x}
        y={q(top, rows + 1) - 8}
        width={Math.min(80, (token_count / max_tokens) * 80)}
        height="8"
        rx="1"
      />
      <text x={x + 100} y={q(top, rows + 1)}>
        {number(token_count)} of {number(max_tokens)}
      </text>
      <LostRows x={x} y={q(top, rows + 2)} lost={lost} room={room} />
    </g>
  )
}

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

type LostRowsProps = { x: number; y: number; lost: readonly string[]; room: number }

const LostRows = ({ x, y, lost, room }: LostRowsProps) => (
  <g>
    {lost.length === 0 && (
      <text class="second" x={x} y={y}>
        nothing
      </text>
    )}
    {lost.slice(0, most_named).map((label, line) => (
      <text key={label} class="lost" x={x} y={y + line * 16}>
        {cut(label, room)}
        <title>{label}</title>
      </text>
    ))}
    {lost.length > most_named && (
      <text class="lost" x={x} y={y + most_named * 16}>
        and {lost.length - most_named} more
      </text>
    )}
  </g>
)

type GroupRowProps = { x: number; y: number; group: Group; sum: Sum; first: boolean }

function GroupRow({ x, y, group, sum, first }: GroupRowProps) {
  const { kept, of } = sum
  const lost = kept < of
  const pips = of + sum.added
  const step = pips > 8 ? 5 : 7
  const drawn = pips <= most_pips
  return (
    <g class={group}>
      {drawn &&
        Array.from({ length: pips }, (_, index) => (
          <rect
            key={index}
            class={index >= kept && index < of ? 'pip gone' : 'pip'}
            x={x + index * step}
            y={y - 9}
            width={step - 2}
            height="10"
            rx="1"
          />
        ))}
      <text class={lost ? 'lost strong' : ''} x={drawn && pips > 0 ? x + 100 : x} y={y}>
        {first ? (of > 0 ? number(of) : 'none yet') : said(sum)}
      </text>
    </g>
  )
}

type EndProps = { x: number; top: number; fidelity: Fidelity; present: readonly Group[]; names: readonly string[] }

function EndColumn({ x, top, fidelity, present, names }: EndProps) {
  const { score, total, kinds, hops } = fidelity
  const tokens = hops.reduce((sum, { token_count }) => sum + token_count, 0)
  const took = Date.parse(hops.at(-1)?.created_at ?? '') - Date.parse(hops[0]?.created_at ?? '')
  return (
    <g>
      <path class="rule" d={`M${x - 20} ${top - 22}V${top + table_height - 40}`} />
      <text class="second" x={x} y={top}>
        {names[0]} to {names.at(-1)}
      </text>
      <text class={`figure ${total.lost > 0 ? 'lost' : ''}`} x={x} y={top + 36}>
        {percent(score)}
        <tspan class="unit"> % end to end</tspan>
      </text>
      {present.map((group, row) => {
        const sum = sumOf(kinds, group)
        return (
          <text key={group} class={sum.kept < sum.of ? 'lost strong' : ''} x={x} y={q(top, row)}>
            {said(sum)}
          </text>
        )
      })}
      <text x={x} y={q(top, present.length)}>
        {hops.length > 1 ? `${duration(took)} to the last sealing` : ''}
      </text>
      <text x={x} y={q(top, present.length + 1)}>
        {number(tokens)} in all
      </text>
    </g>
  )
}
