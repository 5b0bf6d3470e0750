/** One delivery as a row: where it is, from whom to whom, for what, and what it cost. */

import type { Delivery } from '../../../../spine/src/protocol/delivery.ts'
import type { Handoff } from '../../../../spine/src/protocol/handoff.ts'
import { href } from '../../core/router.ts'
import { duration, number, percent, shortTimeOf } from '../../core/words.ts'
import { useRecord } from '../../data/records.ts'
import { Bar, FromTo } from '../../pieces/bar.tsx'
import { State } from '../../pieces/glyphs.tsx'
import type { Column } from '../../pieces/rows.tsx'

export const deliveryColumns: readonly Column[] = [
  { head: 'Last event', width: 86 },
  { head: 'State', width: 118 },
  { head: 'From, to', width: 230 },
  { head: 'Task' },
  { head: 'Hop', width: 44, num: true, narrow: true },
  { head: 'Tokens of budget', width: 134 },
  { head: 'Complete', width: 70, num: true },
  { head: 'To accepted', width: 92, num: true },
]

const lastOf = ({ history, created_at }: Delivery): string => history.at(-1)?.at ?? created_at

export function DeliveryRow({ delivery }: { delivery: Delivery }) {
  const { state, source_agent, target, envelope_id, created_at, accepted_at } = delivery
  const record = useRecord(envelope_id)
  return (
    <>
      <When at={lastOf(delivery)} />
      <td>
        <State state={state} />
      </td>
      <Way envelope_id={envelope_id} from={source_agent} to={target} />
      <Cost record={record} />
      <td class="num">
        {accepted_at === undefined ? (
          <span class="dim">–</span>
        ) : (
          duration(Date.parse(accepted_at) - Date.parse(created_at))
        )}
      </td>
    </>
  )
}

/** A handoff that nobody has sent yet. */
export const UnsentRow = ({ handoff }: { handoff: Handoff }) => (
  <>
    <When at={handoff.created_at} />
    <td class="dim">sealed, not sent</td>
    <Way envelope_id={handoff.envelope_id} from={handoff.source_agent} to={handoff.target_agent} />
    <Cost record={handoff} />
    <td class="num dim">–</td>
  </>
)

const When = ({ at }: { at: string }) => (
  <td class="dim" title={at}>
    {shortTimeOf(at)}
  </td>
)

const Way = ({ envelope_id, from, to }: { envelope_id: string; from: string; to: string }) => (
  <td>
    <a data-row href={href('handoffs', envelope_id)} title={`${from} → ${to}`}>
      <FromTo from={from} to={to} />
    </a>
  </td>
)

/** What the record of an envelope says, once it is there. */
function Cost({ record }: { record: Handoff | undefined }) {
  const whole = record === undefined || record.completeness >= 1
  return (
    <>
      <td class="mid" title={record?.summary}>
        {record?.summary}
      </td>
      <td class="num hide-s">{record?.hop}</td>
      <td>
        {record && (
          <>
            <Bar value={record.token_count} of={record.max_tokens} />
            <span class="num">{number(record.token_count)}</span>
          </>
        )}
      </td>
      <td class={`num ${whole ? 'dim' : 'warn strong'}`}>{record && percent(record.completeness)}</td>
    </>
  )
}
