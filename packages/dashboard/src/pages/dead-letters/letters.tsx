/** The list: a head for each cause, and what can be done with all that are chosen. */

import { useState } from 'preact/hooks'
import type { Delivery } from '../../../../spine/src/protocol/delivery.ts'
import { useNow } from '../../core/now.ts'
import { age, plural } from '../../core/words.ts'
import { whyParked } from '../../data/attempts.ts'
import { useRecord } from '../../data/records.ts'
import { useAction } from '../../pieces/action.tsx'
import { FromTo } from '../../pieces/bar.tsx'
import { StateGlyph } from '../../pieces/glyphs.tsx'
import { endAt } from '../../pieces/lane.tsx'
import type { Cause } from './causes.ts'
import { DiscardForm } from './discard-form.tsx'
import { type Outcome, redrive } from './outcome.ts'

/** So many are drawn at first, and with each asking for more. */
const page_letters = 100

type LettersProps = {
  shared: readonly Cause[]
  others: readonly Delivery[]
  opened: string | undefined
  chosen: ReadonlySet<string>
  onOpen: (delivery: Delivery) => void
  onChoose: (chosen: ReadonlySet<string>) => void
  onDone: (outcome: Outcome) => void
}

export function Letters({ shared, others, opened, chosen, onOpen, onChoose, onDone }: LettersProps) {
  const [asking, setAsking] = useState(false)
  const [room, setRoom] = useState(page_letters)
  const all = [...shared.flatMap((cause) => cause.deliveries), ...others]
  const ids = all.map(({ id }) => id).filter((id) => chosen.has(id))
  const sending = useAction(async () => onDone(await redrive(ids)))
  const choose = (which: readonly Delivery[], on: boolean) => {
    const next = new Set(chosen)
    for (const { id } of which) on ? next.add(id) : next.delete(id)
    onChoose(next)
  }
  const drawn = new Set(all.slice(0, room))
  const letter = (delivery: Delivery) =>
    drawn.has(delivery) && (
      <Letter
        key={delivery.id}
        delivery={delivery}
        opened={delivery.id === opened}
        chosen={chosen.has(delivery.id)}
        onOpen={() => onOpen(delivery)}
        onChoose={(on) => choose([delivery], on)}
      />
    )
  return (
    <section class="panel letters" aria-label="Dead letters">
      <header>
        <Check
          label="All of them"
          on={ids.length === all.length}
          some={ids.length > 0 && ids.length < all.length}
          onChange={(on) => choose(all, on)}
        />
        <h2>{ids.length > 0 ? `${ids.length} selected` : plural(all.length, 'dead letter')}</h2>
        <span class="end row">
          <button type="button" class="btn small" disabled={ids.length === 0 || sending.busy} onClick={sending.run}>
            Redrive {ids.length}
          </button>
          <button
            type="button"
            class="btn small danger"
            disabled={ids.length === 0}
            aria-expanded={asking}
            onClick={() => setAsking(!asking)}
          >
            Discard {ids.length}…
          </button>
        </span>
      </header>
      {sending.failure && <p class="ask crit">{sending.failure.message}</p>}
      {asking && ids.length > 0 && (
        <DiscardForm
          ids={ids}
          what={plural(ids.length, 'delivery', 'deliveries')}
          onDone={onDone}
          onKeep={() => setAsking(false)}
        />
      )}
      {shared.map((cause) => (
        <div key={cause.title}>
          <h3 class="cause">
            <StateGlyph state="parked" size={12} />
            <span class="cut" title={cause.title}>
              {cause.title}
            </span>
            <span class="nowrap">· {plural(cause.deliveries.length, 'delivery', 'deliveries')}</span>
            <button
              type="button"
              class="plain link end"
              onClick={() => choose(cause.deliveries, !cause.deliveries.every(({ id }) => chosen.has(id)))}
            >
              Select
            </button>
          </h3>
          {cause.deliveries.map(letter)}
        </div>
      ))}
      {others.length > 0 && shared.length > 0 && (
        <h3 class="cause other">
          <StateGlyph state="parked" size={12} />
          other causes · {plural(others.length, 'delivery', 'deliveries')}
        </h3>
      )}
      {others.map(letter)}
      {all.length > room && (
        <p class="second rest">
          {all.length - room} more.{' '}
          <button type="button" class="plain link" onClick={() => setRoom(room + page_letters)}>
            Show the next {Math.min(page_letters, all.length - room)}
          </button>
        </p>
      )}
    </section>
  )
}

type CheckProps = { label: string; on: boolean; some?: boolean; onChange: (on: boolean) => void }

const Check = ({ label, on, some = false, onChange }: CheckProps) => (
  <input
    type="checkbox"
    aria-label={label}
    checked={on}
    ref={(element) => {
      if (element) element.indeterminate = some
    }}
    onChange={(event) => onChange(event.currentTarget.checked)}
  />
)

type LetterProps = {
  delivery: Delivery
  opened: boolean
  chosen: boolean
  onOpen: () => void
  onChoose: (on: boolean) => void
}

function Letter({ delivery, opened, chosen, onOpen, onChoose }: LetterProps) {
  const { id, source_agent, target, reason, attempts, envelope_id } = delivery
  const record = useRecord(envelope_id)
  const now = useNow(5_000)
  return (
    <article class={`letter ${opened ? 'opened' : ''}`}>
      <Check label={`Select ${source_agent} to ${target}`} on={chosen} onChange={onChoose} />
      <div>
        <button id={`letter-${id}`} type="button" aria-current={opened} onClick={onOpen}>
          <FromTo from={source_agent} to={target} />
        </button>
        <p class="second cut" title={reason}>
          {reason ?? 'no reason was given'}
        </p>
        <p class="second cut dim" title={record?.summary}>
          {record ? `${record.summary}, hop ${record.hop}` : ' '}
        </p>
      </div>
      <div class="when">
        <span class="mid">{whyParked(delivery)}</span>
        <br />
        {plural(attempts, 'attempt')}
        <br />
        {age(now - Date.parse(endAt(delivery) ?? delivery.created_at))}
      </div>
    </article>
  )
}
