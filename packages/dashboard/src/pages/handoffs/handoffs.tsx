/** Every handoff, newest first, sent or not: filtered by state and receiver, searched by text among what is here. */

import { useMemo } from 'preact/hooks'
import type { Delivery, DeliveryState } from '../../../../spine/src/protocol/delivery.ts'
import type { Handoff } from '../../../../spine/src/protocol/handoff.ts'
import { useRowKeys } from '../../core/keyboard.ts'
import { type Route, setQuery } from '../../core/router.ts'
import { number, plural } from '../../core/words.ts'
import { useAgentNames } from '../../data/agents.ts'
import { useDeliveryList } from '../../data/delivery-list.ts'
import { useHeld } from '../../data/held.ts'
import { recordOf } from '../../data/records.ts'
import { Pick } from '../../pieces/controls.tsx'
import { Empty, Failed, Head, Loading } from '../../pieces/panel.tsx'
import { Rows } from '../../pieces/rows.tsx'
import { DeliveryRow, deliveryColumns, UnsentRow } from './delivery-row.tsx'

const states: readonly DeliveryState[] = [
  'ready',
  'leased',
  'accepted',
  'completed',
  'parked',
  'rerouted',
  'expired',
  'cancelled',
  'discarded',
]

/** In the place of a state. */
const unsent = { value: 'unsent', label: 'sealed, not sent' } as const

type Row = Delivery | Handoff
const isSent = (row: Row): row is Delivery => 'state' in row
const idOf = (row: Row) => (isSent(row) ? row.id : row.envelope_id)

/** Both newest first, and so is what comes of them. */
function merged(deliveries: readonly Delivery[], handoffs: readonly Handoff[]): readonly Row[] {
  if (handoffs.length === 0) return deliveries
  return [...deliveries, ...handoffs].sort((left, right) => right.created_at.localeCompare(left.created_at))
}

function matcher(text: string): (row: Row) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return (row) => {
    const record = isSent(row) ? recordOf(row.envelope_id) : row
    const { id, target, reason, channel } = isSent(row) ? row : { target: row.target_agent }
    const said = [id, row.envelope_id, row.source_agent, target, reason, channel, record?.summary, record?.task_id]
    const all = said.join('\n').toLowerCase()
    return words.every((word) => all.includes(word))
  }
}

export function Handoffs({ route }: { route: Route }) {
  useRowKeys()
  const { state = '', target = '', q = '' } = route.query
  const list = useDeliveryList({
    ...(states.includes(state as DeliveryState) && { state: state as DeliveryState }),
    ...(target && { target }),
  })
  const agents = useAgentNames()
  const deliveries = list.rows ?? []
  const all = useMemo(
    () => merged(state === unsent.value ? [] : deliveries, list.unsent),
    [deliveries, list.unsent, state],
  )
  const found = useMemo(() => (q ? all.filter(matcher(q)) : all), [all, q])
  const { shown, waiting, release, hold } = useHeld(found, idOf)
  const filtered = Boolean(state || target || q)
  const clear = () => setQuery({ state: undefined, target: undefined, q: undefined })
  const count = `${number(found.length)}${list.whole ? '' : '+'}`
  return (
    <>
      <Head
        title={filtered ? `${count} of the handoffs match` : 'Handoffs'}
        sub="One row is one envelope on its way to one receiver, newest first; what was sealed and not sent has one too."
      />
      <section class="panel" {...hold}>
        <div class="filters">
          <input
            class="field"
            type="search"
            aria-label="Search these handoffs"
            placeholder="Task, agent, id, reason"
            value={q}
            onInput={(event) => setQuery({ q: event.currentTarget.value })}
          />
          <Pick
            label="State"
            value={state}
            choices={[{ value: '', label: 'All states' }, ...states.map((value) => ({ value, label: value })), unsent]}
            onChange={(value) => setQuery({ state: value })}
          />
          <Pick
            label="Receiver"
            value={target}
            choices={[{ value: '', label: 'All receivers' }, ...agents.map((name) => ({ value: name, label: name }))]}
            onChange={(value) => setQuery({ target: value })}
          />
          {filtered && (
            <button type="button" class="plain link" onClick={clear}>
              Clear filter
            </button>
          )}
          {waiting > 0 && (
            <button type="button" class="pill" onClick={release}>
              {waiting} new while you read
            </button>
          )}
          <span class="end">{list.rows && plural(deliveries.length, 'delivery', 'deliveries')} read</span>
        </div>
        {list.failure && !list.rows && (
          <Failed
            what="The list could not be read."
            goesOn="Deliveries go on; only this list is missing."
            failure={list.failure}
            again={list.again}
          />
        )}
        {!list.rows && !list.failure && <Loading rows={20} />}
        {list.rows && shown.length > 0 && (
          <Rows
            label="Handoffs"
            columns={deliveryColumns}
            items={shown}
            keyOf={idOf}
            row={(row) => (isSent(row) ? <DeliveryRow delivery={row} /> : <UnsentRow handoff={row} />)}
            fresh={list.fresh}
            onEnd={list.more}
          />
        )}
        {list.rows && shown.length === 0 && (
          <Empty title={filtered ? 'No handoff matches.' : 'Nothing was handed over yet.'}>
            {filtered && (
              <>
                {q && `${plural(all.length, 'handoff')} without the words. `}
                <button type="button" class="plain link" onClick={clear}>
                  Clear filter
                </button>
              </>
            )}
          </Empty>
        )}
      </section>
    </>
  )
}
