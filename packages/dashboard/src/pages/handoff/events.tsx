/** Everything that happened to the deliveries of a handoff, in the order of time. */

import type { Delivery, DeliveryEvent } from '../../../../spine/src/protocol/delivery.ts'
import type { Envelope } from '../../../../spine/src/protocol/envelope.ts'
import { duration, timeOf } from '../../core/words.ts'
import { Empty, Panel } from '../../pieces/panel.tsx'
import { type Column, Rows } from '../../pieces/rows.tsx'

const columns: readonly Column[] = [
  { head: 'Time', width: 90 },
  { head: 'After sealing', width: 96, num: true },
  { head: 'Receiver', width: 170 },
  { head: 'Event', width: 130 },
  { head: 'Lease', width: 60, num: true },
  { head: 'Reason' },
]

type Happened = DeliveryEvent & { key: string; target: string }

type EventsProps = { envelope: Envelope; deliveries: readonly Delivery[] }

export function Events({ envelope, deliveries }: EventsProps) {
  const happened: Happened[] = deliveries
    .flatMap(({ id, target, history }) => history.map((event, index) => ({ ...event, key: `${id} ${index}`, target })))
    .sort((left, right) => (left.at < right.at ? -1 : left.at > right.at ? 1 : 0))
  const sealed = Date.parse(envelope.created_at)
  return (
    <Panel title="Events" end="heartbeats are not kept">
      {happened.length === 0 ? (
        <Empty title="Nothing has happened yet." />
      ) : (
        <Rows
          label="Events"
          columns={columns}
          items={happened}
          keyOf={({ key }) => key}
          row={({ at, target, event, epoch, reason }) => (
            <>
              <td class="dim">{timeOf(at)}</td>
              <td class="num dim">{duration(Date.parse(at) - sealed)}</td>
              <td title={target}>{target}</td>
              <td>{event.replaceAll('_', ' ')}</td>
              <td class="num dim">{epoch || '–'}</td>
              <td class="mid" title={reason}>
                {reason}
              </td>
            </>
          )}
        />
      )}
    </Panel>
  )
}
