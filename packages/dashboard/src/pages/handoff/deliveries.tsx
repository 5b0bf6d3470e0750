/** The deliveries of one envelope, all on one clock from the sealing on. */

import type { Delivery } from '../../../../spine/src/protocol/delivery.ts'
import type { Envelope } from '../../../../spine/src/protocol/envelope.ts'
import { useNow } from '../../core/now.ts'
import { href } from '../../core/router.ts'
import { duration, timeOf } from '../../core/words.ts'
import { attemptsOf, endOf, failed } from '../../data/attempts.ts'
import { State } from '../../pieces/glyphs.tsx'
import { clockOf, endAt, Lane } from '../../pieces/lane.tsx'
import { Empty, Panel } from '../../pieces/panel.tsx'

const most_lanes = 50

type DeliveriesProps = { envelope: Envelope; deliveries: readonly Delivery[] }

export function Deliveries({ envelope, deliveries }: DeliveriesProps) {
  const now = useNow()
  const ordered = deliveries.toSorted((left, right) => (left.id < right.id ? -1 : 1))
  const clock = clockOf(ordered, Date.parse(envelope.created_at), now)
  return (
    <Panel title="Deliveries" end={deliveries.length > 0 && `0 to ${duration(clock.to - clock.from)} after sealing`}>
      {deliveries.length === 0 && <Empty title="It was sealed, but not sent." />}
      {ordered.slice(0, most_lanes).map((delivery) => (
        <div key={delivery.id} class="delivery">
          <div>
            <strong>{delivery.target}</strong>
            <State state={delivery.state} />
            <span class="end">
              <Ending delivery={delivery} />
            </span>
          </div>
          <Lane delivery={delivery} clock={clock} now={now} />
          <p>{summaryOf(delivery)}</p>
        </div>
      ))}
      {ordered.length > most_lanes && <p class="delivery">{ordered.length - most_lanes} more are in Events.</p>}
    </Panel>
  )
}

function Ending({ delivery }: { delivery: Delivery }) {
  const { id, state, created_at, lease_until } = delivery
  if (state === 'parked')
    return (
      <a class="link" href={href('dead-letters', undefined, { open: id })}>
        open
      </a>
    )
  const end = endAt(delivery)
  if (end) return <>{duration(Date.parse(end) - Date.parse(created_at))}</>
  return <>{lease_until ? `lease until ${timeOf(lease_until)}` : 'waits to be claimed'}</>
}

/** "1, 2 handed back: HTTP 503. 3 accepted after 6.80 s." */
function summaryOf(delivery: Delivery): string {
  const { created_at, state, late, generation } = delivery
  const said = new Map<string, number[]>()
  for (const attempt of attemptsOf(delivery)) {
    const words = failed(attempt)
      ? `${lower(endOf(attempt))}${attempt.reason ? `: ${attempt.reason}` : ''}`
      : attempt.accepted === undefined
        ? 'leased'
        : `accepted after ${duration(attempt.accepted - Date.parse(created_at))}`
    said.set(words, [...(said.get(words) ?? []), attempt.number])
  }
  const parts = [...said].slice(-3).map(([words, numbers]) => `${numbers.join(', ')} ${words}.`)
  if (generation) parts.push(`Redriven ${generation === 1 ? 'once' : `${generation} times`}.`)
  if (late) parts.push('Completed late.')
  return parts.join(' ') || (state === 'ready' ? 'Nobody has claimed it yet.' : (delivery.reason ?? ' '))
}

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)
