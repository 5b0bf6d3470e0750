/** One delivery as a row: where it is, from whom to whom, for what, and what it cost. */

import type { Delivery } from '../../../../spine/src/protocol/delivery.ts'
import { href } from '../../core/router.ts'
import { duration, number, percent, shortTimeOf } from '../../core/words.ts'
import { useRecord } from '../../data/records.ts'
import { Bar, FromTo } from '../../pieces/bar.tsx'
import { State } from '../../pieces/glyphs.tsx'
import type { Column } from '../../pieces/rows.tsx'

export const deliveryColumns: readonly Column[] = [
  { head: 'Last event', width: 86 },
  { head: 'State', width: 104 },
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
  const whole = record === undefined || record.completeness >= 1
  return (
    <>
      <td class="dim" title={lastOf(delivery)}>
        {shortTimeOf(lastOf(delivery))}
      </td>
      <td>
        <State state={state} />
      </td>
      <td>
        <a data-row href={href('handoffs', envelope_id)} title={`${source_agent} → ${target}`}>
          <FromTo from={source_agent} to={target} />
        </a>
      </td>
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
