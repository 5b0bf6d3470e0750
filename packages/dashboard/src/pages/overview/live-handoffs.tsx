/** The newest handoffs as they happen. Under the pointer or the focus they hold still. */

import type { Delivery } from '../../../../spine/src/protocol/delivery.ts'
import type { HealthReport } from '../../../../spine/src/protocol/health.ts'
import { href } from '../../core/router.ts'
import type { DeliveryList } from '../../data/delivery-list.ts'
import { useHeld } from '../../data/held.ts'
import { Empty, Failed, Loading } from '../../pieces/panel.tsx'
import { Rows } from '../../pieces/rows.tsx'
import { DeliveryRow, deliveryColumns } from '../handoffs/delivery-row.tsx'

const shown_rows = 14
const keyOf = ({ id }: Delivery) => id
const windows_s = { '5m': 300, '1h': 3_600, '24h': 86_400 } as const

/** "0.36 per second", or per minute where that is a number one can see. */
function paceOf({ figures, window }: HealthReport): string {
  const per_second = figures.handoffs / windows_s[window]
  return per_second >= 0.1 ? `${per_second.toFixed(2)} per second` : `${(per_second * 60).toFixed(1)} per minute`
}

export function LiveHandoffs({ list, report }: { list: DeliveryList; report: HealthReport | undefined }) {
  const { shown, waiting, release, hold } = useHeld(list.rows ?? [], keyOf)
  return (
    <section class="panel" aria-label="Handoffs, live" {...hold}>
      <header>
        <h2>Handoffs, live</h2>
        {waiting > 0 && (
          <button type="button" class="pill" onClick={release}>
            {waiting} new while you read
          </button>
        )}
        <span class="end">
          {report && `${paceOf(report)} · `}
          <a class="link" href={href('handoffs')}>
            all
          </a>
        </span>
      </header>
      {list.failure && !list.rows && (
        <Failed
          what="The list could not be read."
          goesOn="Deliveries go on; only this list is missing."
          failure={list.failure}
          again={list.again}
        />
      )}
      {!list.rows && !list.failure && <Loading rows={shown_rows} />}
      {list.rows && shown.length === 0 && <Empty title="Nothing was handed over to it yet." />}
      {shown.length > 0 && (
        <Rows
          label="Handoffs, live"
          columns={deliveryColumns}
          items={shown.slice(0, shown_rows)}
          keyOf={keyOf}
          row={(delivery) => <DeliveryRow delivery={delivery} />}
          fresh={list.fresh}
        />
      )}
    </section>
  )
}
