/** What was asked for and could not be carried. */

import type { Envelope } from '../../../../spine/src/protocol/envelope.ts'
import type { Gap } from '../../../../spine/src/protocol/memory.ts'
import { href } from '../../core/router.ts'
import { plural } from '../../core/words.ts'
import { LevelGlyph } from '../../pieces/glyphs.tsx'
import { Empty, Panel } from '../../pieces/panel.tsx'

const reasons: Readonly<Record<Gap['reason'], string>> = {
  not_found: 'Nothing with this id was ever stored here.',
  deleted: 'It was deleted before the sealing.',
  expired: 'It had expired before the sealing.',
  changed: 'It was changed, and the caller wanted it as it was.',
  damaged: 'Its stored text was damaged, and is not shown.',
  unavailable: 'It could not be read at the sealing.',
}

export function Gaps({ envelope: { completeness } }: { envelope: Envelope }) {
  const { gaps, requested } = completeness
  return (
    <Panel title="Gaps" end={`${gaps.length} of ${plural(requested, 'reference')}`}>
      {gaps.length === 0 && (
        <Empty title={requested === 0 ? 'Nothing was asked for by name.' : 'Everything that was asked for is there.'} />
      )}
      <ul class="ledger">
        {gaps.map(({ id, reason }) => (
          <li key={id}>
            <span class="row">
              <LevelGlyph ink="gap" />
              <a class="mono cut" href={href('memories', id)} title={id}>
                {id}
              </a>
            </span>
            <div>
              {reasons[reason]}
              <span class="by">Its receivers were told that it is missing.</span>
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
