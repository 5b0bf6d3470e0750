/** What the handoff has to keep to: who set it at which hop. What was narrowed or waived keeps its old value, struck. */

import type { Envelope, LedgerEntry } from '../../../../spine/src/protocol/envelope.ts'
import { shown } from '../../core/words.ts'
import { Empty, Panel } from '../../pieces/panel.tsx'

export function Constraints({ envelope: { constraints, constraint_ledger } }: { envelope: Envelope }) {
  const keys = [...new Set([...Object.keys(constraints), ...Object.keys(constraint_ledger)])]
  const waived = keys.filter((key) => isWaived(key, constraints, constraint_ledger[key])).length
  const inForce = keys.length - waived
  return (
    <Panel title="Constraints" end={keys.length > 0 && `${inForce} in force${waived > 0 ? `, ${waived} waived` : ''}`}>
      {keys.length === 0 && <Empty title="None were set." />}
      <ul class="ledger">
        {keys.map((key) => (
          <Constraint key={key} name={key} value={constraints[key]} entry={constraint_ledger[key]} />
        ))}
      </ul>
    </Panel>
  )
}

const isWaived = (key: string, constraints: Envelope['constraints'], entry: LedgerEntry | undefined): boolean =>
  entry?.waiver !== undefined && !Object.hasOwn(constraints, key)

type ConstraintProps = { name: string; value: unknown; entry: LedgerEntry | undefined }

function Constraint({ name, value, entry }: ConstraintProps) {
  const { set_by = 'unknown', hop, locked, narrowed = [], waiver } = entry ?? {}
  const by = [
    `${set_by}${hop === undefined ? '' : `, hop ${hop}`}`,
    ...narrowed.map((step) => `narrowed by ${step.by}, hop ${step.hop}`),
    ...(waiver ? [`waived by ${waiver.by}, hop ${waiver.hop}: “${waiver.reason}”`] : []),
  ].join('; ')
  const gone = waiver && value === undefined
  const plain = narrowed.length === 0 && !waiver && shown(value).length < 34
  return (
    <li class={plain ? 'one' : ''}>
      <code>{name}</code>
      <div>
        <span>
          {narrowed.map((step) => (
            <s key={step.hop}>{shown(step.from)} </s>
          ))}
          {gone ? <s>{shown(waiver.was ?? '')}</s> : shown(value)}
          {locked && <span class="tag">locked</span>}
          {narrowed.length > 0 && <span class="tag accent">narrowed</span>}
          {waiver && <span class="tag warn">waived</span>}
        </span>
        <span class="by">{by}</span>
      </div>
    </li>
  )
}
