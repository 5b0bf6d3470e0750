/** No connection: since when, what the figures are worth, and when it is tried again. They stay where they are. */

import { useNow } from '../core/now.ts'
import { tryNow, useConnection } from '../core/stream.ts'
import { timeOf } from '../core/words.ts'
import { TierGlyph } from '../pieces/glyphs.tsx'

export function Banner() {
  const connection = useConnection()
  return connection.state === 'lost' ? <Lost {...connection} /> : null
}

function Lost({ since, again_at }: { since: number; again_at: number }) {
  const seconds = Math.max(0, Math.ceil((again_at - useNow(500)) / 1_000))
  return (
    <div class="banner" role="status">
      <TierGlyph tier="warning" />
      <span>
        <strong>No connection since {timeOf(since)}.</strong> Figures are from then.{' '}
        <span aria-hidden="true">{seconds > 0 ? `Trying again in ${seconds} s` : 'Trying now'}; nothing</span>
        <span class="sr">Nothing</span> will be missed, events resume where they stopped.
      </span>
      <button type="button" class="btn small" onClick={tryNow}>
        Try now
      </button>
    </div>
  )
}
