/** Discarding is for good, so it says what will happen and asks why; the reason is kept with the delivery. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { useAction } from '../../pieces/action.tsx'
import { discard, type Outcome } from './outcome.ts'

type DiscardFormProps = {
  ids: readonly string[]
  /** "analyst → doc-writer", "3 deliveries". */
  what: string
  onDone: (outcome: Outcome) => void
  onKeep: () => void
}

export function DiscardForm({ ids, what, onDone, onKeep }: DiscardFormProps) {
  const [reason, setReason] = useState('')
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  const { run, busy, failure } = useAction(async () => onDone(await discard(ids, reason.trim())))
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault()
        run()
      }}
      onKeyDown={(event) => event.key === 'Escape' && onKeep()}
    >
      <p class="second">
        <strong>Discard?</strong> {what} will never be delivered.{' '}
        {ids.length === 1 ? 'Its envelope stays' : 'The envelopes stay'} in the record.
      </p>
      <input
        ref={field}
        class="field"
        aria-label="Reason"
        placeholder="Reason, kept with the delivery"
        maxLength={2_000}
        value={reason}
        onInput={(event) => setReason(event.currentTarget.value)}
      />
      {failure && <p class="crit">{failure.message}</p>}
      <div class="row">
        <button type="submit" class="btn danger" disabled={busy || reason.trim() === ''}>
          Discard
        </button>
        <button type="button" class="btn quiet" onClick={onKeep}>
          Keep
        </button>
      </div>
    </form>
  )
}
